"""The running apps that write one database. Each says at times that it is here; which has not for long is gone."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, exists, insert, select, update

from storage.schema import replicas

BEAT = 10.0  # seconds between two signs of life
GONE = timedelta(seconds=60)  # without one


def join(connection: Connection, replica: str, *, alone: bool) -> None:
    """`alone`: no other can be running."""
    if alone:
        connection.execute(delete(replicas))
    beat(connection, replica)


def beat(connection: Connection, replica: str) -> None:
    """A sign of life, and an end to waiting for those that are gone."""
    now = datetime.now(UTC)
    seen = update(replicas).where(replicas.c.id == replica).values(seen_at=now)
    if not connection.execute(seen).rowcount:
        connection.execute(insert(replicas).values(id=replica, seen_at=now))
    connection.execute(delete(replicas).where(replicas.c.seen_at < now - GONE))


def here(connection: Connection) -> bool:
    """Is any app running?"""
    return bool(connection.scalar(select(exists().where(replicas.c.seen_at >= datetime.now(UTC) - GONE))))


def leave(connection: Connection, replica: str) -> None:
    connection.execute(delete(replicas).where(replicas.c.id == replica))
