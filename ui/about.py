"""What a person should know of each lane before it is asked, as plain values; no gradio."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from backends.caveats import Weight, caveats, weigh
from backends.lane import Backend, Lane
from backends.prompt import Prompt
from backends.registry import Registry
from backends.status import Reach, Status

EMPTY_SYSTEM = "The system prompt goes out empty, so that no chat template adds its own."


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
        "over": weight.limit is not None and weight.tokens > weight.limit,
    }


def size(weight: Weight) -> str:
    return f"≈ {weight.tokens:,}" + (f" of {weight.limit:,}" if weight.limit else "") + " tokens"


def images(tokens: Sequence[int]) -> str:
    if not tokens:
        return ""
    each = " each" if len(tokens) > 1 and len(set(tokens)) == 1 else ""
    counts = " + ".join(f"{count:,}" for count in (tokens[:1] if each else tokens))
    return f"image{'s' * (len(tokens) > 1)}: ≈ {counts}{each}"
