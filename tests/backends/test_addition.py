"""An entry more in the file of declarations: all of it or nothing; and an app that takes it over."""

import asyncio
import multiprocessing
import tomllib
from pathlib import Path

import pytest

from backends.addition import AdditionError, append
from backends.discovery import Discovery
from backends.registry import Registry, load
from backends.status import Reach

BEFORE = '# mine\n[[backend]]\nname = "first"  # the best\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n'
ENTRY = {"name": 'my "second" — ünïcode', "kind": "vllm", "base_url": "http://127.0.0.1:9/v1", "context": 262144}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "backends.toml"


def test_what_was_there_stays_to_the_letter(path: Path) -> None:
    path.write_text(BEFORE)
    path.chmod(0o640)
    append(path, ENTRY)
    assert path.read_text(encoding="utf-8").startswith(BEFORE)
    assert tomllib.loads(path.read_text(encoding="utf-8"))["backend"][1] == ENTRY
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_first_entry_makes_the_file(path: Path) -> None:
    append(path, ENTRY)
    assert tomllib.loads(path.read_text(encoding="utf-8")) == {"backend": [ENTRY]}


def test_a_link_to_the_file_stays_one(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text(BEFORE)
    path.symlink_to(real)
    append(path, ENTRY)
    assert path.is_symlink()
    assert "second" in real.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "entry", "why"),
    [
        (BEFORE + "[[backend", ENTRY, "can't be read, so nothing is added"),
        ("backend = 1\n", ENTRY, "no list of backends"),
        (BEFORE, ENTRY | {"name": "first"}, "has a backend 'first' already"),
        (BEFORE.replace("\n", "\r\n"), ENTRY | {"name": "a\x7fb"}, "can't be written"),
        ("a = [\n]\n[b]\n", ENTRY | {"name": "\ud800"}, "can't be written"),
    ],
)
def test_what_can_t_be_added_changes_nothing(path: Path, before: str, entry: dict, why: str) -> None:
    path.write_bytes(before.encode())
    with pytest.raises(AdditionError, match=why):
        append(path, entry)
    assert path.read_bytes() == before.encode()
    assert {each.name for each in path.parent.iterdir()} <= {path.name, f".{path.name}.lock"}


def test_a_folder_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(AdditionError, match="can't be written"):
        append(path.parent / "absent" / path.name, ENTRY)


def many(path: Path, who: int) -> None:
    for number in range(10):
        append(path, ENTRY | {"name": f"{who}-{number}"})


def test_two_processes_lose_nothing_to_one_another(path: Path) -> None:
    start = multiprocessing.get_context("spawn")
    writers = [start.Process(target=many, args=(path, who)) for who in range(2)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
    assert len(tomllib.loads(path.read_text(encoding="utf-8"))["backend"]) == 20


def test_a_registry_takes_over_what_was_written_meanwhile(path: Path) -> None:
    path.write_text(BEFORE)
    registry = load(path, {})
    assert not registry.reread()
    append(path, ENTRY)
    assert registry.reread()
    assert registry.find(ENTRY["name"])
    assert not registry.reread()


def test_a_file_that_broke_takes_no_backend_away(path: Path) -> None:
    path.write_text(BEFORE)
    registry = load(path, {})
    path.write_text(BEFORE + "[[backend")
    assert not registry.reread()
    assert registry.find("first")
    assert "can't be read" in registry.problems[0]
    path.write_text("")
    assert registry.reread()
    assert (registry.find("first"), registry.problems) == (None, ())


@pytest.fixture
def declared(path: Path) -> Registry:
    path.write_text(BEFORE)
    return load(path, {})


async def test_what_is_added_is_asked_how_it_is_and_what_is_gone_is_not(path: Path, declared: Registry) -> None:
    registry = declared
    discovery = Discovery(registry)
    discovery.start()
    await discovery.refresh("first")
    with pytest.raises(KeyError):
        await discovery.refresh(ENTRY["name"])
    append(path, ENTRY)
    discovery.reread()
    status = await discovery.refresh(ENTRY["name"])
    assert status.reach is Reach.UNREACHABLE
    await asyncio.to_thread(path.unlink)
    discovery.reread()
    assert discovery.status("first").reach is Reach.UNKNOWN
    with pytest.raises(KeyError):
        await discovery.refresh("first")
    await discovery.aclose()
    await registry.aclose()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
