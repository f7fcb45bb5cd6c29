"""Reads lines and rows of the lossless exports as one value. It knows no database."""

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

import orjson

from storage import prompts
from storage.errors import TransferError

Kept = Mapping[str, Any]
"""A comparison as the export `jsonl` has it; a recording may be its bytes, a moment a datetime."""


def parsed(line: bytes) -> dict[str, Any]:
    """A line of the export `jsonl`. Raises TransferError."""
    try:
        found = orjson.loads(line)
        if isinstance(found, dict) and not all(map(_exact, _asked(found))):
            found = json.loads(line)  # which keeps numbers of more than 64 bits, and is slower
    except (ValueError, RecursionError) as error:
        raise TransferError(f"this is no JSON ({error}).") from error
    if not isinstance(found, dict):
        raise TransferError("this is no JSON object.")
    return found


def unpacked(row: Mapping[str, Any]) -> Kept:
    """A row of the export `parquet`, or a line of `jsonl` as it is. Raises TransferError."""
    if "image_files" not in row or row.get("sealed"):
        return row
    try:
        data = {image["path"]: image["bytes"] for image in row["images"] or ()}
        images = [{**image, "data": data.get(image["sha256"])} for image in row["image_files"]]
        return {
            **_unpacked(row),
            "lanes": [_unpacked(lane, "calls", "results") for lane in row["lanes"]],
            "further_samples": [_unpacked(lane, "calls", "results") for lane in row["further_samples"]],
            "ratings": [_unpacked(rating, "scores", "traces") for rating in row["ratings"]],
            "images": images,
        }
    except (KeyError, TypeError, ValueError) as error:
        raise TransferError(f"this is no row of the export `parquet` ({error!r}).") from error


def _unpacked(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    found = {**row, **{name: orjson.loads(row[name]) for name in names}}
    if "prompt" in row:
        found["prompt"] = orjson.loads(row["prompt"])
        if not _exact(found):
            found["prompt"] = json.loads(row["prompt"])
    return found


def _asked(found: Kept) -> list[Any]:
    lists = (found.get(name) for name in ("lanes", "further_samples"))
    return [found, *chain.from_iterable(each for each in lists if isinstance(each, list))]


def _exact(asked: Any) -> bool:
    """Is its prompt what its id was made of?"""
    try:
        return prompts.prompt_id(asked["prompt"]) == str(asked["prompt_id"])
    except (KeyError, TypeError):
        return True  # what is wrong is told when it is brought
