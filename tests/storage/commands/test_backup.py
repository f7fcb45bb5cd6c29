"""Backups are whole whatever happens meanwhile, and bring everything back."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from storage.database import reading
from storage.sqlite import snapshot
from storage.store import Store
from tests.storage.commands.conftest import Command, filled, says
from tests.storage.exported import parts
from tests.storage.made import asking, judged


def at(folder: Path) -> str:
    return f"sqlite:///{folder / 'lanewise.db'}"


def unfinished(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if ".part" in name]


async def test_a_backup_has_everything_and_passes_its_check(store: Store, command: Command, tmp_path: Path) -> None:
    await filled(store)
    out = tmp_path / "saved"
    assert command("backup", out)[0] == 0
    assert sorted(os.listdir(out)) == ["images", "lanewise.db"]
    assert command("verify", database=at(out), images=(out / "images").as_uri()) == (0, ["Nothing is wrong."])
    assert parts("jsonl", reading(at(out))) == parts("jsonl", store.engine)
    assert not unfinished(tmp_path)


async def test_a_backup_beside_a_writer_is_of_one_moment(store: Store, command: Command, tmp_path: Path) -> None:
    made = await filled(store)
    done = Event()
    rated = []

    def write() -> None:
        async def rate() -> None:
            while not done.is_set():
                rated.append(await store.rate(made[0], "Ann", judged([0], [1], [2])))

        asyncio.run(rate())

    writer = Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            assert command("backup", tmp_path / f"saved {number}")[0] == 0
    finally:
        done.set()
        writer.join()
    assert len(rated) > 3
    for number in range(3):
        out = tmp_path / f"saved {number}"
        assert command("verify", database=at(out), images=(out / "images").as_uri()) == (0, ["Nothing is wrong."])


@pytest.mark.sqlite
async def test_what_is_written_between_its_steps_neither_waits_nor_is_in_it(
    store: Store, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sqlite.PAGES", 5)
    made = await filled(store)
    steps = []

    def step(pages: int, total: int) -> None:
        steps.append((pages, total))
        if len(steps) < 6:
            writer = Thread(target=lambda: asyncio.run(store.rate(made[0], "Ann", judged([0], [1], [2]))))
            writer.start()
            writer.join()

    before = parts("jsonl", store.engine)
    snapshot(tmp_path / "lanewise.db", tmp_path / "copy.db", step)
    assert steps == [(min(5 * (number + 1), total), total) for number, (_, total) in enumerate(steps)]
    assert parts("jsonl", reading(f"sqlite:///{tmp_path / 'copy.db'}")) == before != parts("jsonl", store.engine)


async def test_a_folder_that_is_there_is_left_alone(store: Store, command: Command, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    status, said = command("backup", tmp_path / "saved")
    assert status == 1
    assert says(said, "there already")
    assert list((tmp_path / "saved").iterdir()) == []


@pytest.mark.sqlite
def test_a_backup_that_fails_leaves_nothing(command: Command, tmp_path: Path, url: str) -> None:
    page = 20 * 4096
    with open(tmp_path / "lanewise.db", "r+b") as file:
        file.truncate(page)
    status, _ = command("backup", tmp_path / "saved")
    assert status == 1
    assert not list(tmp_path.glob("saved*"))


async def test_what_is_lost_is_told_and_the_rest_is_saved(store: Store, command: Command, tmp_path: Path) -> None:
    await filled(store)
    name = next(store.images.names())
    store.images.delete(name)
    status, said = command("backup", tmp_path / "saved")
    assert status == 0
    assert says(said, "^1 images are not in it")
    assert (tmp_path / "saved" / "lanewise.db").exists()


async def test_a_backup_brings_everything_back(store: Store, command: Command, tmp_path: Path, url: str) -> None:
    made = await filled(store)
    before = parts("jsonl", store.engine, files=store.images)
    assert command("backup", tmp_path / "saved")[0] == 0
    target, images = f"sqlite:///{tmp_path}/new/lanewise.db", (tmp_path / "new" / "images").as_uri()
    for _ in range(2):
        assert command("restore", tmp_path / "saved", database=target, images=images)[0] == 0
        assert command("verify", database=target, images=images) == (0, ["Nothing is wrong."])
        again = Store.open(target, images)
        assert parts("jsonl", again.engine, files=again.images) == before
        await again.rate(made[2], "Zed", judged(all_bad=True))
        again.close()
    aside = [file.name for file in (tmp_path / "new").glob("lanewise.db.2*")]
    assert len(aside) == 1


@pytest.mark.sqlite
async def test_nothing_is_restored_under_a_running_app(store: Store, command: Command, tmp_path: Path) -> None:
    assert command("backup", tmp_path / "saved")[0] == 0
    await filled(store)
    before = parts("jsonl", store.engine)
    status, said = command("restore", tmp_path / "saved")
    assert status == 1
    assert says(said, "in use by another Lanewise")
    assert parts("jsonl", store.engine) == before


@pytest.mark.sqlite
async def test_the_journal_of_a_killed_app_goes_aside_with_its_database(
    store: Store, command: Command, tmp_path: Path
) -> None:
    assert command("backup", tmp_path / "saved")[0] == 0
    folder = tmp_path / "killed"
    folder.mkdir()
    await filled(store)
    for name in ("lanewise.db", "lanewise.db-wal"):  # as a killed app leaves them
        (folder / name).write_bytes((tmp_path / name).read_bytes())
    assert command("restore", tmp_path / "saved", database=at(folder))[0] == 0
    assert parts("jsonl", reading(at(folder))) == []
    (old,) = (file for file in folder.glob("lanewise.db.2*") if not file.name.endswith("-wal"))
    assert parts("jsonl", reading(f"sqlite:///{old}")) == parts("jsonl", store.engine)


@pytest.mark.sqlite
async def test_a_damaged_backup_changes_nothing(store: Store, command: Command, tmp_path: Path, url: str) -> None:
    await filled(store)
    before = parts("jsonl", store.engine)
    store.close()
    assert command("backup", tmp_path / "saved")[0] == 0
    with closing(sqlite3.connect(tmp_path / "saved" / "lanewise.db")) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("DELETE FROM prompts")
        connection.commit()
    status, said = command("restore", tmp_path / "saved")
    assert status == 1
    assert says(said, "is damaged, and nothing was changed")
    assert parts("jsonl", reading(url)) == before
    assert not unfinished(tmp_path)


@pytest.mark.sqlite
def test_a_folder_that_is_no_backup_is_told(command: Command, tmp_path: Path) -> None:
    status, said = command("restore", tmp_path / "nowhere")
    assert status == 1
    assert says(said, "is no backup")


async def test_asking_goes_on_after_a_restore(store: Store, command: Command, tmp_path: Path) -> None:
    await filled(store)
    assert command("backup", tmp_path / "saved")[0] == 0
    target = f"sqlite:///{tmp_path}/new/lanewise.db"
    images = (tmp_path / "new" / "images").as_uri()
    assert command("restore", tmp_path / "saved", database=target, images=images)[0] == 0
    again = Store.open(target, images)
    await again.create(asking("More of the weather"), [])
    assert len((await again.page()).rows) == len((await store.page()).rows) + 1
    again.close()
