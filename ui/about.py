"""What a person should know of each lane before it is asked, as plain values; no gradio."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from backends.caveats import Weight, caveats, weigh
from backends.lane import Backend, Lane
from backends.prompt import Prompt
from backends.registry import Registry
from backends.routing import suggest
from backends.status import Reach, Status

EMPTY_SYSTEM = "The system prompt goes out empty, so that no chat template adds its own."


def undeclared(name: str | None) -> dict[str, Any]:
    """Of a backend that is declared no more."""
    return {"notes": [f"The backend {name!r} is not declared here: choose another."] if name else []}


def known(registry: Registry, backend: Backend | None) -> dict[str, Any]:
    """What is known of a backend whatever it is asked."""
    if backend is None:
        return {}
    missing = registry.missing_key(backend)
    said = [f"Needs a key: set {missing} and restart." if missing else "", backend.note]
    return {"backend": backend.name, "notes": [each for each in said if each]}


def weighed(registry: Registry, lane: Lane, prompt: Prompt, status: Status) -> dict[str, Any]:
    """The same, with what this prompt meets there. Blocking: a prompt is counted."""
    # whether it can be reached changes by the second: the page itself asks for that
    status = replace(status, reach=Reach.UNKNOWN)
    said, weight = caveats(registry.kind(lane.backend), lane, prompt, status), weigh(lane, prompt, status)
    about = known(registry, lane.backend)
    return about | {
        "notes": [*about["notes"], *([] if prompt.system else [EMPTY_SYSTEM])],
        "caveats": said,
        "size": size(weight),
        "images": images(weight.images),
        "suggestion": suggested(registry, lane, prompt),
        "over": weight.limit is not None and weight.tokens > weight.limit,
    }


def suggested(registry: Registry, lane: Lane, prompt: Prompt) -> dict[str, str] | None:
    """Another effort that this lane could be asked with; None where it has the one that suits, or nothing is asked."""
    found, asked = suggest(prompt), any(turn.text.strip() or turn.images for turn in prompt.turns[-1:])
    if not asked or found.effort == lane.effort or found.effort not in registry.efforts(lane.backend):
        return None
    return asdict(found)


def size(weight: Weight) -> str:
    return f"≈ {weight.tokens:,}" + (f" of {weight.limit:,}" if weight.limit else "") + " tokens"


def images(tokens: Sequence[int]) -> str:
    if not tokens:
        return ""
    each = " each" if len(tokens) > 1 and len(set(tokens)) == 1 else ""
    counts = " + ".join(f"{count:,}" for count in (tokens[:1] if each else tokens))
    return f"image{'s' * (len(tokens) > 1)}: ≈ {counts}{each}"
