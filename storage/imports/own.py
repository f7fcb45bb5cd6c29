"""Brings back what was exported without loss: the same rows under the same ids. What is there stays as it is."""

import base64
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from backends import recording
from backends.prompt import Image
from storage import battles, prompts, queue, showing
from storage.errors import RatingError, TransferError
from storage.images import ImageStore
from storage.imports.columns import at_place, row, short
from storage.imports.kept import Kept
from storage.ratings import whole
from storage.rows import has, packed
from storage.schema import (
    answers,
    comparisons,
    flags,
    hints,
    images,
    number,
    prompt_images,
    ratings,
    recording_chunks,
    showings,
    texts,
)
from storage.schema import prompts as prompts_kept

REFERENCES = {comparisons: ("follows_id", "remakes_id"), answers: ("copied_from_id",)}
_END = update(answers).where(answers.c.id == bindparam("of"))
"""Columns that name what may come later, or never: a part of a database can be exported."""


class Bringing:
    """One import: how many comparisons it `brought`, how many were `there`, and how many `sealed`: of these, nothing is
    told. Of each that is new, `overlap` ratings are asked for."""

    def __init__(self, files: ImageStore, overlap: int = 0) -> None:
        self.brought = self.there = self.sealed = 0
        self._files, self._overlap = files, overlap
        self._open: list[tuple[Table, str, str, str]] = []  # what names something that has not come yet

    def some(self, kept: Iterable[tuple[str, Kept]], connection: Connection) -> TransferError | None:
        """Adds comparisons, each with its place, up to one that is wrong: that is told. Raises StorageError."""
        for where, each in kept:
            try:
                with connection.begin_nested(), at_place(where):
                    self.bring(connection, each)
            except TransferError as error:
                return error
            except IntegrityError:
                return TransferError(f"{where}: one of its ids is something else's here.")
        return None

    def bring(self, connection: Connection, kept: Kept) -> None:
        """Adds one comparison whole. Raises TransferError, StorageError."""
        if kept.get("sealed") is True:
            self.sealed += 1
        elif has(connection, comparisons, _id(kept)):
            self.there += 1
        else:
            self._bring(connection, kept)
            self.brought += 1

    def finish(self, connection: Connection) -> None:
        """Names what had not come yet, as far as it has by now."""
        for table, key, column, other in self._open:
            if has(connection, table, other):
                connection.execute(update(table).where(table.c.id == key).values({column: other}))
        self._open.clear()

    def _bring(self, connection: Connection, kept: Kept) -> None:
        lanes = [*_each(kept, "lanes"), *_each(kept, "further_samples")]
        for at, image in _each(kept, "images"):
            _picture(connection, self._files, image, at)
        for at, asked in [("", kept), *lanes]:
            _prompt(connection, asked, at)
        made = row(comparisons, kept)
        made["number"] = _free(connection, made.get("number") or number(made["created_at"], made["id"]))
        self._insert(connection, comparisons, made)
        ends = [self._lane(connection, {**lane, "comparison_id": made["id"]}, at) for at, lane in lanes]
        if ends:
            connection.execute(_END, ends)
        _judged(connection, kept, made["id"])
        battles.refresh(connection, made["id"])
        _relate(connection, kept, made["id"])
        if self._overlap:
            queue.enqueue(connection, [made["id"]], self._overlap)

    def _lane(self, connection: Connection, lane: Kept, at: str) -> dict[str, Any]:
        """Without its end, which is given back: once all have theirs, the comparison's texts are indexed."""
        made = row(answers, lane, at)
        end = {"of": made["id"], "end_us": made.pop("end_us", None)}
        self._insert(connection, answers, made)
        connection.execute(insert(texts).values(row(texts, {**lane, "answer_id": made["id"]}, at)))
        if events := _recording(lane.get("recording"), f"{at}recording"):
            chunk = {"answer_id": made["id"], "seq": 0, "data": packed(events)}
            connection.execute(insert(recording_chunks).values(chunk))
        place = {"answer_id": made["id"], "comparison_id": made["comparison_id"]}
        for where, flag in _each(lane, "flags", at):
            connection.execute(insert(flags).values(row(flags, {**flag, **place}, where)))
        return end

    def _insert(self, connection: Connection, table: Table, made: dict[str, Any]) -> None:
        for column in REFERENCES[table]:
            other = made.get(column)
            if other and other != made["id"] and not has(connection, table, other):
                self._open.append((table, made["id"], column, other))
                made[column] = None
        connection.execute(insert(table).values(made))


def _id(kept: Kept) -> str:
    found = kept.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= 32:
        raise TransferError(f"id must be text of 1 to 32 letters, not {short(found)}.")
    return found


def _each(kept: Kept, name: str, at: str = "") -> Iterator[tuple[str, Kept]]:
    """The things in a list, each with its place; none where there is no list."""
    found = kept.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise TransferError(f"{at}{name} must be a list of objects.")
    return ((f"{at}{name}[{place}].", each) for place, each in enumerate(found))


def _picture(connection: Connection, files: ImageStore, image: Kept, at: str) -> None:
    described = row(images, image, at)
    if data := image.get("data"):
        try:
            whole = data if isinstance(data, bytes) else base64.b64decode(data, validate=True)
        except (TypeError, ValueError) as error:
            raise TransferError(f"{at}data is no base64.") from error
        files.restore(described["sha256"], described["mime"], whole)
    if not has(connection, images, described["sha256"]):
        connection.execute(insert(images).values(described))


def _prompt(connection: Connection, asked: Kept, at: str) -> None:
    """The prompt of a comparison or of a lane, with the places of its images."""
    made = row(prompts_kept, {"id": asked.get("prompt_id"), "body": asked.get("prompt")}, f"{at}prompt_")
    if has(connection, prompts_kept, made["id"]):
        return
    try:
        shown = list(dict.fromkeys(image for turn in made["body"]["turns"] for image in turn.get("images", ())))
        prompts.restore(made["body"], {sha256: Image(sha256, "", 0, 0, b"") for sha256 in shown})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TransferError(f"{at}prompt is none: {short(made['body'])}.") from error
    connection.execute(insert(prompts_kept).values(made))
    for position, sha256 in enumerate(shown):
        if not has(connection, images, sha256):
            raise TransferError(f"{at}prompt has an image that is not in `images`: {sha256}.")
        place = {"prompt_id": made["id"], "sha256": sha256, "position": position}
        connection.execute(insert(prompt_images).values(place))


def _recording(kept: Any, at: str) -> bytes:
    """As the bytes that it was first."""
    try:
        if isinstance(kept, bytes):
            dumped = kept
        else:
            dumped = b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in kept or ())
        deque(recording.load(dumped), maxlen=0)
    except (TypeError, ValueError) as error:
        raise TransferError(f"{at} is none: {error}.") from error
    return dumped


def _free(connection: Connection, wanted: int) -> int:
    """This number, or the next that no other comparison has."""
    while connection.scalar(select(comparisons.c.id).where(comparisons.c.number == wanted)):
        wanted += 1
    return wanted


def _judged(connection: Connection, kept: Kept, comparison_id: str) -> None:
    """The showings, and the ratings in an order in which each comes after the one that it supersedes."""
    lanes = len(kept["lanes"])
    for at, shown in _each(kept, "showings"):
        with _placed(f"{at}order"):
            whole([[position] for position in shown["order"]], False, lanes)
        connection.execute(insert(showings).values(row(showings, {**shown, "comparison_id": comparison_id}, at)))
    waiting = []
    for at, rating in _each(kept, "ratings"):
        _check(rating, lanes, at)
        of_here = {"comparison_id": comparison_id, "supersedes_id": rating.get("supersedes")}
        waiting.append(row(ratings, {**rating, **of_here}, at))
    there: set[str | None] = {None}
    while ready := [each for each in waiting if each["supersedes_id"] in there]:
        connection.execute(insert(ratings), ready)
        there |= {each["id"] for each in ready}
        waiting = [each for each in waiting if each["id"] not in there]
    if waiting:
        raise TransferError(f"ratings: one supersedes {waiting[0]['supersedes_id']!r}, which is not there.")


def _check(rating: Kept, lanes: int, at: str) -> None:
    """It judges all lanes, or skips them. Raises TransferError."""
    with _placed(f"{at}ranking"):
        if not rating.get("skipped"):
            whole(rating["ranking"], rating["all_bad"], lanes)
    scores, traces = rating.get("scores", {}), rating.get("traces", {})
    try:
        listed = [*scores.values(), *traces.get("marks", {}).values(), *traces.get("ranking", ())]
    except (AttributeError, TypeError):
        listed = [None]
    if not all(isinstance(each, list) for each in listed):
        raise TransferError(f"{at}scores and {at}traces must have a list for each word.")


@contextmanager
def _placed(at: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, RatingError, TypeError) as error:
        raise TransferError(f"{at} must have each lane once.") from error


def _relate(connection: Connection, kept: Kept, comparison_id: str) -> None:
    """What tells of what: as it was where it comes from, as far as both are here by now."""
    if "tells_of" not in kept:
        showing.relate(connection, comparison_id)
        return
    pairs = [(comparison_id, other) for other in kept["tells_of"]]
    pairs += [(other, comparison_id) for other in kept.get("told_by", ())]
    here = [pair for pair in pairs if all(has(connection, comparisons, each) for each in pair)]
    if here:
        connection.execute(insert(hints), [{"comparison_id": one, "of_id": other} for one, other in here])
