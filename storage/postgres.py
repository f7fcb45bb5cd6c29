"""A PostgreSQL server as the database: several replicas of the app write it, one transaction at a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

WRITING = 7_015_291  # the advisory lock that a writing transaction holds, as SQLite's writers hold the file's
CONNECT_SECONDS = 10


class Postgres:
    shared = True
    reading: Mapping[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    # each statement sees what was committed before it: a snapshot would be from before the lock was free
    writing: Mapping[str, Any] = {"isolation_level": "READ COMMITTED", "writes": True}

    def __init__(self, url: URL) -> None:
        self.url = url
        self.name = f"{url.host or 'here'}/{url.database}"

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Nothing: other replicas may write too."""
        yield

    def exists(self) -> bool:
        return True  # connecting tells

    def engine(self, **settings: Any) -> Engine:
        """With the options `reading`, transactions see one snapshot; with those `writing`, they are one at a time."""
        timeout = {} if "connect_timeout" in self.url.query else {"connect_timeout": CONNECT_SECONDS}
        engine = create_engine(
            self.url,
            pool_pre_ping=True,
            hide_parameters=True,  # a log is told no prompts
            connect_args=timeout,
            **settings,
        )
        event.listen(engine, "begin", _begin)
        return engine


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("writes"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITING})")
