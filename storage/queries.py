"""Every read of one comparison or one page, as a function of a connection. Lists touch no text and no recording."""

import logging
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, literal, select, tuple_

from backends import recording
from backends.answer import Answer, State, fold
from backends.events import Stamped
from backends.lane import Lane
from backends.prompt import Image, Prompt
from storage import lanes, prompts
from storage.comparison import (
    AskedLane,
    Comparison,
    Cursor,
    KeptLane,
    Link,
    Page,
    Question,
    Rating,
    Row,
    RowLane,
    current,
)
from storage.images import ImageStore
from storage.schema import Moment, answers, comparisons, prompt_images, ratings, recording_chunks, texts
from storage.schema import images as image_rows
from storage.schema import prompts as prompt_bodies

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")


def comparison(connection: Connection, files: ImageStore, comparison_id: str) -> Comparison | None:
    found = _found(connection, comparison_id)
    if found is None:
        return None
    rows = _answers(connection, comparison_id)
    asked = _prompts(connection, {found.prompt_id, *(row.prompt_id for row in rows)}, partial(_data, files))
    events = recordings(connection, [row.id for row in rows])
    return Comparison(
        id=found.id,
        created_at=found.created_at,
        started_at=found.started_at,
        follows=found.follows_id,
        prompt=asked[found.prompt_id],
        lanes=tuple(
            KeptLane(
                lane=lanes.restored(row),
                address_hash=row.address_hash,
                prompt=asked[row.prompt_id],
                recording=events[row.id],
                answer=fold(events[row.id]),
            )
            for row in rows
        ),
        ratings=tuple(ratings_of(connection, [comparison_id])[comparison_id]),
    )


def question(connection: Connection, comparison_id: str) -> Question | None:
    found = _found(connection, comparison_id)
    if found is None:
        return None
    return Question(
        id=found.id,
        prompt=_prompts(connection, [found.prompt_id], lambda _: b"")[found.prompt_id],
        links=links(connection, comparison_id),
        lanes=tuple(AskedLane(lanes.restored(row), row.address_hash) for row in _answers(connection, comparison_id)),
        ratings=current(ratings_of(connection, [comparison_id])[comparison_id]),
    )


def answered(connection: Connection, comparison_id: str) -> tuple[tuple[Lane, Answer], ...]:
    rows = _answers(connection, comparison_id)
    events = recordings(connection, [row.id for row in rows])
    return tuple((lanes.restored(row), fold(events[row.id])) for row in rows)


def answer_text(connection: Connection, comparison_id: str, position: int) -> str | None:
    text: str | None = connection.scalar(
        select(texts.c.text)
        .join(answers)
        .where(answers.c.comparison_id == comparison_id, answers.c.position == position)
    )
    return text


def links(connection: Connection, comparison_id: str) -> tuple[Link, ...]:
    """The comparison and those that it follows, oldest first."""
    columns = comparisons.c
    here = select(columns.id, columns.title, columns.follows_id, literal(0).label("back"))
    chain = here.where(columns.id == comparison_id).cte("chain", recursive=True)
    before = select(columns.id, columns.title, columns.follows_id, chain.c.back + 1)
    chain = chain.union_all(before.join(chain, columns.id == chain.c.follows_id))
    rows = connection.execute(select(chain.c.id, chain.c.title).order_by(chain.c.back.desc()))
    return tuple(Link(row.id, row.title) for row in rows)


def page(connection: Connection, before: Cursor | None, limit: int) -> Page:
    columns = comparisons.c
    wanted = select(comparisons).order_by(columns.created_at.desc(), columns.id.desc()).limit(limit + 1)
    if before:
        wanted = wanted.where(tuple_(columns.created_at, columns.id) < place(before))
    found = connection.execute(wanted).all()
    shown = found[:limit]
    ids = [row.id for row in shown]
    columns_of_lanes = _lanes(connection, ids)
    pictures = _hashes(connection, [row.prompt_id for row in shown])
    judged = ratings_of(connection, ids)
    rows = tuple(
        Row(
            id=row.id,
            created_at=row.created_at,
            follows=row.follows_id,
            title=row.title,
            images=tuple(pictures[row.prompt_id]),
            lanes=tuple(columns_of_lanes[row.id]),
            ratings=current(judged[row.id]),
        )
        for row in shown
    )
    return Page(rows, Cursor(rows[-1].created_at, rows[-1].id) if len(found) > limit else None)


def place(cursor: Cursor) -> sa.Tuple:
    """The cursor as SQL, to compare with a pair of columns."""
    return tuple_(literal(cursor.created_at, Moment), literal(cursor.id))


def recordings(connection: Connection, answer_ids: Collection[str]) -> dict[str, tuple[Stamped, ...]]:
    chunks = recording_chunks.c
    rows = connection.execute(
        select(chunks.answer_id, chunks.data)
        .where(chunks.answer_id.in_(answer_ids))
        .order_by(chunks.answer_id, chunks.seq)
    )
    events: defaultdict[str, list[Stamped]] = defaultdict(list)
    for answer_id, data in rows:
        events[answer_id] += recording.load(zlib.decompress(data))
    return {answer_id: tuple(events[answer_id]) for answer_id in answer_ids}


def rating(row: sa.Row[Any]) -> Rating:
    return Rating(
        id=row.id,
        evaluator=row.evaluator,
        ranking=tuple(map(tuple, row.ranking)),
        all_bad=row.all_bad,
        tags=tuple(row.tags),
        comment=row.comment,
        created_at=row.created_at,
        supersedes=row.supersedes_id,
    )


def ratings_of(connection: Connection, comparison_ids: Sequence[str]) -> defaultdict[str, list[Rating]]:
    rows = connection.execute(
        select(ratings).where(ratings.c.comparison_id.in_(comparison_ids)).order_by(ratings.c.created_at, ratings.c.id)
    )
    return grouped((row.comparison_id, rating(row)) for row in rows)


def _lanes(connection: Connection, comparison_ids: Sequence[str]) -> defaultdict[str, list[RowLane]]:
    rows = connection.execute(
        select(answers)
        .where(answers.c.comparison_id.in_(comparison_ids))
        .order_by(answers.c.comparison_id, answers.c.position)
    )
    return grouped((row.comparison_id, RowLane(lanes.restored(row).label, State(row.state))) for row in rows)


def _hashes(connection: Connection, prompt_ids: Sequence[str]) -> defaultdict[str, list[str]]:
    columns = prompt_images.c
    rows = connection.execute(
        select(columns.prompt_id, columns.sha256)
        .where(columns.prompt_id.in_(prompt_ids))
        .order_by(columns.prompt_id, columns.position)
    )
    return grouped(rows)


def grouped(rows: Iterable[tuple[K, V]]) -> defaultdict[K, list[V]]:
    groups: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in rows:
        groups[key].append(value)
    return groups


def _found(connection: Connection, comparison_id: str) -> sa.Row[Any] | None:
    return connection.execute(select(comparisons).where(comparisons.c.id == comparison_id)).one_or_none()


def _answers(connection: Connection, comparison_id: str) -> Sequence[sa.Row[Any]]:
    wanted = select(answers).where(answers.c.comparison_id == comparison_id).order_by(answers.c.position)
    return connection.execute(wanted).all()


def _prompts(connection: Connection, ids: Collection[str], data: Callable[[str], bytes]) -> dict[str, Prompt]:
    """The prompts by id; `data` gives an image's bytes by its hash."""
    pictures = connection.execute(
        select(image_rows).where(
            image_rows.c.sha256.in_(select(prompt_images.c.sha256).where(prompt_images.c.prompt_id.in_(ids)))
        )
    )
    shown = {row.sha256: Image(row.sha256, row.mime, row.width, row.height, data(row.sha256)) for row in pictures}
    bodies = connection.execute(select(prompt_bodies).where(prompt_bodies.c.id.in_(ids)))
    return {row.id: prompts.restore(row.body, shown) for row in bodies}


def _data(files: ImageStore, sha256: str) -> bytes:
    try:
        return files.path(sha256).read_bytes()
    except (KeyError, OSError):
        log.warning("the file of image %s is missing: its comparison is shown without it", sha256)
        return b""
