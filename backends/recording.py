"""A recording as bytes: one JSON array a line, `[microseconds, tag, field, ...]`, so that it can be appended to.

What is dumped loads back equal. It knows neither compression nor where the bytes are kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields

import orjson

from backends.events import (
    Continued,
    Event,
    Failed,
    Finished,
    Measured,
    Progress,
    ReasoningDelta,
    Reported,
    Sent,
    Stamped,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
    Waited,
    Warmed,
)

_KINDS: dict[str, type[Event]] = {
    "sent": Sent,
    "reported": Reported,
    "progress": Progress,
    "reasoning": ReasoningDelta,
    "text": TextDelta,
    "call": ToolCallDelta,
    "result": ToolResult,
    "usage": Usage,
    "measured": Measured,
    "continued": Continued,
    "waited": Waited,
    "warmed": Warmed,
    "finished": Finished,
    "failed": Failed,
}
_TAGS = {kind: (tag, [each.name for each in fields(kind)]) for tag, kind in _KINDS.items()}


def dump(recording: Iterable[Stamped]) -> bytes:
    return b"".join(orjson.dumps(_line(each), option=orjson.OPT_APPEND_NEWLINE) for each in recording)


def _line(stamped: Stamped) -> list[object]:
    event = stamped.event
    tag, names = _TAGS[type(event)]
    return [stamped.at, tag, *[getattr(event, name) for name in names]]


def load(data: bytes) -> Iterator[Stamped]:
    """Raises ValueError on bytes that no `dump` made."""
    for line in data.splitlines():
        try:
            at, tag, *fields = orjson.loads(line)
            yield Stamped(at, _KINDS[tag](*fields))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a line of a recording: {line[:80]!r}") from error
