"""Opens databases: apps to write, anyone to read. Knows addresses and migrations, and no table."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, Pool

from storage.errors import TROUBLE, StorageError, explained
from storage.postgres import Postgres
from storage.sqlite import Sqlite
from storage.writer import Writer

DEFAULT_URL = "sqlite:///data/lanewise.db"
DEFAULT_IMAGES = Path("data/images")
_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"


class Database:
    """A database that this process writes. `shared`: replicas of the app may write it too.

    `engine` is for reading: its transactions see one snapshot, and wait for nobody. `exports` is for long reads, with
    connections of their own: they leave those of the others alone.
    """

    def __init__(self, url: str) -> None:
        """Creates and migrates what is missing. Raises StorageError."""
        place = server(url)
        self.name, self.shared = place.name, place.shared
        engine = self._engine = _engine(place)
        self.engine = engine.execution_options(**place.reading)
        self.exports = _engine(place, NullPool).execution_options(**place.reading)
        writing = engine.execution_options(**place.writing)
        with ExitStack() as held:
            held.callback(engine.dispose)
            with told(self.name):
                held.enter_context(place.claim())
                with writing.begin() as connection:
                    migrate(connection)
            self._held = held.pop_all()
        self.writer = Writer(writing, self.name)

    def close(self) -> None:
        """Writes what is waiting first."""
        self.writer.close()
        self._held.close()


def reading(url: str) -> Engine:
    """An engine to read a database that an app may be writing. Raises StorageError."""
    place = server(url)
    if not place.exists():
        raise StorageError(f"There is no database {place.name}: name one with --database, or start the app once.")
    engine = _engine(place, NullPool).execution_options(**place.reading)
    with told(place.name), engine.connect() as connection:
        if revision(connection) != newest():
            raise StorageError(
                f"Database {place.name} was made by another version of Lanewise: start the app on it once."
            )
    return engine


@contextmanager
def claimed(url: str) -> Iterator[Connection]:
    """A transaction in a database that no app on this machine has, with its tables. Raises StorageError."""
    place = server(url)
    engine = _engine(place, NullPool).execution_options(**place.writing)
    with told(place.name), place.claim(), engine.begin() as connection:
        migrate(connection)
        yield connection


def images_beside(url: str) -> Path:
    """The folder where images are kept unless another one is chosen."""
    place = server(url)
    return place.path.parent / "images" if isinstance(place, Sqlite) else DEFAULT_IMAGES


def migrate(connection: Connection) -> None:
    """Brings the tables up to date, within the connection's transaction."""
    if (found := revision(connection)) == newest():
        return
    if found and found > newest():
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


def revision(connection: Connection) -> str | None:
    """The database's; None where it has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def server(url: str) -> Sqlite | Postgres:
    """What the address names. Raises StorageError."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StorageError(f"DATABASE_URL is no database address: write it like {DEFAULT_URL}.") from error
    match parsed.get_backend_name():
        case "sqlite":
            return Sqlite(parsed)
        case "postgresql":
            return Postgres(parsed.set(drivername="postgresql+psycopg"))
    raise StorageError(
        f"DATABASE_URL must name an SQLite file, like {DEFAULT_URL}, or a PostgreSQL database, like "
        "postgresql+psycopg://name@host/lanewise."
    )


def _engine(place: Sqlite | Postgres, pool: type[Pool] | None = None) -> Engine:
    dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))
    return place.engine(poolclass=pool, json_serializer=dumps)


@contextmanager
def told(name: str) -> Iterator[None]:
    """What goes wrong with the database of this name is a StorageError."""
    try:
        yield
    except TROUBLE as error:
        raise explained(error, name) from error
    except OSError as error:
        raise StorageError(
            f"Database {name} can't be used ({error.strerror}): name a file in a folder that you may write to in "
            "DATABASE_URL."
        ) from error
