"""A disk that is full, and a database that can't be written: each is told, hurts nothing, and passes."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backends.answer import State
from storage.comparison import Comparison
from storage.database import reading
from storage.errors import StorageError
from storage.recorder import Recorder
from storage.store import Store
from tests.storage.made import ONE, TWO, Gated, asking, judged

ROOM = 3_000_000  # bytes of the disk


def mounted(*how: str) -> None:
    """Skips the test where nothing may be mounted."""
    done = subprocess.run(["mount", *how], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path, migrated: Path) -> Iterator[Path]:
    """A small disk of its own, with a database on it."""
    if shutil.which("mount") is None or os.geteuid():
        pytest.skip("only root can mount a small disk to fill, on Linux")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted("-t", "tmpfs", "-o", f"size={ROOM}", "lanewise", str(folder))
    try:
        shutil.copy(migrated, folder / "lanewise.db")
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """To the last byte."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            yield
    ballast.unlink()


def address(folder: Path) -> str:
    return f"sqlite:///{folder / 'lanewise.db'}"


def is_unhurt(folder: Path) -> bool:
    engine = reading(address(folder))
    with engine.connect() as connection:
        checked = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    engine.dispose()
    return checked == ["ok"] and not orphans


async def found(store: Store, comparison_id: str) -> Comparison:
    comparison = await store.read(comparison_id)
    assert comparison is not None
    return comparison


async def rating_on(store: Store, comparison_id: str) -> None:
    """What was taken from the disk before can still be used."""
    while True:
        await store.rate(comparison_id, "Bob", judged([1], [0], comment="long " * 800))


async def test_a_full_disk_is_told_loses_no_lane_and_is_made_up_for(disk: Path) -> None:
    store = Store.open(address(disk))
    gated, prompt = Gated(), asking("Hello")
    recorder = Recorder(store, gated)
    run = await recorder.compare(prompt, [(ONE, prompt), (TWO, prompt)])
    rated = await store.rate(run, "Ann", judged([0], [1]))
    with filled(disk):
        with pytest.raises(StorageError, match="The disk is full: make room"):
            await rating_on(store, run)
        kept = [each.id for each in (await found(store, run)).ratings]
        gated.go.set()
        async with asyncio.timeout(60):
            while not recorder.problem:  # noqa: ASYNC110 - a recorder in trouble calls nobody
                await asyncio.sleep(0.01)
        assert "The disk is full" in recorder.problem
        assert is_unhurt(disk)
    await recorder.saved(run)
    assert recorder.problem == ""
    last = await store.rate(run, "Cyd", judged([0, 1]))
    comparison = await found(store, run)
    store.close()
    assert [lane.answer.state for lane in comparison.lanes] == [State.DONE, State.DONE]
    assert [each.id for each in comparison.ratings] == [*kept, last.id]
    assert kept[0] == rated.id
    assert is_unhurt(disk)


def test_a_database_on_a_full_disk_opens_once_there_is_room(disk: Path) -> None:
    (disk / "lanewise.db").unlink()
    with filled(disk), pytest.raises(StorageError, match=r"disk is full|disk refuses|can't be opened|No space left"):
        Store.open(address(disk))
    Store.open(address(disk)).close()
    assert is_unhurt(disk)


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """What stops the very root: a disk mounted for reading alone. Others have no rights."""
    if os.geteuid():
        folder.chmod(0o555)
        (folder / "lanewise.db").chmod(0o444)
        yield
        folder.chmod(0o755)
        (folder / "lanewise.db").chmod(0o644)
    else:
        mounted("-o", "remount,ro", str(folder))
        yield
        mounted("-o", "remount,rw", str(folder))


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Path:
    if not os.geteuid():
        disk: Path = request.getfixturevalue("disk")
        return disk
    shutil.copy(migrated, tmp_path / "lanewise.db")
    return tmp_path


async def test_a_database_that_cant_be_written_is_told_and_opens_once_it_can(folder: Path) -> None:
    store = Store.open(address(folder))
    prompt = asking("Hello")
    recorder = Recorder(store, gated := Gated())
    gated.go.set()
    run = await recorder.compare(prompt, [(ONE, prompt), (TWO, prompt)])
    await recorder.saved(run)
    store.close()
    with unwritable(folder), pytest.raises(StorageError, match="folder that you may write to in DATABASE_URL"):
        Store.open(address(folder))
    store = Store.open(address(folder))
    await store.rate(run, "Ann", judged([0], [1]))
    assert [each.evaluator for each in (await found(store, run)).ratings] == ["Ann"]
    store.close()
    assert is_unhurt(folder)


@contextmanager
def frozen(*files: Path) -> Iterator[None]:
    """Nobody can change them, not even who has them open."""
    done = subprocess.run(["chattr", "+i", *files], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file can be made immutable here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


@pytest.mark.skipif(shutil.which("chattr") is None or os.geteuid() != 0, reason="only root can freeze files, on Linux")
async def test_a_database_that_cant_be_written_any_more_is_told_and_goes_on_once_it_can(
    tmp_path: Path, migrated: Path
) -> None:
    shutil.copy(migrated, tmp_path / "lanewise.db")
    store = Store.open(address(tmp_path))
    prompt = asking("Hello")
    recorder = Recorder(store, gated := Gated())
    gated.go.set()
    run = await recorder.compare(prompt, [(ONE, prompt), (TWO, prompt)])
    await recorder.saved(run)
    with (
        frozen(tmp_path / "lanewise.db", tmp_path / "lanewise.db-wal"),
        pytest.raises(StorageError, match=r"refuses to read or write|can't be written"),
    ):
        await store.rate(run, "Ann", judged([0], [1]))
    await store.rate(run, "Bob", judged([0], [1]))
    assert [each.evaluator for each in (await found(store, run)).ratings] == ["Bob"]
    store.close()
    assert is_unhurt(tmp_path)
