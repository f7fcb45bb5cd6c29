"""The rating queue: stored comparisons that want ratings from others than their maker, and who judges which now.

A place is a rating that a comparison still wants. A lock keeps one for an evaluator until it expires; all is decided in
the writer's transactions, so that nobody else gets it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from storage.errors import RatingError
from storage.rows import IDS
from storage.schema import answers, comparisons, locks, ratings, showings
from storage.showing import sealed_for

HOLD = timedelta(minutes=10)  # how long a lock lasts that is not renewed
MOST = 50  # ratings wanted of one comparison
FAR = 1000  # no evaluator looks further ahead: counting on would be slow

_item = comparisons.c
_WANTED = _item.overlap > _item.rated


@dataclass(frozen=True, slots=True)
class Progress:
    """`rated` by this evaluator, `left` for them (`FAR` at most); `complete` of all `total` in the queue."""

    rated: int
    left: int
    complete: int
    total: int


def enqueue(connection: Connection, comparison_ids: Collection[str], overlap: int) -> None:
    """Asks for `overlap` ratings of each by others than its maker; with 0 it leaves the queue. Raises RatingError."""
    if not 0 <= overlap <= MOST:
        raise RatingError(f"Ask for 1 to {MOST} ratings of a comparison.")
    if comparison_ids:
        wanted = update(comparisons).where(_item.id == bindparam("queued")).values(overlap=overlap, rated=_counted())
        connection.execute(wanted, [{"queued": comparison_id} for comparison_id in comparison_ids])


def reserve(connection: Connection, viewer: str, evaluator: str, after: str, now: datetime) -> str | None:
    """Locks the next comparison for this evaluator, other than `after`; its id, None where nothing waits for them.

    What they hold already comes first, then what lacks least, then what is oldest.
    """
    connection.execute(delete(locks).where(locks.c.until <= now))
    held = _item.id.in_(select(locks.c.comparison_id).where(locks.c.viewer == viewer))
    suited = [_item.id != after, *_suiting(viewer, evaluator, now)]
    found: str | None = connection.scalar(select(_item.id).where(held, *suited).limit(1)) or connection.scalar(
        select(_item.id).where(*suited).order_by(_item.rated.desc(), _item.created_at).limit(1)
    )
    if found:
        release(connection, viewer, [found])
        lock = {"comparison_id": found, "viewer": viewer, "evaluator": evaluator, "until": now + HOLD}
        connection.execute(insert(locks).values(lock))
    return found


def hold(connection: Connection, viewer: str, comparison_ids: Collection[str], now: datetime) -> None:
    """Renews this viewer's locks; one that has expired is lost."""
    mine = (locks.c.viewer == viewer) & locks.c.comparison_id.in_(comparison_ids) & (locks.c.until > now)
    connection.execute(update(locks).where(mine).values(until=now + HOLD))


def release(connection: Connection, viewer: str, comparison_ids: Collection[str]) -> None:
    connection.execute(_RELEASE, {"viewer": viewer, "ids": [*comparison_ids]})


def judged(connection: Connection, comparison_id: str, viewer: str) -> None:
    """After a rating or a skip, in its transaction: the lock has become a rating, or nothing."""
    release(connection, viewer, [comparison_id])
    connection.execute(_COUNT, {"of": comparison_id})


def progress(connection: Connection, viewer: str, evaluator: str, now: datetime) -> Progress:
    done = select(func.count()).join_from(ratings, comparisons)
    done = done.where(ratings.c.evaluator == evaluator, _item.overlap > 0, *_counting())
    total = connection.scalar(select(func.count(_item.created_at)).where(_item.overlap > 0)) or 0
    wanting = connection.scalar(select(func.count(_item.created_at)).where(_WANTED)) or 0
    near = select(_item.id).where(*_suiting(viewer, evaluator, now)).limit(FAR).subquery("near")
    left = connection.scalar(select(func.count()).select_from(near))
    return Progress(connection.scalar(done) or 0, left or 0, total - wanting, total)


def _suiting(viewer: str, evaluator: str, now: datetime) -> list[ColumnElement[bool]]:
    """What makes a row of `comparisons` one for this evaluator, with a place left for them."""
    others = sa.and_(locks.c.comparison_id == _item.id, locks.c.viewer != viewer, locks.c.until > now)
    taken = select(func.count()).select_from(locks).where(others).scalar_subquery()
    # the first of their ratings or skips supersedes nothing
    under_name = sa.exists().where(
        ratings.c.comparison_id == _item.id, ratings.c.evaluator == evaluator, ratings.c.supersedes_id.is_(None)
    )
    judged = sa.exists().where(
        showings.c.comparison_id == _item.id, showings.c.viewer == viewer, showings.c.rated_at.is_not(None)
    )
    return [
        _WANTED,
        _item.maker != viewer,
        sealed_for(viewer),  # what has shown itself to a viewer can't be judged blindly by them
        ~judged,
        ~under_name,
        _item.overlap - _item.rated > taken,
        ~sa.exists().where(others, locks.c.evaluator == evaluator),  # the same person at another browser
        ~sa.exists().where(answers.c.comparison_id == _item.id, answers.c.end_us.is_(None)),
    ]


def _counting() -> list[ColumnElement[bool]]:
    """What makes a row of `ratings` one that the queue has wanted: an evaluator's last blind one, no skip, not its
    maker's."""
    later = ratings.alias()
    superseded = sa.exists().where(later.c.supersedes_id == ratings.c.id, later.c.blind)
    by_maker = sa.exists().where(showings.c.id == ratings.c.showing_id, showings.c.viewer == _item.maker)
    return [ratings.c.blind, ratings.c.skipped == "", ~superseded, ~by_maker.correlate(ratings, comparisons)]


def _counted() -> sa.ScalarSelect[int]:
    return select(func.count()).where(ratings.c.comparison_id == _item.id, *_counting()).scalar_subquery()


# made once: to build these takes longer than to run them
_RELEASE = delete(locks).where(locks.c.viewer == bindparam("viewer"), locks.c.comparison_id.in_(IDS))
_COUNT = update(comparisons).where(_item.id == bindparam("of")).values(rated=_counted())
