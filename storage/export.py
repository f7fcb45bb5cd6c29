"""Everything kept, as JSONL (lossless) or CSV (one row per pair of lanes, for people).

Both stream from one consistent snapshot, in small batches: memory does not grow with the data. They raise
StorageError where too many run already. Of comparisons that are sealed for a `viewer` they tell only what was asked.
Run it beside a running app: `python -m storage.export --format jsonl --out comparisons.jsonl`.
"""

import argparse
import base64
import os
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from csv import writer
from io import StringIO
from itertools import chain
from pathlib import Path
from threading import Semaphore
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, Text, literal, select, tuple_, type_coerce

from backends.flags import Flag
from storage.comparison import Rating, current, evidence
from storage.database import DEFAULT_URL, images_beside, reading
from storage.errors import TROUBLE, StorageError, explained
from storage.images import ImageStore
from storage.ratings import pairs
from storage.rows import answers_of, flags_of, images_of, ratings_of, recorded, showings_of
from storage.schema import Moment, answers, comparisons, prompts, texts
from storage.showing import sealed_among

BATCH = 16  # comparisons held in memory at once
AT_ONCE = 4  # exports of one process: each holds a snapshot, which the database's journal has to keep
_turns = Semaphore(AT_ONCE)

_SHARED = ["comparison_id", "created_at", "origin", "follows_id", "schedule", "warm_up", "samples"]
_SHARED += ["system", "prompt", "images"]
_JUDGEMENT = ["evaluator", "rated_at", "winner", "strength", "tags", "comment", "traces", "blind", "early", "seconds"]
_JUDGEMENT += ["changed_later", "showing_id", "pace", "traces_shown"]
_JUDGED = ["shown_as", "read", "opened", "scores"]
_LANE = [column.name for column in answers.c if column.name not in ("id", "comparison_id", "prompt_id", "sample")]
_LANE += ["reasoning", "text", "calls", "results", "measured"]
_HEADER = [*_SHARED, *_JUDGEMENT, *(f"{name}_{side}" for side in "ab" for name in [*_JUDGED, *_LANE, "flags"])]
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠\t\r]")


def jsonl(engine: Engine, files: ImageStore | None = None, viewer: str | None = None) -> Iterator[bytes]:
    """One comparison a line, oldest first, with every event of every lane and sample, and every rating.

    The fields are those of the tables; images are described, and where `files` are given their bytes are in `data`,
    as base64.
    """
    for connection, found, sealed in _batches(engine, viewer):
        lanes = _lanes(connection, [row.id for row in found])
        answer_ids = [lane.id for lane in chain(*lanes.values())]
        recordings, odd = recorded(connection, answer_ids), flags_of(connection, answer_ids)
        prompt_ids = {row.prompt_id for row in chain(found, *lanes.values())}
        bodies, pictures = _bodies(connection, prompt_ids), images_of(connection, prompt_ids)
        ids = [row.id for row in found]
        ratings, shows = ratings_of(connection, ids), showings_of(connection, ids)
        for row in found:
            if row.id in sealed:
                yield _line(_withheld(row, bodies[row.prompt_id]))
                continue
            asked = lanes[row.id]
            shown = {image.sha256: image for each in (row, *asked) for image in pictures[each.prompt_id]}
            told = [_told(lane, bodies[lane.prompt_id], odd[lane.id], recordings[lane.id]) for lane in asked]
            line = _fields(row) | {
                "prompt": orjson.Fragment(bodies[row.prompt_id]),
                "lanes": [answer for answer in told if answer["sample"] == 0],
                "further_samples": [answer for answer in told if answer["sample"] > 0],
                "ratings": ratings[row.id],
                "showings": [_fields(each) for each in shows[row.id]],
                "images": [_described(image, files) for image in shown.values()],
            }
            yield _line(line)


def csv(engine: Engine, viewer: str | None = None) -> Iterator[bytes]:
    """One row per pair of lanes per evaluator's rating to count, oldest comparison first. No cell is a formula."""
    yield "\ufeff".encode() + _csv_lines([_HEADER])  # without this mark, Excel takes UTF-8 for something else
    for connection, everything, sealed in _batches(engine, viewer):
        found = [row for row in everything if row.id not in sealed]
        lanes = _lanes(connection, [row.id for row in found])
        odd = flags_of(connection, [lane.id for lane in chain(*lanes.values())])
        prompt_ids = {row.prompt_id for row in found}
        bodies, pictures = _bodies(connection, prompt_ids), images_of(connection, prompt_ids)
        ids = [row.id for row in found]
        ratings, shows = ratings_of(connection, ids), showings_of(connection, ids)
        for row in found:
            body = orjson.loads(bodies[row.prompt_id])
            shared = [
                row.id,
                row.created_at.isoformat(),
                row.origin,
                row.follows_id,
                row.schedule,
                row.warm_up,
                row.samples,
                body["system"],
                body["turns"][-1]["text"],
                " ".join(image.sha256 for image in pictures[row.prompt_id]),
            ]
            figures = [_figures(lane, odd[lane.id]) for lane in lanes[row.id] if lane.sample == 0]
            shown = {each.id: each for each in shows[row.id]}
            latest = {each.id for each in current(ratings[row.id])}
            for rating in evidence(ratings[row.id]):
                how = shown.get(rating.showing_id or "")
                yield _csv_lines(_judged(shared, figures, rating, rating.id not in latest, how))


def _told(lane: Row[Any], prompt: str, odd: list[Flag], recording: bytes) -> dict[str, Any]:
    return _fields(lane) | {
        "prompt": orjson.Fragment(prompt),
        "calls": orjson.Fragment(lane.calls),
        "results": orjson.Fragment(lane.results),
        "flags": odd,
        "recording": orjson.Fragment(_array(recording)),
    }


def _withheld(row: Row[Any], prompt: str) -> dict[str, Any]:
    return {"id": row.id, "created_at": row.created_at, "prompt": orjson.Fragment(prompt), "sealed": True}


def _line(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)


def _array(recording: bytes) -> bytes:
    """A recording as one JSON array: its lines already are JSON, and hold no line break inside."""
    return b"[" + recording.strip().replace(b"\n", b",") + b"]"


def _fields(row: Row[Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row._mapping.items()}  # orjson takes no subclass of str as a key


def _figures(lane: Row[Any], odd: Iterable[Flag]) -> list[Any]:
    return [*(getattr(lane, name) for name in _LANE), " ".join(flag.code for flag in odd)]


def _judged(
    shared: list[Any], figures: Sequence[list[Any]], rating: Rating, changed: bool, shown: Row[Any] | None
) -> Iterator[list[Any]]:
    """A skipped rating has no pairs."""
    order = list(shown.order) if shown else list(range(len(figures)))
    for a, b, winner in pairs(rating.ranking, rating.all_bad):
        judgement: list[Any] = [rating.evaluator, rating.created_at.isoformat(), winner, rating.strength]
        judgement += [", ".join(rating.tags), rating.comment, orjson.dumps(rating.traces).decode()]
        judgement += [rating.blind, rating.early, rating.seconds, changed]
        judgement += [shown.id, shown.pace, shown.traces] if shown else [None] * 3
        sides = ([*_side(rating, order.index(lane), lane), *figures[lane]] for lane in (a, b))
        yield [*shared, *judgement, *chain(*sides)]


def _side(rating: Rating, place: int, lane: int) -> list[Any]:
    """How one lane was shown, from 1 at the left, and judged."""
    scores = {dimension: each[lane] for dimension, each in rating.scores.items()}
    return [place + 1, lane in rating.read, lane in rating.opened, orjson.dumps(scores).decode()]


def _csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    out = StringIO(newline="")
    lines = writer(out)
    for row in rows:
        lines.writerow([f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell for cell in row])
    return out.getvalue().encode()


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(blocking=False):
        raise StorageError(f"{AT_ONCE} exports are running already: try again when one of them is done.")
    try:
        yield
    finally:
        _turns.release()


def _batches(engine: Engine, viewer: str | None) -> Iterator[tuple[Connection, Sequence[Row[Any]], set[str]]]:
    """Some comparisons at a time, and those of them that are sealed for the viewer."""
    key = tuple_(comparisons.c.created_at, comparisons.c.id)
    wanted = select(comparisons).order_by(comparisons.c.created_at, comparisons.c.id).limit(BATCH)
    with _turn(), engine.connect() as connection:  # one transaction, so one snapshot
        found = connection.execute(wanted).all()
        while found:
            yield connection, found, sealed_among(connection, [row.id for row in found], viewer) if viewer else set()
            last = tuple_(literal(found[-1].created_at, Moment), literal(found[-1].id))
            found = connection.execute(wanted.where(key > last)).all()


def _lanes(connection: Connection, comparison_ids: Collection[str]) -> defaultdict[str, list[Row[Any]]]:
    kept = texts.c
    calls, results = (type_coerce(each, Text).label(each.name) for each in (kept.calls, kept.results))
    wanted = select(answers, kept.request, kept.reasoning, kept.text, calls, results, kept.measured).join(texts)
    return answers_of(connection, comparison_ids, wanted)


def _bodies(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    body = type_coerce(prompts.c.body, Text)
    return dict(connection.execute(select(prompts.c.id, body).where(prompts.c.id.in_(ids))).all())


def _described(image: Row[Any], files: ImageStore | None) -> dict[str, Any]:
    described = {name: getattr(image, name) for name in ("sha256", "mime", "width", "height", "bytes", "created_at")}
    if files:
        with suppress(KeyError):  # its file is gone: the description is what is left
            described["data"] = base64.b64encode(files.read(image.sha256)).decode()
    return described


def _save(parts: Iterable[bytes], out: Path) -> None:
    """The whole export or nothing under its name."""
    unfinished = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        with open(unfinished, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, out)
    except OSError as error:
        raise StorageError(f"{out} can't be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m storage.export", description="Write out everything that is kept.")
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="jsonl is lossless, csv has pairs")
    parser.add_argument("--out", type=Path, help="a file; standard output unless given")
    parser.add_argument("--database", default=os.environ.get("DATABASE_URL", DEFAULT_URL), help="default: %(default)s")
    parser.add_argument("--no-images", action="store_true", help="leave the images' bytes out of the jsonl")
    given = parser.parse_args(arguments)
    try:
        engine = reading(given.database)
        kept = os.environ.get("IMAGE_STORE") or images_beside(given.database)
        files = None if given.no_images or given.format == "csv" else ImageStore(kept)
        parts = csv(engine) if given.format == "csv" else jsonl(engine, files)
        if given.out:
            _save(parts, given.out)
        else:
            sys.stdout.buffer.writelines(parts)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except TROUBLE as error:
        raise SystemExit(str(explained(error, given.database))) from error
    except StorageError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
