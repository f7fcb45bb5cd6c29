"""Checks in the background, of the fake servers and of none."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.check import suite
from backends.check.result import Verdict
from backends.lane import Backend
from backends.registry import Registry
from storage.store import Store
from suites.checking import Checking, Progress
from tests.fake.serving import Fake

NOWHERE = Backend("nowhere", "vllm", "http://127.0.0.1:9/v1", "m")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'lanewise.db'}")
    yield opened
    opened.close()


class Told(logging.Handler):
    """Something was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.told.set()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes what it is asked, and says nothing until the other side goes."""
    await reader.read()
    writer.close()


async def test_a_check_is_kept_when_it_has_ended(store: Store, fake: Fake) -> None:
    registry = Registry((fake.backend("vllm"),), (), {})
    checking = Checking(registry, store)
    checking.start(["vllm lane"])
    checking.start(["vllm lane"])  # it is checked already
    running = checking.progress("vllm lane")
    assert running
    assert (running.state, running.of, running.findings) == ("running", len(suite.probes()), [])
    await checking.ended("vllm lane")
    assert checking.progress("vllm lane") is None
    ((brief,),) = (await store.latest_checks()).values()
    kept = await store.check(brief.id)
    assert kept
    assert kept.findings == tuple(running.findings)
    assert [each.probe for each in kept.findings] == [each.name for each in suite.probes()]
    await checking.aclose()
    await registry.aclose()


async def test_several_are_checked_side_by_side_and_one_that_is_not_there_fails(store: Store, fake: Fake) -> None:
    registry = Registry((fake.backend("vllm"), NOWHERE), (), {})
    checking = Checking(registry, store)
    checking.start(["vllm lane", "nowhere"], "vllm lane")
    assert all(checking.progress(name) for name in ("vllm lane", "nowhere"))
    await asyncio.gather(checking.ended("vllm lane"), checking.ended("nowhere"))
    latest = await store.latest_checks()
    check = await store.check(latest["nowhere"][0].id)
    assert check
    assert check.findings[0].verdict is Verdict.FAILED
    assert {each.verdict for each in check.findings[1:]} == {Verdict.SKIPPED}
    assert latest["vllm lane"][0].version == "0.0-simulated"
    await registry.aclose()


async def test_a_stopped_check_and_one_cut_off_as_the_app_closes_are_not_kept(store: Store) -> None:
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        names = "stopped", "cut"
        registry = Registry(tuple(Backend(name, "vllm", address, "m") for name in names), (), {})
        checking = Checking(registry, store)
        checking.start(names)
        first, second = (checking.progress(name) for name in names)
        checking.stop(["stopped", "nobody"])
        await checking.ended("stopped")
        assert isinstance(first, Progress)
        assert isinstance(second, Progress)
        assert (first.state, second.state) == ("stopped", "running")
        await checking.aclose()
        assert second.state == "stopped"
        assert checking.progress("stopped") is first
        assert await store.latest_checks() == {}
        await registry.aclose()


async def test_a_name_that_is_no_backends_begins_nothing(store: Store) -> None:
    checking = Checking(Registry((NOWHERE,), (), {}), store)
    for names, reference in ((["nowhere", "nobody"], ""), (["nowhere"], "nobody")):
        with pytest.raises(KeyError):
            checking.start(names, reference)
    assert checking.progress("nowhere") is None


async def test_what_can_not_be_checked_says_so(store: Store) -> None:
    checking = Checking(Registry((Backend("odd", "abacus", "", "m"),), (), {}), store)
    checking.start(["odd"])
    await checking.ended("odd")
    progress = checking.progress("odd")
    assert progress
    assert progress.state == "failed"
    assert "abacus" in progress.problem


async def test_a_check_waits_for_the_database(tmp_path: Path, fake: Fake) -> None:
    """It is closed here: of that, too, who watches learns."""
    closed = Store.open(f"sqlite:///{tmp_path / 'other.db'}")
    closed.close()
    registry = Registry((NOWHERE,), (), {})
    checking, told = Checking(registry, closed), Told()
    logging.getLogger("suites.checking").addHandler(told)
    checking.start(["nowhere"])
    progress = checking.progress("nowhere")
    assert progress
    await asyncio.wait_for(told.told.wait(), 30)
    assert (progress.state, progress.problem) == ("running", "The database is closed.")
    await checking.aclose()
    assert progress.state == "stopped"
    logging.getLogger("suites.checking").removeHandler(told)
    await registry.aclose()
