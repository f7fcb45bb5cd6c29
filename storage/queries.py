"""Every read of one comparison, as a function of a connection."""

import logging
from collections.abc import Collection
from functools import partial
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, func, literal, select

from backends.answer import Answer, fold
from backends.schedule import Schedule
from storage import lanes
from storage.comparison import Answered, AskedLane, Comparison, Earlier, KeptLane, Link, Place, Question, current
from storage.images import ImageStore
from storage.plan import Pace, Plan, Presentation, Traces
from storage.rows import SAMPLES, answers_of, flags_of, grouped, images_of, prompts_of, ratings_of, recordings, row_of
from storage.schema import answers, comparisons, ratings, texts

log = logging.getLogger(__name__)


def comparison(connection: Connection, files: ImageStore, comparison_id: str) -> Comparison | None:
    found = _found(connection, comparison_id)
    if found is None:
        return None
    rows = answers_of(connection, [comparison_id])[comparison_id]
    asked = prompts_of(connection, {found.prompt_id, *(row.prompt_id for row in rows)}, partial(_data, files))
    events = recordings(connection, [row.id for row in rows])
    odd = flags_of(connection, [row.id for row in rows])
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
                flags=tuple(odd[row.id]),
            )
            for row in rows
        ),
        ratings=tuple(ratings_of(connection, [comparison_id])[comparison_id]),
    )


def question(connection: Connection, comparison_id: str) -> Question | None:
    found = _found(connection, comparison_id)
    if found is None:
        return None
    rows = answers_of(connection, [comparison_id])[comparison_id]
    ids = {found.prompt_id, *(row.prompt_id for row in rows)}
    asked = prompts_of(connection, ids)
    first = _comparisons_of(connection, [row.copied_from_id for row in rows if row.copied_from_id])
    return Question(
        id=found.id,
        prompt=asked[found.prompt_id],
        sizes={row.sha256: row.bytes for row in chain.from_iterable(images_of(connection, ids).values())},
        links=links(connection, comparison_id),
        lanes=tuple(
            AskedLane(
                lanes.restored(row),
                row.address_hash,
                asked[row.prompt_id],
                first.get(row.copied_from_id, ""),
                row.crowded,
            )
            for row in rows
        ),
        ratings=current(ratings_of(connection, [comparison_id])[comparison_id]),
        reasoned=tuple(row.position for row in rows if row.first_reasoning_us is not None),
        plan=plan(found),
        maker=found.maker,
        origin=found.origin,
        overlap=found.overlap,
        rated=found.rated,
        over=all(row.end_us is not None for row in rows),
    )


def plan(row: sa.Row[Any]) -> Plan:
    """Of a row of `comparisons`."""
    presentation = Presentation(row.blind, Pace(row.pace), Traces(row.traces))
    return Plan(presentation, Schedule(row.schedule), row.warm_up, row.samples)


def answered(connection: Connection, comparison_id: str) -> tuple[Answered, ...]:
    rows = answers_of(connection, [comparison_id])[comparison_id]
    events = recordings(connection, [row.id for row in rows])
    odd = flags_of(connection, [row.id for row in rows])
    return tuple(Answered(lanes.restored(row), fold(events[row.id]), tuple(odd[row.id])) for row in rows)


def earlier(connection: Connection, place: Place) -> Earlier:
    row = row_of(connection, place)
    prompt = prompts_of(connection, [row.prompt_id])[row.prompt_id]
    return Earlier(lanes.restored(row), prompt, recordings(connection, [row.id])[row.id])


def samples(connection: Connection, comparison_id: str) -> tuple[tuple[Answer, ...], ...]:
    """What each lane said when it was asked again, as far as it is stored; () where none was."""
    rows = answers_of(connection, [comparison_id], SAMPLES)[comparison_id]
    events = recordings(connection, [row.id for row in rows])
    again = grouped((row.sample, fold(events[row.id])) for row in rows)
    return tuple(zip(*again.values(), strict=True))


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
    thread = here.where(columns.id == comparison_id).cte("thread", recursive=True)
    before = select(columns.id, columns.title, columns.follows_id, thread.c.back + 1)
    thread = thread.union_all(before.join(thread, columns.id == thread.c.follows_id))
    rows = connection.execute(select(thread.c.id, thread.c.title).order_by(thread.c.back.desc()))
    return tuple(Link(row.id, row.title) for row in rows)


def _comparisons_of(connection: Connection, answer_ids: Collection[str]) -> dict[str, str]:
    wanted = select(answers.c.id, answers.c.comparison_id).where(answers.c.id.in_(answer_ids))
    return dict(connection.execute(wanted).all())


def _found(connection: Connection, comparison_id: str) -> sa.Row[Any] | None:
    return connection.execute(select(comparisons).where(comparisons.c.id == comparison_id)).one_or_none()


def _data(files: ImageStore, sha256: str) -> bytes:
    try:
        return files.read(sha256)
    except KeyError:
        log.warning("the file of image %s is missing: its comparison is shown without it", sha256)
        return b""


def rated(connection: Connection) -> int:
    """How many ratings there are."""
    return connection.scalar(select(func.count()).select_from(ratings)) or 0
