"""A model as its file declares it: artifacts, where they are, what they weigh, and the shape of its cache."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parsers:
    """What servers call the parsers of its tool calls and its reasoning."""

    tools: str
    reasoning: str


@dataclass(frozen=True, slots=True)
class Cache:
    """What one token leaves in each layer: `values`, each so many numbers of `bytes`."""

    layers: int
    values: tuple[int, ...]
    value_names: tuple[str, ...]
    bytes: int
    source: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """One form of the weights; `weights` in bytes. `draft` is the repository of a head that drafts for it, with
    `draft_layers` that have a cache too."""

    name: str
    repository: str
    best_for: str
    trade_off: str
    weights: int
    source: str
    draft: str = ""
    draft_layers: int = 0


@dataclass(frozen=True, slots=True)
class Vendor:
    """How many GPUs of one hardware the vendor names."""

    hardware: str
    minimum: int
    recommended: int


@dataclass(frozen=True, slots=True)
class Model:
    """`context` in tokens; `served` is the name of its lanes."""

    name: str
    title: str
    context: int
    context_source: str
    served: str
    parsers: Parsers
    cache: Cache
    artifacts: tuple[Artifact, ...]
    vendor: tuple[Vendor, ...] = ()

    def artifact(self, name: str) -> Artifact | None:
        return next((each for each in self.artifacts if each.name == name), None)
