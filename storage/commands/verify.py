"""Checks all that is kept, beside a running app or without one: prints what is wrong, one line each.

The database itself, that each recording folds to the answer that is kept, that prompts and images are what their names
say, that battles follow from ratings, checks of backends, and the index of texts. Images that nothing names are told,
and no error.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, FromClause, Row, func, select, text
from tqdm import tqdm

from backends.answer import fold
from storage import battles, index, lanes, prompts
from storage.checks import identity, whole
from storage.database import claimed, images_beside, reading, server
from storage.errors import TROUBLE, InUse
from storage.images import ImageStore
from storage.rows import images_of, recordings
from storage.schema import answers, checks, images, prompt_images, ratings, texts
from storage.schema import battles as fought
from storage.schema import prompts as prompt_bodies
from storage.sqlite import Sqlite, damage

BATCH = 50  # rows in memory, with their texts

Found = Iterator[list[str]]
"""What is wrong with each of what is checked."""


def add(_: argparse.ArgumentParser) -> None:
    """It needs no more than what all have."""


def run(given: argparse.Namespace) -> None:
    """Raises StorageError; ends with status 1 where something is wrong."""
    engine, kept = reading(given.database), ImageStore(given.images or images_beside(given.database))
    parts: dict[str, tuple[Callable[[Connection], Found], FromClause | None]] = {
        "database": (_database, None),
        "answers": (_answers, answers),
        "prompts": (_prompts, prompt_bodies),
        "images": (lambda connection: _images(connection, kept), images),
        "battles": (_battles, _rated()),
        "checks": (_checks, checks),
        "index": (lambda connection: _index(connection, given.database), None),
    }
    wrong = 0
    with engine.connect() as connection:
        for name, (check, rows) in parts.items():
            total = 1 if rows is None else connection.scalar(select(func.count()).select_from(rows))
            for found in tqdm(check(connection), desc=name, total=total, disable=None):
                wrong += len(found)
                for line in found:
                    tqdm.write(line)
        for name in _orphans(connection, kept):
            tqdm.write(f"Nothing names the image {name}, which is no harm.")
    if wrong:
        print(f"{wrong} things are wrong.", file=sys.stderr)
        raise SystemExit(1)
    print("Nothing is wrong.", file=sys.stderr)


def _database(connection: Connection) -> Found:
    if connection.dialect.name == "sqlite":
        yield damage(connection)
        return
    # the server keeps its files; what is left is what somebody may have switched off
    unchecked = connection.scalars(text("SELECT conname FROM pg_constraint WHERE NOT convalidated")).all()
    broken = connection.scalars(
        text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready)")
    ).all()
    off = connection.scalars(text("SELECT tgname FROM pg_trigger WHERE tgenabled = 'D'")).all()
    said = {"The constraint": unchecked, "The index": broken, "The trigger": off}
    yield [f"{what} {name} is not in force." for what, names in said.items() for name in names]


def _answers(connection: Connection) -> Found:
    wanted = select(answers, texts).join(texts, isouter=True).order_by(answers.c.id)
    for row in connection.execute(wanted, execution_options={"yield_per": BATCH}):
        yield [f"Answer {row.id} of comparison {row.comparison_id}: {said}." for said in _unlike(connection, row)]


def _unlike(connection: Connection, row: Row[Any]) -> list[str]:
    if row.answer_id is None:
        return ["it has no texts"]
    try:
        answer = fold(recordings(connection, [row.id])[row.id])
    except TROUBLE:
        raise
    except Exception as error:  # a damaged one can be anything
        return [f"its recording is damaged ({error})"]
    if row.end_us is None:  # it still runs, or will be given an end
        return []
    folded = lanes.outcome(answer) | lanes.words(answer)
    differing = [name for name, value in folded.items() if _plain(getattr(row, name)) != _plain(value)]
    return [f"its recording says otherwise than what is kept as {', '.join(differing)}"] if differing else []


def _plain(value: object) -> object:
    """As both databases, and JSON, would give it back."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return json.loads(json.dumps(value)) if isinstance(value, list) else value


def _prompts(connection: Connection) -> Found:
    wanted = select(prompt_bodies).order_by(prompt_bodies.c.id)
    for rows in connection.execute(wanted, execution_options={"yield_per": BATCH}).partitions():
        described = images_of(connection, [row.id for row in rows])
        for row in rows:
            wrong = [] if prompts.prompt_id(row.body) == row.id else [f"Prompt {row.id} is not what its name says."]
            known = {image.sha256 for image in described[row.id]}
            named = dict.fromkeys(name for turn in row.body["turns"] for name in turn.get("images", ()))
            missing = [name for name in named if name not in known]
            yield wrong + [f"Prompt {row.id} names the image {name}, which is not known." for name in missing]


def _images(connection: Connection, kept: ImageStore) -> Found:
    for row in connection.execute(select(images).order_by(images.c.sha256), execution_options={"yield_per": BATCH}):
        try:
            data = kept.read(row.sha256)
        except KeyError:
            yield [f"The image {row.sha256} is missing."]
            continue
        whole = sha256(data).hexdigest() == row.sha256 and len(data) == row.bytes
        yield [] if whole else [f"The image {row.sha256} is not what its name says."]


def _orphans(connection: Connection, kept: ImageStore) -> Iterator[str]:
    named = set(connection.scalars(select(prompt_images.c.sha256)))
    return (name for name in kept.names() if name not in named)


def _rated() -> FromClause:
    return select(ratings.c.comparison_id).distinct().subquery()


def _battles(connection: Connection) -> Found:
    rated = select(_rated())
    for comparison_id in connection.scalars(rated, execution_options={"yield_per": BATCH}):
        own = select(fought).where(fought.c.comparison_id == comparison_id)
        there = {tuple(row._mapping.items()) for row in connection.execute(own)}
        follows: set[tuple[tuple[str, Any], ...]] = set()
        with suppress(IndexError, ValueError, TypeError):  # ratings of lanes that are not there
            follows = {_in_order(row) for row in battles.fought(connection, comparison_id)}
        yield [] if there == follows else [f"The battles of comparison {comparison_id} don't follow from its ratings."]


def _checks(connection: Connection) -> Found:
    wanted = select(checks).order_by(checks.c.id)
    for row in connection.execute(wanted, execution_options={"yield_per": BATCH}):
        try:
            check = whole(row.body)
        except (KeyError, TypeError, ValueError) as error:
            yield [f"The check {row.id} of {row.backend!r} can't be read ({error!r})."]
            continue
        told = check.backend, check.at, check.version, len(check.failed), identity(check)
        alike = told == (row.backend, row.at, row.version, row.failed, row.id)
        yield [] if alike else [f"The check {row.id} of {row.backend!r} says otherwise than what is kept beside it."]


def _in_order(row: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((column.name, row[column.name]) for column in fought.c)


def _index(connection: Connection, url: str) -> Found:
    wrong = [*index.wrong(connection)]
    if isinstance(server(url), Sqlite):
        try:
            with claimed(url) as own:
                if not index.matches(own):
                    wrong.append("The index of texts has other words than what is kept.")
        except InUse:
            tqdm.write("The words of the index are not compared with what is kept while an app runs.", sys.stderr)
    yield wrong
