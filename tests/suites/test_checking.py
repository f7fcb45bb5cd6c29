"""Checks in the background, of the fake servers and of none."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.check import suite
from backends.check.result import Verdict
from backends.kind import Client
from backends.lane import Backend
from backends.registry import Registry
from backends.status import Status
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
    assert await checking.unfinished() == await store.unfinished_checks() == {}
    ((brief,),) = (await store.latest_checks()).values()
    kept = await store.check(brief.id)
    assert kept
    assert kept.findings == tuple(running.findings)
    assert [each.probe for each in kept.findings] == [each.name for each in suite.probes()]
    await checking.aclose()
    await registry.aclose()


class Lingering(Registry):
    """Its servers tell how they are, once all has been found, only when they may."""

    def __init__(self, *backends: Backend) -> None:
        super().__init__(backends, (), {})
        self.all_found: Callable[[], bool] = lambda: False
        self.may = asyncio.Event()

    def client(self, backend: Backend) -> Any:
        return Slow(super().client(backend), self)


class Slow:
    def __init__(self, client: Client, registry: Lingering) -> None:
        self._client, self._registry, self.stream = client, registry, client.stream

    async def discover(self) -> Status:
        if self._registry.all_found():
            await self._registry.may.wait()
        return await self._client.discover()


async def test_a_check_whose_last_finding_was_kept_before_it_ended_is_kept_whole(store: Store, fake: Fake) -> None:
    registry = Lingering(fake.backend("vllm"))
    checking = Checking(registry, store)
    checking.start(["vllm lane"])
    running = checking.progress("vllm lane")
    assert running
    registry.all_found = lambda: len(running.findings) == running.of
    async with asyncio.timeout(60):
        while not (kept := await store.unfinished_checks()) or len(kept["vllm lane"].findings) < running.of:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # what is stored says no word
    registry.may.set()
    await checking.ended("vllm lane")
    assert await checking.unfinished() == {}
    assert [*await store.latest_checks()] == ["vllm lane"]
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


async def test_of_a_stopped_check_and_one_cut_off_as_the_app_closes_it_is_kept_how_far_they_came(store: Store) -> None:
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
        assert second.state == "interrupted"
        assert checking.progress("stopped") is first
        assert await store.latest_checks() == {}
        after = await Checking(registry, store).unfinished()
        assert {each.backend: each.state for each in after.values()} == {"stopped": "stopped", "cut": "interrupted"}
        await registry.aclose()


async def test_what_is_found_is_kept_while_the_check_runs(store: Store, fake: Fake) -> None:
    slow = Backend("slow", "vllm", f"{fake.url}/vllm/v1", "bursts")  # half a second for each answer
    registry = Registry((slow,), (), {})
    checking = Checking(registry, store)
    checking.start(["slow"])
    async with asyncio.timeout(60):
        while not (kept := (await store.unfinished_checks()).get("slow")) or not kept.findings:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (kept.state, kept.of, kept.findings[0].probe) == ("running", len(suite.probes()), suite.probes()[0].name)
    await checking.aclose()
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
    for each in (progress, (await store.unfinished_checks())["odd"]):
        assert each.state == "failed"
        assert "abacus" in each.problem


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
    logging.getLogger("suites.checking").removeHandler(told)
    await registry.aclose()
