"""Reads what a person filled in, into prompts and lanes. Knows no gradio; every `Problem` says where and what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from backends.kind import ImageLimits, without_reasoning
from backends.lane import Backend, Lane
from backends.model import advised_temperature
from backends.prompt import Image, Prompt, Turn, UserTurn, follow_up, images_of
from backends.registry import Registry
from backends.schedule import Schedule
from backends.tokens import LONGEST_SIDE
from storage.comparison import Comparison
from storage.errors import ImageError
from storage.images import ImageStore
from storage.lanes import address_hash
from storage.plan import OPEN, Pace, Plan, Presentation, Traces
from ui import toolbox
from ui.toolbox import Problem, clean
from ui.view import LETTERS, listed

FEWEST, MOST = 2, len(LETTERS)

REDUCED, AS_THEY_ARE = f"up to {LONGEST_SIDE} px", "as they are"

Asked = list[tuple[Lane, Prompt]]


@dataclass(frozen=True, slots=True)
class Settings:
    """What one lane's fields hold, unchecked, in the order of the fields."""

    backend: str | None = None
    effort: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: float | None = None
    seed: float | None = None
    replays: bool | None = True
    waits: bool | None = False


FIELDS = len(Settings.__slots__)


def settings_of(fields: Sequence[Any], count: int) -> list[Settings]:
    """The first `count` lanes, from all lanes' fields in a row."""
    return [Settings(*fields[i * FIELDS : (i + 1) * FIELDS]) for i in range(count)]


@dataclass(frozen=True, slots=True)
class Given:
    """Everything that is filled in when lanes are asked, unchecked; `run` is the comparison shown."""

    text: str
    files: Sequence[str]
    system: str
    sizes: str
    plan: Sequence[Any]
    tools: toolbox.Fields
    follow: bool
    run: str
    lanes: Sequence[Settings]

    @property
    def follows(self) -> str:
        """The comparison to follow up, or ""."""
        return self.run if self.follow else ""


def given(
    prompt: dict[str, Any] | None,
    system: str | None,
    sizes: str | None,
    follow: bool,
    run: str,
    count: float,
    *fields: Any,
) -> Given:
    """From the page's inputs in their order: `fields` are those of the plan, of the tools, then of each lane."""
    written = prompt or {}
    planned, fields = fields[:PLANNED], fields[PLANNED:]
    edge = len(toolbox.Fields.__slots__)
    return Given(
        text=written.get("text", ""),
        files=written.get("files", ()),
        system=system or "",
        sizes=sizes or "",
        plan=planned,
        tools=toolbox.Fields(*fields[:edge]),
        follow=follow,
        run=run,
        lanes=settings_of(fields[edge:], int(count)),
    )


PLANNED = 6
MOST_SAMPLES = 10


def plan(
    blind: bool | None,
    pace: str | None,
    traces: str | None,
    schedule: str | None,
    warm_up: bool | None,
    samples: float | None,
) -> Plan:
    """From the fields of the composer's "How it runs" part, in their order. Raises Problem."""
    try:
        presentation = Presentation(True, Pace(pace), Traces(traces)) if blind else OPEN
        wanted = Schedule(schedule)
    except ValueError as error:
        raise Problem(f"How it runs: {error}; choose another.") from error
    count = 1 if samples is None else samples
    if count != int(count) or not 1 <= count <= MOST_SAMPLES:
        raise Problem(f"How it runs: samples must be a whole number from 1 to {MOST_SAMPLES}.")
    return Plan(presentation, wanted, bool(warm_up), int(count))


def offered(registry: Registry) -> list[Backend]:
    """Those to choose from: served models before the embedded one."""
    return sorted(registry.backends, key=lambda backend: backend.kind == "local")


def usual(registry: Registry) -> list[Settings]:
    """Two lanes to begin with: the first backend at each of two efforts."""
    backends = offered(registry)
    first = first_settings(registry, backends[0].name)
    return [first, replace(first, effort=registry.efforts(backends[0])[-1])]


def first_settings(registry: Registry, name: str) -> Settings:
    """What a new lane on this backend starts with."""
    backend = registry.find(name)
    if backend is None:
        return Settings(name)
    effort, replays = registry.efforts(backend)[0], can_replay(registry, backend)
    return Settings(name, effort, backend.model, backend.temperature, backend.max_tokens, replays=replays)


def settings_for(lane: Lane) -> Settings:
    return Settings(
        lane.backend.name,
        lane.effort,
        lane.model,
        lane.temperature,
        lane.max_tokens,
        lane.seed,
        lane.replays,
        lane.waits,
    )


def can_replay(registry: Registry, backend: Backend) -> bool:
    """Does this kind of server take a lane's earlier reasoning back?"""
    return registry.kind(backend).dialect.replay is not without_reasoning


def going_back(registry: Registry, asked: Sequence[Lane]) -> str:
    """What a follow-up does with the reasoning of these lanes, in a sentence."""
    found = [registry.find(lane.backend.name) for lane in asked]
    letters = [
        letter
        for letter, lane, backend in zip(LETTERS, asked, found, strict=False)
        if backend and lane.replays and can_replay(registry, backend)
    ]
    if len(letters) == len(asked):
        return "Its own reasoning goes back to each lane."
    return f"Its own reasoning goes back to {listed(letters)} only." if letters else "No reasoning goes back."


def lanes(registry: Registry, chosen: Sequence[Settings]) -> tuple[Lane, ...]:
    if not FEWEST <= len(chosen) <= MOST:
        raise Problem(f"Choose {FEWEST} to {MOST} lanes.")
    return tuple(lane_of(registry, f"Lane {letter}", one) for letter, one in zip(LETTERS, chosen, strict=False))


def problems(registry: Registry, chosen: Sequence[Settings]) -> list[str]:
    """What keeps these lanes from being asked, one line for each that can't be."""
    found = []
    for letter, one in zip(LETTERS, chosen, strict=False):
        try:
            lane_of(registry, f"Lane {letter}", one)
        except Problem as problem:
            found.append(str(problem))
    return found


def lane_of(registry: Registry, where: str, chosen: Settings) -> Lane:
    backend = registry.find(chosen.backend)
    if backend is None:
        raise Problem(f"{where}: choose a backend; {chosen.backend or 'none'!r} is not declared.")
    effort = chosen.effort or ""
    if effort not in registry.efforts(backend):
        raise Problem(f"{where}: {backend.name} has no effort {effort!r}; choose another.")
    if chosen.temperature is not None and not 0 <= chosen.temperature <= 2:
        raise Problem(f"{where}: temperature must be from 0 to 2, or empty for the server's own.")
    model = clean(chosen.model or "").strip() or backend.model
    return Lane(
        backend=backend,
        model=model,
        artifact=backend.artifact if model == backend.model else "",
        effort=effort,
        temperature=advised(backend, model, effort) if chosen.temperature is None else chosen.temperature,
        max_tokens=_whole(chosen.max_tokens, 1, f"{where}: max tokens"),
        seed=_whole(chosen.seed, 0, f"{where}: seed"),
        replays=bool(chosen.replays) and can_replay(registry, backend),
        waits=bool(chosen.waits),
    )


def advised(backend: Backend, model: str, effort: str) -> float | None:
    """The temperature that is sent where none is filled in; one declared for this backend stands before any advice."""
    if backend.temperature is not None or "temperature" in backend.omit:
        return None
    return advised_temperature(model, effort)


def _whole(value: float | None, least: int, what: str) -> int | None:
    if value is None:
        return None
    if value != int(value) or not least <= value < 2**31:
        raise Problem(f"{what} must be a whole number from {least}, or empty for the server's own.")
    return int(value)


def images(store: ImageStore, files: Sequence[str], sizes: str) -> tuple[Image, ...]:
    """Blocking: decodes and re-encodes what was not asked for just before."""
    return tuple(_image(store, Path(file), None if sizes == AS_THEY_ARE else LONGEST_SIDE) for file in files)


@lru_cache(maxsize=12)  # an upload's path names its content
def _image(store: ImageStore, file: Path, longest: int | None) -> Image:
    try:
        return store.add(file.read_bytes(), longest)
    except ImageError as error:
        raise Problem(f"{file.name}: {error}") from error
    except OSError as error:
        raise Problem(f"{file.name} is gone from the server: attach it again.") from error


def prompt(system: str, text: str, pictures: tuple[Image, ...], fields: toolbox.Fields) -> Prompt:
    checked = toolbox.read(fields)
    turn = UserTurn(clean(text), pictures)
    return Prompt(clean(system).strip(), (turn,), checked.tools, checked.choice, checked.toolbox)


def next_turn(registry: Registry, earlier: Comparison, text: str, pictures: tuple[Image, ...]) -> tuple[Prompt, Asked]:
    """The follow-up of a comparison: each lane as it was, with its own history."""
    asked = replace(earlier.prompt, turns=(UserTurn(clean(text), pictures),))
    following = []
    for letter, kept in zip(LETTERS, earlier.lanes, strict=False):
        lane = lane_of(registry, f"Lane {letter}", settings_for(kept.lane))
        if (address_hash(lane.backend), lane.artifact) != (kept.address_hash, kept.lane.artifact):
            raise Problem(
                f"Lane {letter}: {lane.backend.name} is another server or artifact by now. Start a new comparison."
            )
        try:
            following.append((lane, follow_up(kept.prompt, kept.answer.turns, clean(text), pictures)))
        except ValueError as error:
            raise Problem(f"Lane {letter}: {error}.") from error
    return asked, following


def fitted(registry: Registry, store: ImageStore, asked: Asked) -> Asked:
    """Each lane's prompt with the images that its kind of server takes: not too many, none too large. Blocking."""
    return [
        (lane, fit(registry, store, f"Lane {letter}", lane, prompt))
        for letter, (lane, prompt) in zip(LETTERS, asked, strict=False)
    ]


def fit(registry: Registry, store: ImageStore, where: str, lane: Lane, prompt: Prompt) -> Prompt:
    limits, count = registry.kind(lane.backend).limits(lane.backend), len(images_of(prompt.turns))
    if limits.most is not None and count > limits.most:
        raise Problem(
            f"{where}: {lane.backend.name} takes at most {limits.most} images in one conversation, and this has"
            f" {count}; remove some, or choose another backend."
        )
    return replace(prompt, turns=tuple(_smaller(store, prompt.turns, limits)))


def _smaller(store: ImageStore, turns: Sequence[Turn], limits: ImageLimits) -> Iterator[Turn]:
    for turn in turns:
        match turn:
            case UserTurn(images=pictures):
                fitted = (store.fitted(image, limits.bytes, limits.longest) for image in pictures)
                yield replace(turn, images=tuple(fitted))
            case _:
                yield turn
