"""What a replay needs of a stored comparison: when its lanes began, first spoke and ended, and their recordings."""

from typing import NamedTuple

from sqlalchemy import Connection

from backends.events import Stamped
from storage.rows import answers_of, recordings


class Lap(NamedTuple):
    """A lane's times on its own clock, in microseconds; `start` is what the replay counts them from, `first` is None
    where it said nothing."""

    start: int
    first: int | None
    end: int


def laps(connection: Connection, comparison_id: str) -> tuple[Lap, ...]:
    """() while a lane has no end.

    Lanes that were run together keep their one clock. Where one was taken over from an earlier comparison there is no
    such clock: all begin together, each when its first request was sent.
    """
    rows = answers_of(connection, [comparison_id])[comparison_id]
    if any(row.end_us is None for row in rows):
        return ()
    apart = any(row.copied_from_id for row in rows)
    return tuple(Lap((row.sent_us or 0) if apart else 0, row.first_us, row.end_us) for row in rows)


def recorded(connection: Connection, comparison_id: str) -> tuple[tuple[Stamped, ...], ...]:
    """The recording of each lane, in the order asked."""
    ids = [row.id for row in answers_of(connection, [comparison_id])[comparison_id]]
    found = recordings(connection, ids)
    return tuple(found[answer_id] for answer_id in ids)
