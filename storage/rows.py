"""Rows of many comparisons, answers or prompts at once, by id: what every read is made of.

Statements are made once: to build one takes longer than to run it.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, select

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

IDS: sa.BindParameter[Any] = bindparam("ids", expanding=True)

ANSWERS: sa.Select[Any] = select(answers).where(answers.c.sample == 0)
SAMPLES: sa.Select[Any] = select(answers).where(answers.c.sample > 0)

_FLAGS = select(flags.c.answer_id, flags.c.code, flags.c.detail).where(flags.c.answer_id.in_(IDS))
_CHUNKS = (
    select(recording_chunks.c.answer_id, recording_chunks.c.data)
    .where(recording_chunks.c.answer_id.in_(IDS))
    .order_by(recording_chunks.c.answer_id, recording_chunks.c.seq)
)
_PROMPTS = select(prompt_bodies).where(prompt_bodies.c.id.in_(IDS))
_IMAGES = (
    select(prompt_images.c.prompt_id, image_rows)
    .join(image_rows)
    .where(prompt_images.c.prompt_id.in_(IDS))
    .order_by(prompt_images.c.prompt_id, prompt_images.c.position)
)
_RATINGS = select(ratings).where(ratings.c.comparison_id.in_(IDS)).order_by(ratings.c.created_at, ratings.c.id)
_SHOWINGS = select(showings).where(showings.c.comparison_id.in_(IDS)).order_by(showings.c.created_at)

_ORDER = {code: place for place, code in enumerate(TITLES)}

K = TypeVar("K")
V = TypeVar("V")


def answers_of(
    connection: Connection, comparison_ids: Collection[str], wanted: sa.Select[Any] = ANSWERS
) -> defaultdict[str, list[sa.Row[Any]]]:
    """The rows of each comparison's lanes in the order asked, unless others are `wanted`."""
    rows = connection.execute(_lanes(wanted), {"ids": [*comparison_ids]}).all()
    return grouped((row.comparison_id, row) for row in rows)


@lru_cache
def _lanes(wanted: sa.Select[Any]) -> sa.Select[Any]:
    ordered = wanted.order_by(answers.c.comparison_id, answers.c.position)
    return ordered.where(answers.c.comparison_id.in_(IDS))


def row_of(connection: Connection, place: Place) -> sa.Row[Any]:
    """The row of an answer that has ended. Raises StorageError."""
    wanted = answers.c.comparison_id == place.comparison_id, answers.c.position == place.position
    row = connection.execute(select(answers).where(*wanted)).one_or_none()
    if row is None or row.end_us is None:
        raise StorageError("An answer that was to be taken over is not over yet, or not here any more.")
    return row


def flags_of(connection: Connection, answer_ids: Collection[str]) -> defaultdict[str, list[Flag]]:
    """The flags of each answer, in the order of their titles."""
    rows = sorted(connection.execute(_FLAGS, {"ids": [*answer_ids]}).all(), key=lambda row: _rank(row.code))
    return grouped((row.answer_id, Flag(row.code, row.detail)) for row in rows)


def _rank(code: str) -> int:
    return _ORDER.get(code, len(_ORDER))


def recordings(connection: Connection, answer_ids: Collection[str]) -> dict[str, tuple[Stamped, ...]]:
    unpacked = recorded(connection, answer_ids)
    return {answer_id: tuple(recording.load(data)) for answer_id, data in unpacked.items()}


def recorded(connection: Connection, answer_ids: Collection[str]) -> dict[str, bytes]:
    """Each recording as the bytes that it is made of; b"" where nothing was recorded."""
    parts = grouped(connection.execute(_CHUNKS, {"ids": [*answer_ids]}).all())
    return {answer_id: b"".join(map(zlib.decompress, parts[answer_id])) for answer_id in answer_ids}


def packed(data: bytes) -> bytes:
    """A part of a recording as it is kept. The writer has to do it: in a quarter of the time, it is a sixth longer."""
    return zlib.compress(data, 1)


def prompts_of(
    connection: Connection, ids: Collection[str], data: Callable[[str], bytes] = lambda _: b""
) -> dict[str, Prompt]:
    """The prompts by id; `data` gives an image's bytes by its hash."""
    described = {row.sha256: row for row in chain.from_iterable(images_of(connection, ids).values())}
    shown = {sha256: Image(sha256, row.mime, row.width, row.height, data(sha256)) for sha256, row in described.items()}
    bodies = connection.execute(_PROMPTS, {"ids": [*ids]})
    return {row.id: prompts.restore(row.body, shown) for row in bodies}


def images_of(connection: Connection, prompt_ids: Collection[str]) -> defaultdict[str, list[sa.Row[Any]]]:
    """The images of each prompt, described, in the order of their first showing."""
    rows = connection.execute(_IMAGES, {"ids": [*prompt_ids]}).all()
    return grouped((row.prompt_id, row) for row in rows)


def ratings_of(connection: Connection, comparison_ids: Sequence[str]) -> defaultdict[str, list[Rating]]:
    rows = connection.execute(_RATINGS, {"ids": [*comparison_ids]}).all()
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
    rows = connection.execute(_SHOWINGS, {"ids": [*comparison_ids]}).all()
    return grouped((row.comparison_id, row) for row in rows)


def has(connection: Connection, table: sa.Table, key: str) -> bool:
    return bool(connection.scalar(_has(table), {"key": key}))


@lru_cache
def _has(table: sa.Table) -> sa.Select[Any]:
    (column,) = table.primary_key
    return select(sa.exists().where(column == bindparam("key")))


def grouped(rows: Iterable[tuple[K, V]]) -> defaultdict[K, list[V]]:
    groups: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in rows:
        groups[key].append(value)
    return groups
