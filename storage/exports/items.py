"""Reads what is kept for the exports: whole comparisons, oldest first, some at a time, from one consistent snapshot.

Memory does not grow with the data. Of comparisons that are sealed for a viewer it tells only what was asked.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from threading import Semaphore
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Row, Text, select

from backends.flags import Flag
from storage.comparison import EVERYTHING, Filter, Rating
from storage.errors import StorageError
from storage.exports import demo, pseudonyms
from storage.rows import IDS, answers_of, flags_of, grouped, images_of, ratings_of, recorded, showings_of
from storage.rubric import DEFAULT, Rubric, load
from storage.schema import answers, comparisons, hints, prompts, texts
from storage.search import found
from storage.shipped import ORIGIN
from storage.showing import Showing, restored, sealed_among

BATCH = 64  # comparisons held in memory at once, or fewer that are long
LONG = 4_000_000  # bytes that a batch may have, as far as the one before it tells
AT_ONCE = 4  # exports of one process: each holds a snapshot, which the database's journal has to keep
FIRST = -(2**63)  # no comparison's number is below
_turns = Semaphore(AT_ONCE)

_KEPT = texts.c
_JSON = [sa.cast(each, Text).label(each.name) for each in (_KEPT.calls, _KEPT.results)]
_SPOKEN = select(answers, _KEPT.reasoning, _KEPT.text, *_JSON, _KEPT.measured).join(texts)
_REQUESTED = select(answers, _KEPT.request, _KEPT.reasoning, _KEPT.text, *_JSON, _KEPT.measured).join(texts)
_BODIES = select(prompts.c.id, sa.cast(prompts.c.body, Text)).where(prompts.c.id.in_(IDS))
_TELLS = select(hints.c.comparison_id, hints.c.of_id).where(hints.c.comparison_id.in_(IDS)).order_by(*hints.primary_key)
_TOLD_BY = (
    select(hints.c.of_id, hints.c.comparison_id)
    .where(hints.c.of_id.in_(IDS))
    .order_by(hints.c.of_id, hints.c.comparison_id)
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is exported: the comparisons that `viewer` finds (None sees all), those after a `number` and
    `through` another, at most `limit`.

    `demo`: also what simulated and demo models answered, in views for training and statistics. `reasoning`: with the
    lanes' reasoning. `names`: people under their own names instead of pseudonyms. `rubric` has the scales of scores.
    """

    wanted: Filter = EVERYTHING
    viewer: str | None = None
    after: int | None = None
    limit: int | None = None
    demo: bool = False
    reasoning: bool = True
    names: bool = False
    through: int | None = None
    rubric: Rubric = field(default_factory=lambda: load(DEFAULT))


ALL = Scope()


@dataclass(frozen=True, slots=True)
class Item:
    """One comparison whole. Of one that is `sealed` there is only what was asked, and of its row only id and moment may
    leave.

    `prompt` is the body asked of all, `bodies` are those of the lanes too, by id, as JSON text; `lanes` and `samples`
    (further ones) are rows of `answers` with their texts. `maker`, `showings` and `ratings` name people as the scope
    wants: `row.maker` is raw. `flags` are by answer, `images` rows by prompt. `recordings` (bytes by answer) are read
    as the view needs them; the lanes' `request`, `tells_of` and `told_by` for lossless views alone.
    """

    row: Row[Any]
    prompt: str
    bodies: Mapping[str, str]
    images: Mapping[str, Sequence[Row[Any]]]
    sealed: bool = False
    demo: bool = False
    maker: str = ""
    lanes: Sequence[Row[Any]] = ()
    samples: Sequence[Row[Any]] = ()
    flags: Mapping[str, Sequence[Flag]] = field(default_factory=dict)
    ratings: Sequence[Rating] = ()
    showings: Sequence[Showing] = ()
    recordings: Mapping[str, bytes] = field(default_factory=dict)
    tells_of: Sequence[str] = ()
    told_by: Sequence[str] = ()


def items(engine: Engine, scope: Scope, *, recordings: bool = False, rounds: bool = False) -> Generator[list[Item]]:
    """Batches, from one transaction: one snapshot. Raises StorageError where too many exports run already."""
    named = _themselves if scope.names else pseudonyms.of(engine)
    done, after, most = 0, scope.after, BATCH
    with _turn(), engine.connect() as connection:
        while (size := most if scope.limit is None else min(most, scope.limit - done)) > 0:
            rows = connection.execute(_found(scope, after).limit(size)).all()
            if not rows:
                return
            whole = _whole(connection, rows, scope.viewer, named, recordings, rounds)
            yield whole
            done, after = done + len(rows), rows[-1].number
            most = max(1, min(BATCH, LONG * len(rows) // (1 + sum(map(_bytes, whole)))))


def _bytes(item: Item) -> int:
    said = (len(lane.reasoning) + len(lane.text) for lane in (*item.lanes, *item.samples))
    return sum(map(len, item.recordings.values())) + sum(said)


def _themselves(name: str, _role: str) -> str:
    return name


def count(engine: Engine, scope: Scope) -> int:
    """How many comparisons `items` would read now."""
    wanted = _found(scope, scope.after).with_only_columns(comparisons.c.number).limit(scope.limit)
    with engine.connect() as connection:
        return connection.scalar(select(sa.func.count()).select_from(wanted.subquery())) or 0


def page_end(engine: Engine, scope: Scope) -> int | None:
    """The number through which the scope's `limit` reaches, None where nothing follows."""
    if scope.limit is None:
        return None
    wanted = _found(scope, scope.after).with_only_columns(comparisons.c.number).offset(scope.limit - 1).limit(2)
    with engine.connect() as connection:
        last, *following = connection.scalars(wanted).all() or [None]
    return last if following else None


def _found(scope: Scope, after: int | None) -> sa.Select[Any]:
    before = None if scope.through is None else scope.through + 1
    return found(scope.wanted, scope.viewer, before, FIRST if after is None else after)


def _whole(
    connection: Connection,
    rows: Sequence[Row[Any]],
    viewer: str | None,
    named: Callable[[str, str], str],
    recordings: bool,
    rounds: bool,
) -> list[Item]:
    ids = [row.id for row in rows]
    sealed = set() if viewer is None else sealed_among(connection, ids, viewer)
    told = [comparison_id for comparison_id in ids if comparison_id not in sealed]
    lanes = _lanes(connection, told, recordings)
    answer_ids = [lane.id for lane in chain(*lanes.values())]
    prompt_ids = {row.prompt_id for row in chain(rows, *lanes.values())}
    bodies, pictures = _bodies(connection, prompt_ids), images_of(connection, prompt_ids)
    odd, ratings, shows = flags_of(connection, answer_ids), ratings_of(connection, told), showings_of(connection, told)
    several = [lane.id for lane in chain(*lanes.values()) if lane.rounds > 1] if rounds else []
    wanted = answer_ids if recordings else several
    events = recorded(connection, wanted) if wanted else {}
    tells, told_by = _hints(connection, told) if recordings else (grouped(()), grouped(()))
    whole = []
    for row in rows:
        if row.id in sealed:
            whole.append(Item(row, bodies[row.prompt_id], bodies, pictures, sealed=True))
            continue
        asked = lanes[row.id]
        whole.append(
            Item(
                row=row,
                prompt=bodies[row.prompt_id],
                bodies=bodies,
                images=pictures,
                demo=row.origin == ORIGIN or any(map(demo.answered, asked)),
                maker=named(row.maker, "viewer"),
                lanes=[lane for lane in asked if lane.sample == 0],
                samples=[lane for lane in asked if lane.sample > 0],
                flags=odd,
                ratings=[replace(each, evaluator=named(each.evaluator, "evaluator")) for each in ratings[row.id]],
                showings=[replace(each, viewer=named(each.viewer, "viewer")) for each in map(restored, shows[row.id])],
                recordings={lane.id: events[lane.id] for lane in asked if lane.id in events},
                tells_of=tells[row.id],
                told_by=told_by[row.id],
            )
        )
    return whole


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(blocking=False):
        raise StorageError(f"{AT_ONCE} exports are running already: try again when one of them is done.")
    try:
        yield
    finally:
        _turns.release()


def _lanes(connection: Connection, comparison_ids: Collection[str], requests: bool) -> defaultdict[str, list[Row[Any]]]:
    return answers_of(connection, comparison_ids, _REQUESTED if requests else _SPOKEN)


def _bodies(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    return dict(connection.execute(_BODIES, {"ids": [*ids]}).all())


def _hints(connection: Connection, ids: Collection[str]) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """Of which comparisons each tells, and which tell of it."""
    tells, told_by = (connection.execute(wanted, {"ids": [*ids]}) for wanted in (_TELLS, _TOLD_BY))
    return grouped(map(tuple, tells)), grouped(map(tuple, told_by))
