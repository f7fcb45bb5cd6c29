"""How much one evaluator may begin, what is counted of it, and what is said of it in the log."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from io import StringIO

import pytest

from backends.errors import BackendError
from backends.events import Event, Finished, Sent, TextDelta, Usage
from backends.lane import Lane
from backends.prompt import Prompt
from storage.errors import StorageError
from storage.plan import Plan
from storage.store import Store
from tests.storage.made import ONE, THREE, TWO, asking
from ui.door import logs
from ui.door.admission import Admission
from ui.door.settings import Bounds
from ui.door.watch import Watch
from ui.toolbox import Problem

ASKED = [(ONE, asking("Secretly?")), (TWO, asking("Secretly?"))]


class Held:
    """Lanes that go on until they are let go."""

    def __init__(self) -> None:
        self.free = asyncio.Event()

    async def __call__(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        yield Sent("{}")
        await self.free.wait()
        if lane == THREE:
            raise BackendError("auth", "one needs sk-secret-key")
        yield TextDelta("a secret answer")
        yield Usage(7, 3, 1)
        yield Finished("stop")


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
async def admitting(store: Store, held: Held) -> AsyncIterator[Admission]:
    admission = Admission(store, held, Bounds(lanes=5, comparisons=4), Watch())
    yield admission
    held.free.set()
    await admission.aclose()


async def begin(admitting: Admission, who: str, **more: object) -> str:
    return await admitting.compare(asking("Secretly?"), ASKED, maker=who, **more)  # type: ignore[arg-type]


async def over(admitting: Admission, *runs: str) -> None:
    for run in runs:
        await admitting.saved(run)
    while admitting._following:
        await asyncio.gather(*admitting._following)


async def test_only_so_many_lanes_run_at_once_for_each(admitting: Admission, held: Held) -> None:
    runs = [await begin(admitting, "ann") for _ in range(2)]
    with pytest.raises(Problem, match="4 of your lanes are running, this asks for 2 more, and at most 5"):
        await begin(admitting, "ann")
    runs.append(await begin(admitting, "bob"))
    held.free.set()
    await over(admitting, *runs)
    await begin(admitting, "ann")


async def test_samples_count_as_lanes(admitting: Admission) -> None:
    with pytest.raises(Problem, match="asks for 6 more"):
        await begin(admitting, "ann", plan=Plan(samples=3))


async def test_two_at_the_same_moment_are_both_counted(admitting: Admission) -> None:
    results = await asyncio.gather(*(begin(admitting, "ann") for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, str) for each in results) == 2
    assert sum(isinstance(each, Problem) for each in results) == 2


async def test_only_so_many_begin_in_a_minute_for_each(admitting: Admission, held: Held) -> None:
    held.free.set()
    for _ in range(4):
        await over(admitting, await begin(admitting, "ann"))
    with pytest.raises(Problem, match=r"You may begin 4 comparisons a minute: wait \d+ s"):
        await begin(admitting, "ann")
    await begin(admitting, "bob")


async def test_what_was_agreed_on_as_a_whole_is_not_bounded_again(admitting: Admission, held: Held) -> None:
    runs = [await begin(admitting, "ann", agreed=True) for _ in range(6)]
    own = await begin(admitting, "ann")
    held.free.set()
    await over(admitting, own, *runs)
    assert not admitting._limits._runs


async def test_while_it_stops_nothing_begins_and_what_runs_may_end(admitting: Admission, held: Held) -> None:
    run = await begin(admitting, "ann")
    draining = asyncio.create_task(admitting.drain(60))
    await asyncio.sleep(0)
    with pytest.raises(StorageError, match="being stopped"):
        await begin(admitting, "bob")
    held.free.set()
    await draining
    assert admitting.live(run) is None


async def test_ends_are_counted_and_logged_without_a_word_of_what_was_said(
    store: Store, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, watch, before = StringIO(), Watch(), [*logging.getLogger().handlers]
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure({"LOG_FORMAT": "json"})
    print("what a library prints", file=sys.stderr)
    admission = Admission(store, held, Bounds(), watch)
    watch.follow(store, admission)
    asked = [*ASKED, (THREE, asking("Secretly?"))]
    run = await admission.compare(asking("Secretly?"), asked, maker="ann")
    assert 'lanewise_lanes_running{backend="one",kind="openai"} 1.0' in (await watch.told(store)).decode()
    held.free.set()
    await over(admission, run)
    await admission.aclose()

    told = (await watch.told(store)).decode()
    assert 'lanewise_lanes_total{backend="one",failure="",kind="openai",state="done"} 1.0' in told
    assert 'lanewise_lanes_total{backend="three",failure="auth",kind="mistral",state="failed"} 1.0' in told
    assert 'lanewise_tokens_total{backend="two",kind="vllm",of="completion"} 3.0' in told
    assert 'lanewise_ttft_seconds_count{backend="one",kind="openai"} 1.0' in told
    assert "lanewise_lanes_running{" not in told
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert ("stderr", "what a library prints") in [(line["logger"], line["message"]) for line in lines]
    ends = [line["lane"] for line in lines if line["message"] == "lane ended"]
    assert [(end["backend"], end["state"], end["failure"]) for end in ends] == [
        ("one", "done", ""),
        ("two", "done", ""),
        ("three", "failed", "auth"),
    ]
    assert ends[0]["tokens"] == 3
    for word in ("Secretly", "secret answer", "sk-secret", run):
        assert word not in told + written.getvalue()
    logging.getLogger().handlers[:] = before  # ours writes its words into records that others see
