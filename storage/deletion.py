"""Takes comparisons, or what one evaluator said, out of a database: rows, words of the index, images.

What is deleted leaves no byte in an SQLite file; a PostgreSQL server keeps some in its own logs until it reuses them.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, delete, exists, func, select, update

from storage import battles, queue
from storage.database import Database
from storage.images import ImageStore
from storage.schema import (
    answers,
    comparisons,
    flags,
    hints,
    images,
    locks,
    prompt_images,
    prompts,
    ratings,
    recording_chunks,
    showings,
    texts,
)
from storage.schema import battles as battle_rows
from storage.sqlite import blank

SOME = 50  # comparisons deleted in one transaction


def made_before(connection: Connection, moment: datetime) -> list[str]:
    return [*connection.scalars(select(comparisons.c.id).where(comparisons.c.created_at < moment))]


def with_heirs(connection: Connection, ids: Collection[str]) -> list[str]:
    """These and all that hold their words, the newest first: what follows them, or shows an answer of theirs again."""
    found, new = set[str](), set(ids)
    while new:
        found |= new
        heirs = set[str]()
        for some in _some(new):
            own = select(answers.c.id).where(answers.c.comparison_id.in_(some))
            heirs.update(connection.scalars(select(comparisons.c.id).where(comparisons.c.follows_id.in_(some))))
            heirs.update(connection.scalars(select(answers.c.comparison_id).where(answers.c.copied_from_id.in_(own))))
        new = heirs - found
    numbered = [
        row
        for some in _some(found)
        for row in connection.execute(select(comparisons.c.number, comparisons.c.id).where(comparisons.c.id.in_(some)))
    ]
    return [row.id for row in sorted(numbered, reverse=True)]


def _some(ids: Collection[str]) -> Iterator[list[str]]:
    every = [*ids]
    return (every[start : start + SOME] for start in range(0, len(every), SOME))


def comparisons_of(
    database: Database, files: ImageStore, ids: Sequence[str], done: Callable[[int], None] = lambda _: None
) -> None:
    """Deletes what `with_heirs` found, some at a time. Blocking. Raises StorageError."""
    for some in _some(ids):
        for sha256 in database.writer.submit(partial(_delete, ids=some)).result():
            files.delete(sha256)
        done(len(some))
    _scrub(database)


def evaluator(database: Database, name: str) -> int:
    """Deletes all that somebody has rated or skipped, and how it was shown to them. How many ratings. Raises
    StorageError."""
    rated = database.writer.submit(lambda connection: _forget(connection, name)).result()
    _scrub(database)
    return rated


def _delete(connection: Connection, ids: Collection[str]) -> list[str]:
    """The images that nothing shows any more: their files are to go once this is committed."""
    own = select(answers.c.id).where(answers.c.comparison_id.in_(ids))
    asked = set(connection.scalars(select(comparisons.c.prompt_id).where(comparisons.c.id.in_(ids))))
    asked.update(connection.scalars(select(answers.c.prompt_id).where(answers.c.comparison_id.in_(ids))))
    connection.execute(update(comparisons).where(comparisons.c.remakes_id.in_(ids)).values(remakes_id=None))
    for table, column in (
        (locks, locks.c.comparison_id),
        (hints, hints.c.of_id),
        (hints, hints.c.comparison_id),
        (battle_rows, battle_rows.c.comparison_id),
        (ratings, ratings.c.comparison_id),
        (showings, showings.c.comparison_id),
    ):
        connection.execute(delete(table).where(column.in_(ids)))
    for table, column in (
        (flags, flags.c.answer_id),
        (recording_chunks, recording_chunks.c.answer_id),
        (texts, texts.c.answer_id),
    ):
        connection.execute(delete(table).where(column.in_(own)))
    connection.execute(delete(answers).where(answers.c.comparison_id.in_(ids)))
    connection.execute(delete(comparisons).where(comparisons.c.id.in_(ids)))
    return _delete_prompts(connection, asked)


def _delete_prompts(connection: Connection, ids: Collection[str]) -> list[str]:
    """Those that nothing asks any more; the images that nothing shows any more."""
    kept = prompts.c.id
    used = exists().where(comparisons.c.prompt_id == kept) | exists().where(answers.c.prompt_id == kept)
    unused = [*connection.scalars(select(kept).where(kept.in_(ids), ~used))]
    shown = {*connection.scalars(select(prompt_images.c.sha256).where(prompt_images.c.prompt_id.in_(unused)))}
    connection.execute(delete(prompt_images).where(prompt_images.c.prompt_id.in_(unused)))
    connection.execute(delete(prompts).where(kept.in_(unused)))
    still = {*connection.scalars(select(prompt_images.c.sha256).where(prompt_images.c.sha256.in_(shown)))}
    connection.execute(delete(images).where(images.c.sha256.in_(shown - still)))
    return sorted(shown - still)


def _forget(connection: Connection, name: str) -> int:
    theirs = ratings.c.evaluator == name
    rated = {*connection.scalars(select(ratings.c.comparison_id).where(theirs))}
    shown = {*connection.scalars(select(ratings.c.showing_id).where(theirs, ratings.c.showing_id.is_not(None)))}
    many = connection.scalar(select(func.count()).select_from(ratings).where(theirs)) or 0
    of_them = select(ratings.c.id).where(theirs)
    connection.execute(delete(battle_rows).where(battle_rows.c.rating_id.in_(of_them)))
    connection.execute(delete(ratings).where(theirs))
    connection.execute(delete(locks).where(locks.c.evaluator == name))
    others = exists().where(ratings.c.showing_id == showings.c.id)
    connection.execute(delete(showings).where(showings.c.id.in_(shown), ~others))
    for comparison_id in rated:
        battles.refresh(connection, comparison_id)
        queue.judged(connection, comparison_id, "")
    return many


def _scrub(database: Database) -> None:
    """What the index of texts, free pages and the log still hold of what was deleted."""

    def scrub(connection: Connection) -> None:
        # words that were taken back are gone from the index only when it is written anew
        connection.exec_driver_sql("INSERT INTO searchable_fts (searchable_fts) VALUES ('optimize')")
        blank(connection)

    if not database.shared:
        database.writer.submit(scrub).result()
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
