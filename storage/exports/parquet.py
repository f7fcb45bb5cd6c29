"""Lossless, as Parquet: one row a comparison, recordings as their very bytes, images as images.

What has no fixed shape (prompts, tool calls, scores) is JSON text.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields as attributes
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import Row

from storage.comparison import Rating
from storage.exports import arrow, features, fields, jsonl
from storage.exports.arrow import ZONED, Shape
from storage.exports.items import Item, Scope
from storage.exports.view import Field, Left, View
from storage.images import ImageStore

PROMPT = Field("prompt", "object", "what was asked: system text, turns, tools; images are named by hash")
RECORDING = Field("recording", "bytes", "every event as it came, a JSON line each: [microseconds, kind, ...]")
SEALED = Field("sealed", "boolean", "only what was asked is told: it still has to be rated blind")

_SHAPES: dict[str, Shape] = {
    "string": "string",
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "timestamp": ZONED,
    "bytes": "binary",
    "object": "string",
    "list of objects": "string",
    "list of strings": ["string"],
    "list of integers": ["int64"],
    "list of lists of integers": [["int64"]],
}


def _columns(described: Iterable[Field]) -> dict[str, Shape]:
    return {each.name: _SHAPES[each.type] for each in described}


_FLAGS: Shape = [{"code": "string", "detail": "string"}]
_LANES: Shape = [_columns((*fields.LANE.values(), PROMPT, RECORDING)) | {"flags": _FLAGS}]
COLUMNS: dict[str, Shape] = _columns((*fields.COMPARISON.values(), PROMPT)) | {
    "lanes": _LANES,
    "further_samples": _LANES,
    "ratings": [_columns(fields.RATING.values())],
    "showings": [_columns(fields.SHOWING.values())],
    "image_files": [_columns(fields.IMAGE.values())],
    "images": ["image"],
    "tells_of": ["string"],
    "told_by": ["string"],
    "sealed": "bool",
}
_RATED = [each.name for each in attributes(Rating)]


def write(batches: Iterable[list[Item]], _: Scope, files: ImageStore | None, left: Left) -> Iterator[bytes]:
    return arrow.parts(features.schema(COLUMNS), _rows(batches, files, left))


def _rows(batches: Iterable[list[Item]], files: ImageStore | None, left: Left) -> Iterator[tuple[dict[str, Any], int]]:
    for item in chain.from_iterable(batches):
        told = jsonl.withheld(item) | {"prompt": item.prompt} if item.sealed else _told(item, files)
        yield told, _size(item) + sum(len(image["bytes"]) for image in told.get("images", ()))
        jsonl.tally(item, left)


def _size(item: Item) -> int:
    """About how many bytes it has."""
    said = (
        (item.recordings[lane.id], lane.request, lane.reasoning, lane.text) for lane in (*item.lanes, *item.samples)
    )
    return len(item.prompt) * (1 + len(item.lanes)) + sum(map(len, chain.from_iterable(said)))


def _told(item: Item, files: ImageStore | None) -> dict[str, Any]:
    pictures = jsonl.pictures(item)
    return jsonl.columns(item.row) | {
        "maker": item.maker,
        "demo": item.demo,
        "prompt": item.prompt,
        "lanes": [_lane(lane, item) for lane in item.lanes],
        "further_samples": [_lane(lane, item) for lane in item.samples],
        "ratings": [_rating(rating) for rating in item.ratings],
        "showings": [jsonl.shown(showing) for showing in item.showings],
        "image_files": [{name: getattr(image, name) for name in fields.IMAGE} for image in pictures],
        "images": list(_images(pictures, files)) if files else [],
        "tells_of": item.tells_of,
        "told_by": item.told_by,
        "sealed": False,
    }


def _lane(lane: Row[Any], item: Item) -> dict[str, Any]:
    return jsonl.columns(lane) | {
        "prompt": item.bodies[lane.prompt_id],
        "flags": [{"code": flag.code, "detail": flag.detail} for flag in item.flags[lane.id]],
        "recording": item.recordings[lane.id],
    }


def _rating(rating: Rating) -> dict[str, Any]:
    written = {name: orjson.dumps(getattr(rating, name)).decode() for name in ("scores", "traces")}
    return {name: getattr(rating, name) for name in _RATED} | written


def _images(pictures: Iterable[Row[Any]], files: ImageStore) -> Iterator[dict[str, Any]]:
    for image in pictures:
        with suppress(KeyError):  # its file is gone: the description is what is left
            yield {"bytes": files.read(image.sha256), "path": image.sha256}


VIEW = View(
    name="parquet",
    suffix=".parquet",
    media_type="application/vnd.apache.parquet",
    about="Everything, to the last event, as a table: one comparison a row. Can be imported again.",
    fields=(
        *fields.COMPARISON.values(),
        PROMPT,
        *fields.within("lanes", (*fields.LANE.values(), PROMPT, RECORDING)),
        Field("further_samples", "list of objects", "the lanes' further samples, with the same fields"),
        *fields.within("ratings", fields.RATING.values()),
        *fields.within("showings", fields.SHOWING.values()),
        *fields.within("image_files", fields.IMAGE.values()),
        Field("images", "list of images", "the files themselves, each named by its SHA-256"),
        *jsonl.RELATED,
        SEALED,
    ),
    write=write,
    lossless=True,
    recordings=True,
    options=("names", "images"),
)
