"""The one writer: what shares a commit, and what a failing job costs the others."""

from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection

from storage.database import Database
from storage.errors import StorageError
from tests.storage.made import Disk


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'lanewise.db'}")
    opened.writer.submit(lambda connection: connection.exec_driver_sql("CREATE TABLE notes (note TEXT)")).result()
    yield opened
    opened.close()


def note(text: str, connection: Connection) -> str:
    connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (text,))
    return text


def fail(connection: Connection) -> None:
    note("half", connection)
    raise ValueError("no")


def notes(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT note FROM notes").scalars())


def held(database: Database) -> tuple[Event, Future[bool]]:
    """Keeps the writer busy, so that what is submitted next shares a commit."""
    gate, started = Event(), Event()

    def wait(_connection: Connection) -> bool:
        started.set()
        return gate.wait(10)

    future = database.writer.submit(wait)
    started.wait(10)
    return gate, future


def test_a_job_is_committed_when_its_future_is_done(database: Database) -> None:
    assert database.writer.submit(partial(note, "kept")).result() == "kept"
    assert notes(database) == ["kept"]


def test_a_failing_job_harms_none_of_its_group(database: Database) -> None:
    gate, _ = held(database)
    before, broken, after = (
        database.writer.submit(job) for job in (partial(note, "before"), fail, partial(note, "after"))
    )
    gate.set()
    assert (before.result(), after.result()) == ("before", "after")
    with pytest.raises(ValueError, match="no"):
        broken.result()
    assert notes(database) == ["before", "after"]


def test_a_cancelled_job_is_left_out(database: Database) -> None:
    gate, _ = held(database)
    future = database.writer.submit(partial(note, "cancelled"))
    assert future.cancel()
    gate.set()
    database.writer.submit(partial(note, "kept")).result()
    assert notes(database) == ["kept"]


def test_a_full_disk_is_told_to_each_job_and_passes(database: Database) -> None:
    disk = Disk(database._engine)
    disk.full = True
    gate, _ = held(database)
    futures = [database.writer.submit(partial(note, size * "x")) for size in (1_000_000, 2_000_000)]
    gate.set()
    for future in futures:
        with pytest.raises(StorageError, match="disk is full"):
            future.result()
    disk.full = False
    database.writer.submit(partial(note, "room again")).result()
    assert notes(database) == ["room again"]


def test_closing_does_what_was_submitted_and_refuses_more(tmp_path: Path, database: Database) -> None:
    futures = [database.writer.submit(partial(note, str(number))) for number in range(1000)]
    database.writer.close()
    assert [future.result(0) for future in futures] == [str(number) for number in range(1000)]
    with pytest.raises(StorageError, match="closed"):
        database.writer.submit(partial(note, "late"))
