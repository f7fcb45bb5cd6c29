"""Opening databases: what is made, what is refused, and in which words."""

import asyncio
import os
import sqlite3
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text

from backends.answer import State
from backends.events import Usage
from backends.lane import Backend, Lane
from storage.database import Database, migrate, reading
from storage.errors import StorageError
from storage.schema import declared, metadata
from storage.store import Store
from tests.storage.exported import lines
from tests.storage.made import asking

RECORDING = b"""[0,"sent","{}"]
[1,"text","2"]
[2,"call",0,"c1","weather","{}"]
[3,"finished","stop"]
[4,"usage",10,20,5,null]
"""
PROMPT = '{"system":"Be brief.","turns":[{"role":"user","text":"What is 1+1?","images":[]}],"tools":[]}'
# a database's rows as the first version wrote them, by table
FIRST: dict[str, dict[str, object]] = {
    "prompts": {"id": "p" * 64, "body": PROMPT},
    "comparisons": {
        "id": "c" * 32,
        "created_at": "2026-01-02 03:04:05.678900",
        "prompt_id": "p" * 64,
        "title": "What is 1+1?",
    },
    "answers": {
        **dict.fromkeys(("address_hash", "artifact", "server", "failure_kind", "failure_message"), ""),
        "id": "a" * 32,
        "comparison_id": "c" * 32,
        "position": 0,
        "prompt_id": "p" * 64,
        "backend": "one",
        "kind": "openai",
        "model": "m-1",
        "effort": "high",
        "temperature": 0.3,
        "state": "done",
        "reported_model": "m-1",
        "finish_reason": "stop",
        "prompt_tokens": 10,
        "end_us": 3,
        "pieces": 2,
    },
    "texts": {"answer_id": "a" * 32, "request": "{}", "reasoning": "", "text": "2", "calls": "[]"},
    "recording_chunks": {"answer_id": "a" * 32, "seq": 0, "data": zlib.compress(RECORDING)},
}


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


def test_the_migrated_schema_is_the_declared_one(empty: str) -> None:
    database = Database(empty)
    with database.engine.connect() as connection:
        on_sqlite = connection.dialect.name == "sqlite"  # PostgreSQL can't compare the defaults of JSON
        kept = {"compare_type": True, "compare_server_default": on_sqlite, "include_name": declared}
        context = MigrationContext.configure(connection, opts=kept)
        assert compare_metadata(context, metadata) == []
    database.close()


def test_migrating_a_current_database_changes_nothing(tmp_path: Path) -> None:
    database = opened(tmp_path / "lanewise.db")
    before = pragma(database.engine, "schema_version")
    database.writer.submit(migrate).result()
    assert pragma(database.engine, "schema_version") == before
    database.close()


def test_what_the_first_schema_held_is_read_by_this_one(tmp_path: Path) -> None:
    path = tmp_path / "lanewise.db"
    engine = create_engine(url(path))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table, row in FIRST.items():
            marks = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"), row)
    engine.dispose()

    store = Store.open(url(path))
    found = asyncio.run(store.read("c" * 32))
    (line,) = lines(store)
    (row,) = asyncio.run(store.page()).rows
    store.close()
    assert found is not None
    (kept,) = found.lanes
    assert (found.prompt, kept.prompt) == (asking("What is 1+1?"), asking("What is 1+1?"))
    assert kept.lane == Lane(Backend("one", "openai", model="m-1"), "m-1", effort="high", temperature=0.3)
    assert (kept.answer.text, kept.answer.usage, kept.answer.state) == ("2", Usage(10, 20, 5), State.DONE)
    assert [call.name for call in kept.answer.calls] == ["weather"]
    assert (kept.lane.replays, kept.lane.waits, kept.flags) == (True, False, ())
    assert [lane[:3] for lane in row.lanes] == [("one · m-1 · effort high", State.DONE, ())]
    (lane,) = line["lanes"]
    assert (lane["rounds"], lane["waited"], lane["image_tokens"]) == (1, 0.0, None)
    assert (lane["results"], lane["measured"], lane["flags"]) == ([], "", [])


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
