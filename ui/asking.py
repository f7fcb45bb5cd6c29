"""Reads what a person filled in, into prompts and lanes. Knows no gradio; every `Problem` says where and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from backends.lane import Lane
from backends.prompt import Image, Prompt, Tool, UserTurn, follow_up
from backends.registry import Registry
from storage.comparison import Comparison
from storage.errors import ImageError
from storage.images import ImageStore
from storage.lanes import address_hash
from ui.view import LETTERS

FEWEST, MOST = 2, len(LETTERS)


class Problem(ValueError):
    """Something that the person has to mend before anything is sent."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one lane's fields hold, unchecked, in the order of the fields."""

    backend: str | None = None
    effort: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: float | None = None
    seed: float | None = None


FIELDS = len(Settings.__slots__)


def settings_of(fields: Sequence[Any], count: int) -> list[Settings]:
    """The first `count` lanes, from all lanes' fields in a row."""
    return [Settings(*fields[i * FIELDS : (i + 1) * FIELDS]) for i in range(count)]


def usual(registry: Registry) -> list[Settings]:
    """Two lanes to begin with: one backend at each of two efforts, a served model before the embedded one."""
    backends = sorted(registry.backends, key=lambda backend: backend.kind == "local")
    first = first_settings(registry, backends[0].name)
    return [first, replace(first, effort=registry.efforts(backends[0])[-1])]


def first_settings(registry: Registry, name: str) -> Settings:
    """What a new lane on this backend starts with."""
    backend = registry.find(name)
    if backend is None:
        return Settings(name)
    return Settings(name, registry.efforts(backend)[0], backend.model, backend.temperature, backend.max_tokens)


def settings_for(lane: Lane) -> Settings:
    return Settings(lane.backend.name, lane.effort, lane.model, lane.temperature, lane.max_tokens, lane.seed)


def lanes(registry: Registry, chosen: Sequence[Settings]) -> tuple[Lane, ...]:
    if not FEWEST <= len(chosen) <= MOST:
        raise Problem(f"Choose {FEWEST} to {MOST} lanes.")
    return tuple(_lane(registry, f"Lane {letter}", one) for letter, one in zip(LETTERS, chosen, strict=False))


def _lane(registry: Registry, where: str, chosen: Settings) -> Lane:
    backend = registry.find(chosen.backend)
    if backend is None:
        raise Problem(f"{where}: choose a backend; {chosen.backend or 'none'!r} is not declared.")
    effort = chosen.effort or ""
    if effort not in registry.efforts(backend):
        raise Problem(f"{where}: {backend.name} has no effort {effort!r}; choose another.")
    if chosen.temperature is not None and not 0 <= chosen.temperature <= 2:
        raise Problem(f"{where}: temperature must be from 0 to 2, or empty for the server's own.")
    model = (chosen.model or "").strip() or backend.model
    return Lane(
        backend=backend,
        model=model,
        artifact=backend.artifact if model == backend.model else "",
        effort=effort,
        temperature=chosen.temperature,
        max_tokens=_whole(chosen.max_tokens, 1, f"{where}: max tokens"),
        seed=_whole(chosen.seed, 0, f"{where}: seed"),
    )


def _whole(value: float | None, least: int, what: str) -> int | None:
    if value is None:
        return None
    if value != int(value) or not least <= value < 2**31:
        raise Problem(f"{what} must be a whole number from {least}, or empty for the server's own.")
    return int(value)


def images(store: ImageStore, files: Sequence[str]) -> tuple[Image, ...]:
    """Blocking: decodes and re-encodes."""
    found = []
    for file in map(Path, files):
        try:
            found.append(store.add(file.read_bytes()))
        except ImageError as error:
            raise Problem(f"{file.name}: {error}") from error
        except OSError as error:
            raise Problem(f"{file.name} is gone from the server: attach it again.") from error
    return tuple(found)


def tools(text: str) -> tuple[Tool, ...]:
    """Tools from JSON: a list of functions, or one; bare or as `{"type": "function", "function": {...}}`."""
    if not text.strip():
        return ()
    try:
        found = orjson.loads(clean(text))
    except orjson.JSONDecodeError as error:
        raise Problem(f"Tools, line {error.lineno}, column {error.colno}: {error.msg}.") from error
    return tuple(_tool(i, each) for i, each in enumerate(found if isinstance(found, list) else [found], 1))


def _tool(number: int, found: Any) -> Tool:
    match found:
        case {"function": dict() as inner}:
            found = inner
    match found:
        case {"name": str() as name} if name.replace("_", "").replace("-", "").isalnum() and len(name) <= 64:
            parameters = found.get("parameters") or {"type": "object", "properties": {}}
        case _:
            raise Problem(f'Tools, entry {number}: needs a "name" of letters, digits, _ or -.')
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        raise Problem(f'Tools, {name}: "parameters" must be a JSON schema with "type": "object".')
    return Tool(name, str(found.get("description", "")), parameters)


def prompt(system: str, text: str, pictures: tuple[Image, ...], functions: tuple[Tool, ...]) -> Prompt:
    if not text.strip():
        raise Problem("Write a prompt first.")
    return Prompt(clean(system).strip(), (UserTurn(clean(text), pictures),), functions)


def clean(text: str) -> str:
    """Half a character (a lone surrogate, as a browser may send) can be neither sent nor stored: it becomes �."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def next_turn(
    registry: Registry, earlier: Comparison, text: str, pictures: tuple[Image, ...]
) -> tuple[Prompt, list[tuple[Lane, Prompt]]]:
    """The follow-up of a comparison: each lane as it was, with its own history."""
    asked = prompt(earlier.prompt.system, text, pictures, earlier.prompt.tools)
    following = []
    for letter, kept in zip(LETTERS, earlier.lanes, strict=False):
        lane = _lane(registry, f"Lane {letter}", settings_for(kept.lane))
        if (address_hash(lane.backend), lane.artifact) != (kept.address_hash, kept.lane.artifact):
            raise Problem(
                f"Lane {letter}: {lane.backend.name} is another server or artifact by now. Start a new comparison."
            )
        try:
            following.append((lane, follow_up(kept.prompt, kept.answer.turns, clean(text), pictures)))
        except ValueError as error:
            raise Problem(f"Lane {letter}: {error}.") from error
    return asked, following
