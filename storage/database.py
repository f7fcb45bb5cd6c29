"""Opens databases: one app to write, anyone to read. Knows addresses, locks, pragmas and migrations, and no table."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, Pool

from storage.errors import TROUBLE, StorageError, explained
from storage.lock import Lock
from storage.writer import Writer

DEFAULT_URL = "sqlite:///data/lanewise.db"
BUSY_MS = 10_000
_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"


class Database:
    """A database that this process writes: others may read it, none may open it like this.

    `engine` is for reading: its transactions see one snapshot, and wait for nobody. `exports` is for long reads, with
    connections of their own: they leave those of the others alone.
    """

    def __init__(self, url: str) -> None:
        """Creates and migrates what is missing. Raises StorageError."""
        self.path = _path(url)
        with _told(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self.path)
        self.engine, self.exports = _engine(url), _engine(url, NullPool)
        writing = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        try:
            with _told(self.path):
                # SQLite would open a file that can't be written, and fail at the first change
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644))
                with writing.begin() as connection:
                    migrate(connection)
        except StorageError:
            self.engine.dispose()
            self._lock.release()
            raise
        self.writer = Writer(writing)

    def close(self) -> None:
        """Writes what is waiting first."""
        self.writer.close()
        self.engine.dispose()
        self._lock.release()


def reading(url: str) -> Engine:
    """An engine to read a database that an app may be writing. Raises StorageError."""
    path = _path(url)
    if not path.is_file():
        raise StorageError(f"There is no database {path}: name one with --database, or start the app once.")
    engine = _engine(url, NullPool)
    with _told(path), engine.connect() as connection:
        if _revision(connection) != newest():
            raise StorageError(f"Database {path} was made by another version of Lanewise: start the app on it once.")
    return engine


def images_beside(url: str) -> Path:
    """The folder where images are kept unless another place is chosen: beside the file, where there is one."""
    return _path(url).parent / "images" if url.startswith("sqlite") else Path("data/images")


def migrate(connection: Connection) -> None:
    """Brings the tables up to date, within the connection's transaction."""
    revision = _revision(connection)
    if revision == newest():
        return
    if revision and revision > newest():
        raise StorageError(
            f"Database {connection.engine.url.database} was made by a newer Lanewise: update this one, or name "
            "another database in DATABASE_URL."
        )
    from alembic import command  # here: it is slow to import, and a current database does not need it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def newest() -> str:
    """The revision of this code: migrations are numbered files."""
    return max(file.name[:4] for file in _MIGRATIONS.glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StorageError(f"DATABASE_URL is no database address: write it like {DEFAULT_URL}.") from error
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise StorageError(f"DATABASE_URL must name an SQLite file: write it like {DEFAULT_URL}.")
    return Path(str(parsed.database))


def _engine(url: str, pool: type[Pool] | None = None) -> Engine:
    dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
    engine = create_engine(url, poolclass=pool, json_serializer=dumps)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver: DDL and snapshots need it
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # a writer takes the write lock at once: upgrading a read transaction later can fail without waiting
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except TROUBLE as error:
        raise explained(error, str(path)) from error
    except OSError as error:
        raise StorageError(
            f"Database {path} can't be used ({error.strerror}): name a file in a folder that you may write to in "
            "DATABASE_URL."
        ) from error
