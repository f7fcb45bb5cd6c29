"""Every read of comparisons by id, as a function of a connection."""

import logging
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, literal, select

from backends import recording
from backends.answer import Answer, fold
from backends.events import Stamped
from backends.flags import TITLES, Flag
from backends.prompt import Image, Prompt
from backends.schedule import Schedule
from storage import lanes, prompts
from storage.comparison import (
    Answered,
    AskedLane,
    Comparison,
    Earlier,
    KeptLane,
    Link,
    Place,
    Question,
    Rating,
    current,
)
from storage.errors import StorageError
from storage.images import ImageStore
from storage.plan import Pace, Plan, Presentation, Traces
from storage.ratings import Reasoned
from storage.schema import (
    answers,
    comparisons,
    flags,
    prompt_images,
    ratings,
    recording_chunks,
    showings,
    texts,
)
from storage.schema import images as image_rows
from storage.schema import prompts as prompt_bodies

log = logging.getLogger(__name__)

ANSWERS: sa.Select[Any] = select(answers).where(answers.c.sample == 0)
SAMPLES: sa.Select[Any] = select(answers).where(answers.c.sample > 0)

_ORDER = {code: place for place, code in enumerate(TITLES)}

K = TypeVar("K")
V = TypeVar("V")


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


def row_of(connection: Connection, place: Place) -> sa.Row[Any]:
    """The row of an answer that has ended. Raises StorageError."""
    wanted = answers.c.comparison_id == place.comparison_id, answers.c.position == place.position
    row = connection.execute(select(answers).where(*wanted)).one_or_none()
    if row is None or row.end_us is None:
        raise StorageError("An answer that was to be taken over is not over yet, or not here any more.")
    return row


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


def answers_of(
    connection: Connection, comparison_ids: Collection[str], wanted: sa.Select[Any] = ANSWERS
) -> defaultdict[str, list[sa.Row[Any]]]:
    """The rows of each comparison's lanes in the order asked, unless others are `wanted`."""
    rows = connection.execute(
        wanted.where(answers.c.comparison_id.in_(comparison_ids)).order_by(answers.c.comparison_id, answers.c.position)
    )
    return grouped((row.comparison_id, row) for row in rows)


def flags_of(connection: Connection, answer_ids: Collection[str]) -> defaultdict[str, list[Flag]]:
    """The flags of each answer, in the order of their titles."""
    columns = flags.c
    wanted = select(columns.answer_id, columns.code, columns.detail).where(columns.answer_id.in_(answer_ids))
    rows = sorted(connection.execute(wanted), key=lambda row: _rank(row.code))
    return grouped((row.answer_id, Flag(row.code, row.detail)) for row in rows)


def _rank(code: str) -> int:
    return _ORDER.get(code, len(_ORDER))


def _comparisons_of(connection: Connection, answer_ids: Collection[str]) -> dict[str, str]:
    wanted = select(answers.c.id, answers.c.comparison_id).where(answers.c.id.in_(answer_ids))
    return dict(connection.execute(wanted).all())


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


def prompts_of(
    connection: Connection, ids: Collection[str], data: Callable[[str], bytes] = lambda _: b""
) -> dict[str, Prompt]:
    """The prompts by id; `data` gives an image's bytes by its hash."""
    described = {row.sha256: row for row in chain.from_iterable(images_of(connection, ids).values())}
    shown = {sha256: Image(sha256, row.mime, row.width, row.height, data(sha256)) for sha256, row in described.items()}
    bodies = connection.execute(select(prompt_bodies).where(prompt_bodies.c.id.in_(ids)))
    return {row.id: prompts.restore(row.body, shown) for row in bodies}


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


def ratings_of(connection: Connection, comparison_ids: Sequence[str]) -> defaultdict[str, list[Rating]]:
    rows = connection.execute(
        select(ratings).where(ratings.c.comparison_id.in_(comparison_ids)).order_by(ratings.c.created_at, ratings.c.id)
    )
    return grouped((row.comparison_id, rating(row)) for row in rows)


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


def _found(connection: Connection, comparison_id: str) -> sa.Row[Any] | None:
    return connection.execute(select(comparisons).where(comparisons.c.id == comparison_id)).one_or_none()


def _data(files: ImageStore, sha256: str) -> bytes:
    try:
        return files.path(sha256).read_bytes()
    except (KeyError, OSError):
        log.warning("the file of image %s is missing: its comparison is shown without it", sha256)
        return b""
