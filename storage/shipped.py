"""The project's own recordings, for a database in which nothing was asked yet: its page is alive before any backend is.

They are kept as an export, and exported again they are the very same lines: `origin` tells them from a person's own.
"""

import base64
import zlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Table, exists, insert, select

from storage.images import ImageStore
from storage.rows import has
from storage.schema import (
    Moment,
    answers,
    comparisons,
    flags,
    images,
    prompt_images,
    prompts,
    recording_chunks,
    texts,
)

FILE = Path(__file__).parent / "shipped.jsonl"
ORIGIN = "shipped"
FIRST = "shipped-code"  # what who comes first is shown


def ship(connection: Connection, files: ImageStore) -> None:
    """Adds those that are not there yet, unless something was asked here."""
    if not _asked(connection):
        bring(connection, files, FILE.read_bytes().splitlines())


def welcome(connection: Connection) -> str:
    """The one to show who comes first, "" as soon as something was asked here."""
    return FIRST if has(connection, comparisons, FIRST) and not _asked(connection) else ""


def bring(connection: Connection, files: ImageStore, lines: Iterable[bytes]) -> None:
    """Imports lines of an export under their own ids; those that are there already stay as they are.

    Ratings are left out: they are somebody's, and these lines are nobody's. Raises StorageError.
    """
    for line in lines:
        kept = orjson.loads(line)
        if not has(connection, comparisons, kept["id"]):
            _pictures(connection, files, kept["images"])
            _prompt(connection, kept)
            connection.execute(insert(comparisons).values(_row(comparisons, kept)))
            for lane in (*kept["lanes"], *kept["further_samples"]):
                _prompt(connection, lane)
                _lane(connection, lane)


def _lane(connection: Connection, lane: dict[str, Any]) -> None:
    connection.execute(insert(answers).values(_row(answers, lane)))
    connection.execute(insert(texts).values(_row(texts, lane | {"answer_id": lane["id"]})))
    recording = b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in lane["recording"])
    chunk = {"answer_id": lane["id"], "seq": 0, "data": zlib.compress(recording)}
    connection.execute(insert(recording_chunks).values(chunk))
    for flag in lane["flags"]:
        place = {"answer_id": lane["id"], "comparison_id": lane["comparison_id"]}
        connection.execute(insert(flags).values(**place, code=flag["code"], detail=flag["detail"]))


def _prompt(connection: Connection, asked: dict[str, Any]) -> None:
    """The prompt of a comparison or of a lane, with the places of its images."""
    if has(connection, prompts, asked["prompt_id"]):
        return
    connection.execute(insert(prompts).values(id=asked["prompt_id"], body=asked["prompt"]))
    shown = dict.fromkeys(sha256 for turn in asked["prompt"]["turns"] for sha256 in turn.get("images", ()))
    for position, sha256 in enumerate(shown):
        place = {"prompt_id": asked["prompt_id"], "sha256": sha256, "position": position}
        connection.execute(insert(prompt_images).values(place))


def _pictures(connection: Connection, files: ImageStore, described: Iterable[dict[str, Any]]) -> None:
    for image in described:
        files.restore(image["sha256"], image["mime"], base64.b64decode(image["data"]))
        if not has(connection, images, image["sha256"]):
            connection.execute(insert(images).values(_row(images, image)))


def _row(table: Table, exported: dict[str, Any]) -> dict[str, Any]:
    """The columns of a table, from a line that has them among others."""
    return {
        column.name: datetime.fromisoformat(value) if value and isinstance(column.type, Moment) else value
        for column in table.c
        if (value := exported.get(column.name)) is not None
    }


def _asked(connection: Connection) -> bool:
    return bool(connection.scalar(select(exists().where(comparisons.c.origin == ""))))
