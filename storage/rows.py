"""Rows of many comparisons, answers or prompts at once, by id: what every read is made of."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, select

from backends import recording
from backends.events import Stamped
from backends.flags import TITLES, Flag
from backends.prompt import Image, Prompt
from storage import prompts
from storage.comparison import Place, Rating
from storage.errors import StorageError
from storage.ratings import Reasoned
from storage.schema import answers, flags, prompt_images, ratings, recording_chunks, showings
from storage.schema import images as image_rows
from storage.schema import prompts as prompt_bodies

ANSWERS: sa.Select[Any] = select(answers).where(answers.c.sample == 0)
SAMPLES: sa.Select[Any] = select(answers).where(answers.c.sample > 0)

_ORDER = {code: place for place, code in enumerate(TITLES)}

K = TypeVar("K")
V = TypeVar("V")


def answers_of(
    connection: Connection, comparison_ids: Collection[str], wanted: sa.Select[Any] = ANSWERS
) -> defaultdict[str, list[sa.Row[Any]]]:
    """The rows of each comparison's lanes in the order asked, unless others are `wanted`."""
    rows = connection.execute(
        wanted.where(answers.c.comparison_id.in_(comparison_ids)).order_by(answers.c.comparison_id, answers.c.position)
    )
    return grouped((row.comparison_id, row) for row in rows)


def row_of(connection: Connection, place: Place) -> sa.Row[Any]:
    """The row of an answer that has ended. Raises StorageError."""
    wanted = answers.c.comparison_id == place.comparison_id, answers.c.position == place.position
    row = connection.execute(select(answers).where(*wanted)).one_or_none()
    if row is None or row.end_us is None:
        raise StorageError("An answer that was to be taken over is not over yet, or not here any more.")
    return row


def flags_of(connection: Connection, answer_ids: Collection[str]) -> defaultdict[str, list[Flag]]:
    """The flags of each answer, in the order of their titles."""
    columns = flags.c
    wanted = select(columns.answer_id, columns.code, columns.detail).where(columns.answer_id.in_(answer_ids))
    rows = sorted(connection.execute(wanted), key=lambda row: _rank(row.code))
    return grouped((row.answer_id, Flag(row.code, row.detail)) for row in rows)


def _rank(code: str) -> int:
    return _ORDER.get(code, len(_ORDER))


def recordings(connection: Connection, answer_ids: Collection[str]) -> dict[str, tuple[Stamped, ...]]:
    unpacked = recorded(connection, answer_ids)
    return {answer_id: tuple(recording.load(data)) for answer_id, data in unpacked.items()}


def recorded(connection: Connection, answer_ids: Collection[str]) -> dict[str, bytes]:
    """Each recording as the bytes that it is made of; b"" where nothing was recorded."""
    chunks = recording_chunks.c
    rows = connection.execute(
        select(chunks.answer_id, chunks.data)
        .where(chunks.answer_id.in_(answer_ids))
        .order_by(chunks.answer_id, chunks.seq)
    )
    parts = grouped(rows)
    return {answer_id: b"".join(map(zlib.decompress, parts[answer_id])) for answer_id in answer_ids}


def prompts_of(
    connection: Connection, ids: Collection[str], data: Callable[[str], bytes] = lambda _: b""
) -> dict[str, Prompt]:
    """The prompts by id; `data` gives an image's bytes by its hash."""
    described = {row.sha256: row for row in chain.from_iterable(images_of(connection, ids).values())}
    shown = {sha256: Image(sha256, row.mime, row.width, row.height, data(sha256)) for sha256, row in described.items()}
    bodies = connection.execute(select(prompt_bodies).where(prompt_bodies.c.id.in_(ids)))
    return {row.id: prompts.restore(row.body, shown) for row in bodies}


def images_of(connection: Connection, prompt_ids: Collection[str]) -> defaultdict[str, list[sa.Row[Any]]]:
    """The images of each prompt, described, in the order of their first showing."""
    columns = prompt_images.c
    rows = connection.execute(
        select(columns.prompt_id, image_rows)
        .join(image_rows)
        .where(columns.prompt_id.in_(prompt_ids))
        .order_by(columns.prompt_id, columns.position)
    )
    return grouped((row.prompt_id, row) for row in rows)


def ratings_of(connection: Connection, comparison_ids: Sequence[str]) -> defaultdict[str, list[Rating]]:
    rows = connection.execute(
        select(ratings).where(ratings.c.comparison_id.in_(comparison_ids)).order_by(ratings.c.created_at, ratings.c.id)
    )
    return grouped((row.comparison_id, rating(row)) for row in rows)


def rating(row: sa.Row[Any]) -> Rating:
    return Rating(
        id=row.id,
        evaluator=row.evaluator,
        ranking=tuple(map(tuple, row.ranking)),
        all_bad=row.all_bad,
        skipped=row.skipped,
        strength=row.strength,
        scores={name: tuple(each) for name, each in row.scores.items()},
        tags=tuple(row.tags),
        comment=row.comment,
        traces=_reasoned(**row.traces),
        early=row.early,
        seconds=row.seconds,
        read=tuple(row.read),
        opened=tuple(row.opened),
        created_at=row.created_at,
        supersedes=row.supersedes_id,
        showing_id=row.showing_id,
        blind=row.blind,
    )


def _reasoned(ranking: Sequence[Sequence[int]] = (), marks: Mapping[str, Sequence[int]] | None = None) -> Reasoned:
    return Reasoned(tuple(map(tuple, ranking)), {mark: tuple(each) for mark, each in (marks or {}).items()})


def showings_of(connection: Connection, comparison_ids: Collection[str]) -> defaultdict[str, list[sa.Row[Any]]]:
    rows = connection.execute(
        select(showings).where(showings.c.comparison_id.in_(comparison_ids)).order_by(showings.c.created_at)
    )
    return grouped((row.comparison_id, row) for row in rows)


def has(connection: Connection, table: sa.Table, key: str) -> bool:
    (column,) = table.primary_key
    return bool(connection.scalar(select(sa.exists().where(column == key))))


def grouped(rows: Iterable[tuple[K, V]]) -> defaultdict[K, list[V]]:
    groups: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in rows:
        groups[key].append(value)
    return groups
