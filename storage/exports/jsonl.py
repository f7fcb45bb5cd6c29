"""Lossless: one comparison a line, with every event of every lane and sample, and every rating."""

import base64
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import Row

from storage.exports import fields
from storage.exports.items import Item, Scope
from storage.exports.view import Field, Left, View
from storage.images import ImageStore
from storage.showing import Showing


def write(batches: Iterable[list[Item]], _: Scope, files: ImageStore | None, left: Left) -> Iterator[bytes]:
    """The fields are those of the tables. Of what is sealed there is only what was asked."""
    for item in chain.from_iterable(batches):
        told = withheld(item) | _asked(item) if item.sealed else _told(item, files)
        yield orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
        tally(item, left)


def withheld(item: Item) -> dict[str, Any]:
    """All that is told of a sealed comparison, beside what was asked."""
    return {"id": item.row.id, "created_at": item.row.created_at, "sealed": True}


def tally(item: Item, left: Left) -> None:
    left.written["sealed comparisons, only what was asked" if item.sealed else "comparisons"] += 1


def _asked(item: Item) -> dict[str, Any]:
    return {"prompt": orjson.Fragment(item.prompt)}


def _told(item: Item, files: ImageStore | None) -> dict[str, Any]:
    return columns(item.row) | {
        "maker": item.maker,
        "demo": item.demo,
        "prompt": orjson.Fragment(item.prompt),
        "lanes": [_lane(lane, item) for lane in item.lanes],
        "further_samples": [_lane(lane, item) for lane in item.samples],
        "ratings": item.ratings,
        "showings": list(map(shown, item.showings)),
        "images": [_image(image, files) for image in pictures(item)],
        "tells_of": item.tells_of,
        "told_by": item.told_by,
    }


def _lane(lane: Row[Any], item: Item) -> dict[str, Any]:
    return columns(lane) | {
        "prompt": orjson.Fragment(item.bodies[lane.prompt_id]),
        "calls": orjson.Fragment(lane.calls),
        "results": orjson.Fragment(lane.results),
        "flags": item.flags[lane.id],
        "recording": orjson.Fragment(_array(item.recordings[lane.id])),
    }


def shown(showing: Showing) -> dict[str, Any]:
    """The columns of its row."""
    how = showing.presentation
    return {
        "id": showing.id,
        "comparison_id": showing.comparison_id,
        "viewer": showing.viewer,
        "blind": how.blind,
        "pace": how.pace,
        "traces": how.traces,
        "seed": showing.seed,
        "order": showing.order,
        "created_at": showing.created_at,
        "rated_at": showing.rated_at,
        "revealed_at": showing.revealed_at,
        "revealed_by": showing.revealed_by,
    }


def pictures(item: Item) -> Iterable[Row[Any]]:
    """The images of its prompt and of its lanes' prompts, each once."""
    prompt_ids = dict.fromkeys(each.prompt_id for each in (item.row, *item.lanes, *item.samples))
    return {image.sha256: image for prompt_id in prompt_ids for image in item.images[prompt_id]}.values()


def _array(recording: bytes) -> bytes:
    """A recording as one JSON array: its lines already are JSON, and hold no line break inside."""
    return b"[" + recording.strip().replace(b"\n", b",") + b"]"


def columns(row: Row[Any]) -> dict[str, Any]:
    """All but which app has run it."""
    told = dict(zip(_names(row._fields), row, strict=True))
    told.pop("replica", None)
    return told


@lru_cache
def _names(fields: tuple[str, ...]) -> tuple[str, ...]:
    """As keys, of which orjson takes no subclass of str."""
    return tuple(map(str, fields))


def _image(image: Row[Any], files: ImageStore | None) -> dict[str, Any]:
    described = {name: getattr(image, name) for name in fields.IMAGE}
    if files:
        with suppress(KeyError):  # its file is gone: the description is what is left
            described["data"] = base64.b64encode(files.read(image.sha256)).decode()
    return described


_PROMPT = Field("prompt", "object", "what was asked: system text, turns, tools; images are named by hash")
_RECORDING = Field("recording", "list of lists", "every event as it came: [microseconds, kind, ...]")

RELATED = (
    Field("tells_of", "list of strings", "comparisons that share answers with it: who sees this one knows of them"),
    Field("told_by", "list of strings", "comparisons that tell of this one in the same way"),
)

VIEW = View(
    name="jsonl",
    suffix=".jsonl",
    media_type="application/jsonl",
    about="Everything, to the last event: one comparison a line. Can be imported again.",
    fields=(
        *fields.COMPARISON.values(),
        _PROMPT,
        *fields.within("lanes", (*fields.LANE.values(), _PROMPT, _RECORDING)),
        Field("further_samples", "list of objects", "the lanes' further samples, with the same fields"),
        *fields.within("ratings", fields.RATING.values()),
        *fields.within("showings", fields.SHOWING.values()),
        *fields.within("images", (*fields.IMAGE.values(), Field("data", "string", "the file's bytes as base64"))),
        *RELATED,
        Field("sealed", "boolean", "true where only what was asked is told: it still has to be rated blind"),
    ),
    write=write,
    lossless=True,
    recordings=True,
    lines=True,
    options=("names", "images"),
)
