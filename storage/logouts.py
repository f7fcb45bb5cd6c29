"""Sessions that were logged out before their time, until they would have ended anyway. What a session is, is not known
here."""

from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select

from storage.schema import logouts


def add(connection: Connection, session: str, until: datetime) -> None:
    """Once, however often; those whose time is over are forgotten."""
    over = (logouts.c.session == session) | (logouts.c.until < datetime.now(UTC))
    connection.execute(delete(logouts).where(over))
    connection.execute(insert(logouts).values(session=session, until=until))


def found(connection: Connection) -> dict[str, datetime]:
    return {row.session: row.until for row in connection.execute(select(logouts))}
