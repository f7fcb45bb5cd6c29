"""How one engine serves, as its file declares it: flags, versions, warnings, and what it can't do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from serving.hardware import Hardware
from serving.model import Model

SPREADS = ("copied", "split")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Where something applies: () is everywhere."""

    artifacts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    generations: tuple[str, ...] = ()
    hardware: tuple[str, ...] = ()

    def applies(self, model: Model, artifact: str, hardware: Hardware) -> bool:
        pairs = [
            (self.artifacts, artifact),
            (self.models, model.name),
            (self.generations, hardware.generation),
            (self.hardware, hardware.name),
        ]
        return all(not wanted or one in wanted for wanted, one in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Case):
    """One flag of the command; without a value it is a switch. A value may hold `$names`, see `serving.command`."""

    flag: str
    value: str = ""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warning(Case):
    """Something to know before it is deployed; `ref` is where it is reported."""

    text: str
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Case):
    """Why there is no command."""

    text: str


@dataclass(frozen=True, slots=True)
class Version:
    package: str
    minimum: str
    why: str


@dataclass(frozen=True, slots=True)
class Container:
    """The same in a container: `program` comes before the flags; `inside` is its port where that is fixed."""

    image: str
    cache: str
    why: str = ""
    program: tuple[str, ...] = ()
    flags: bool = True
    environment: tuple[str, ...] = ()
    ipc: str = ""
    shm_size: str = ""
    inside: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """One engine. `kind` is what `backends.toml` calls it; `program` and `last` enclose the flags.

    `memory` is the part of a GPU that it takes, `sequences` the requests at once that it is started with. `cache`: is
    that of a request whole on every GPU ("copied"), or spread over them ("split")? `weights` are bytes that an artifact
    takes otherwise than it is stored. A `hosted` one has no server: `steps` say how it is reached. `served` is what it
    calls a model.
    """

    name: str
    title: str
    about: str
    order: int
    kind: str
    hosted: bool = False
    steps: tuple[str, ...] = ()
    key_env: str = ""
    port: int = 8000
    memory: float = 0.9
    sequences: int = 1
    cache: str = "copied"
    artifacts: tuple[str, ...] = ()
    install: str = ""
    program: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    served: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()
    flags: tuple[Flag, ...] = ()
    container: Container | None = None
    warnings: tuple[Warning, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    def __post_init__(self) -> None:
        if self.cache not in SPREADS:
            raise ValueError(f"`cache` must be one of {', '.join(SPREADS)}")
        if not self.hosted and not (self.program and self.artifacts):
            raise ValueError("a server needs a `program` and its `artifacts`; one without has `hosted = true`")
        if not 0 < self.memory <= 1:
            raise ValueError("`memory` must be above 0 and at most 1")

    def refusal(self, model: Model, artifact: str, hardware: Hardware) -> str:
        """Why it can't be served so; "" where it can."""
        if self.hosted:
            return ""
        for each in self.refusals:
            if each.applies(model, artifact, hardware):
                return each.text
        if artifact not in self.artifacts:
            return f"{self.title} has no recipe for {artifact}: it serves {listed(self.artifacts)}."
        return ""

    def serves(self, model: Model) -> list[str]:
        return [each.name for each in model.artifacts if each.name in self.artifacts]


def listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "nothing"
