"""Opening databases: what is made, what is refused, and in which words."""

import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from storage.database import Database, migrate, reading
from storage.errors import StorageError
from storage.schema import metadata


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def opened(path: Path) -> Database:
    return Database(url(path))


def pragma(engine: Engine, name: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_opening_makes_the_folder_and_a_safe_database(tmp_path: Path) -> None:
    database = opened(tmp_path / "new" / "folder" / "lanewise.db")
    assert pragma(database.engine, "journal_mode") == "wal"
    assert pragma(database.engine, "synchronous") == 2  # FULL
    assert pragma(database.engine, "foreign_keys") == 1
    assert pragma(database.engine, "busy_timeout") == 10_000
    database.close()


def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    database = opened(tmp_path / "lanewise.db")
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_migrating_a_current_database_changes_nothing(tmp_path: Path) -> None:
    database = opened(tmp_path / "lanewise.db")
    before = pragma(database.engine, "schema_version")
    database.writer.submit(migrate).result()
    assert pragma(database.engine, "schema_version") == before
    database.close()


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "lanewise.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE ratings (something TEXT)")  # in the way of the first migration
    with pytest.raises(StorageError):
        opened(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("ratings",)]


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lanewise.db"
    opened(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="newer Lanewise"):
        opened(path)
    with pytest.raises(StorageError, match="another version"):
        reading(url(path))


def test_a_second_app_on_the_same_database_is_refused_until_the_first_closes(tmp_path: Path) -> None:
    path = tmp_path / "lanewise.db"
    first = opened(path)
    with pytest.raises(StorageError, match="in use by another Lanewise"):
        opened(path)
    first.close()
    opened(path).close()


def test_reading_works_beside_a_running_app(tmp_path: Path) -> None:
    database = opened(tmp_path / "lanewise.db")
    engine = reading(url(tmp_path / "lanewise.db"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM comparisons")) == 0
    engine.dispose()
    database.close()


def test_reading_a_missing_database_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no database"):
        reading(url(tmp_path / "lanewise.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("not an address", "no database address"),
        ("sqlite://", "must name an SQLite file"),
        ("sqlite:///:memory:", "must name an SQLite file"),
        ("mysql://somewhere/db", "must name an SQLite file"),
    ],
)
def test_an_address_that_names_no_file_is_refused(address: str, words: str) -> None:
    with pytest.raises(StorageError, match=words):
        Database(address)


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="can't be used"):
        opened(tmp_path / "file" / "lanewise.db")


def test_a_folder_in_place_of_the_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "lanewise.db").mkdir()
    with pytest.raises(StorageError, match="can't be used"):
        opened(tmp_path / "lanewise.db")


@pytest.fixture
def another_user() -> Iterator[None]:
    """Root may write anywhere: for the test, it is nobody."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    yield
    os.seteuid(was)


@pytest.fixture
def made() -> Iterator[Path]:
    """A database in a folder that everyone may enter."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lanewise.db"
        opened(path).close()
        for file in path.parent.iterdir():
            file.chmod(0o666)
        path.parent.chmod(0o777)
        yield path


@pytest.mark.skipif(sys.platform == "win32", reason="rights are another matter there")
@pytest.mark.parametrize(
    ("missing", "folder", "file", "words"),
    [
        (True, 0o555, 0o666, "Permission denied"),
        (False, 0o555, 0o666, "can't be written"),
        (False, 0o777, 0o444, "Permission denied"),
    ],
)
def test_what_this_user_may_not_write_is_told(
    made: Path, request: pytest.FixtureRequest, missing: bool, folder: int, file: int, words: str
) -> None:
    made.chmod(file)
    if missing:
        made.unlink()
        made.with_name("lanewise.db.lock").unlink()
    made.parent.chmod(folder)
    request.getfixturevalue("another_user")
    with pytest.raises(StorageError, match=words):
        opened(made)


def test_a_clean_stop_leaves_one_whole_file(tmp_path: Path) -> None:
    database = opened(tmp_path / "lanewise.db")
    database.writer.submit(lambda connection: connection.execute(text("CREATE TABLE notes (note TEXT)"))).result()
    with database.engine.connect() as connection:
        connection.execute(text("SELECT * FROM notes"))
    assert (tmp_path / "lanewise.db-wal").exists()
    database.close()
    assert {file.name for file in tmp_path.iterdir()} == {"lanewise.db", "lanewise.db.lock"}


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "lanewise.db"
    path.write_text("my diary\n" * 1000)
    with pytest.raises(StorageError, match="no SQLite database"):
        opened(path)
    assert path.read_text() == "my diary\n" * 1000
    path.unlink()
    opened(path).close()  # the lock was let go
