"""An SQLite file as the database: one app writes it, anyone reads it beside. Knows its address, lock and pragmas."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError

from storage.errors import StorageError, explained
from storage.lock import Lock

try:
    from pysqlite3 import dbapi2 as driver
except ImportError:
    import sqlite3 as driver

DRIVER: ModuleType = driver
VERSION: tuple[int, ...] = driver.sqlite_version_info
BUSY_MS = 10_000
PAGES = 2_000  # copied at once: some milliseconds' work

log = logging.getLogger("storage.database")


def is_safe(version: tuple[int, ...]) -> bool:
    """Is it free of the bug by which a WAL file that several connections use could damage the database?"""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


class Sqlite:
    shared = False
    reading: Mapping[str, Any] = {}
    writing: Mapping[str, Any] = {"writes": True}

    def __init__(self, url: URL) -> None:
        """Raises StorageError where the address names no file."""
        if url.database in (None, "", ":memory:"):
            raise StorageError("DATABASE_URL must name an SQLite file: write it like sqlite:///data/lanewise.db.")
        self.url = url
        self.path = Path(str(url.database))
        self.name = str(self.path)

    @contextmanager
    def claim(self) -> Iterator[None]:
        """The file, made where it is missing, for one app to write; the lock goes with the process at the latest."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock(self.path)
        try:
            # SQLite would open a file that can't be written, and fail at the first change
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644))
            if not is_safe(VERSION):
                log.warning(
                    "SQLite %s has a rare bug that can damage a database: `pip install pysqlite3` brings a newer one.",
                    ".".join(map(str, VERSION)),
                )
            yield
        finally:
            lock.release()

    def exists(self) -> bool:
        return self.path.is_file()

    def engine(self, **settings: Any) -> Engine:
        """Its transactions see one snapshot; with the options `writing`, they take the write lock at once."""
        engine = create_engine(self.url, module=DRIVER, hide_parameters=True, **settings)  # a log is told no prompts
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine


def snapshot(source: Path, target: Path, done: Callable[[int, int], object]) -> None:
    """Copies a database as it is now into a new file that needs no other beside it, while apps may write it.

    `done` is told how many pages are copied, and of how many. Raises StorageError.
    """
    try:
        with closing(_opened(source)) as kept, closing(_opened(target)) as copy:
            # from one snapshot: else what is written meanwhile would make it begin anew
            kept.execute("BEGIN")
            kept.execute("SELECT 1 FROM sqlite_master").fetchall()
            kept.backup(copy, pages=PAGES, progress=lambda _, left, total: done(total - left, total))
        settle(target)
    except DRIVER.Error as error:
        raise explained(DBAPIError("", None, error), str(source)) from error


def settle(path: Path) -> None:
    """Makes one file of a database that nobody uses: it can then be read where nothing can be written."""
    with closing(_opened(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def damage(connection: Connection) -> list[str]:
    """What is wrong with the file, and with references between rows."""
    found = [said for said in connection.exec_driver_sql("PRAGMA integrity_check").scalars() if said != "ok"]
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return found + [f"Row {row} of {table} names one of {other} that is not there." for table, row, other, _ in broken]


def blank(connection: Connection) -> None:
    """Overwrites every free page: what was on it would stay there until it is used again."""
    run = connection.exec_driver_sql
    size = run("PRAGMA page_size").scalar_one()
    run("CREATE TABLE blank (zeros BLOB)")
    while free := run("PRAGMA freelist_count").scalar_one():
        # so many that each page after the first, of which half is left, is filled to its end
        run("INSERT INTO blank VALUES (zeroblob(?))", (min(free, PAGES) * (size - 4) + size // 2,))
    run("DROP TABLE blank")


def _opened(path: Path) -> Any:
    return DRIVER.connect(str(path), timeout=BUSY_MS / 1000, isolation_level=None)


def _prepare(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver: DDL and snapshots need it
    cursor = connection.cursor()
    # within pages what is deleted is overwritten, whole pages only by `blank`: at once, every write would cost more
    pragmas = (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=FAST",
    )
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # upgrading a read transaction later can fail without waiting
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
