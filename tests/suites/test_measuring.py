"""Measurements run in the background: kept while they run, one at a time, within what was agreed on."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from storage.measurements import Measurement
from storage.store import Store
from suites.measuring import Budget, Busy, Measuring


@dataclass
class Scripted:
    """Finds so many samples, then waits for `go` where it is to wait; `closed` once it was let go of."""

    count: int = 3
    waits: bool = False
    breaks: bool = False
    budget: Budget = field(default=Budget(requests=10, tokens=100, cost=None, seconds=60))
    kind: str = "load"
    title: str = "Scripted"
    plan: dict[str, Any] = field(default_factory=lambda: {"steps": [1]})
    go: asyncio.Event = field(default_factory=asyncio.Event)
    found: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    async def samples(self) -> AsyncGenerator[dict[str, Any]]:
        try:
            for number in range(self.count):
                yield {"number": number}
            yield {"what": "server", "waiting": 3}
            self.found.set()
            if self.waits:
                await self.go.wait()
            if self.breaks:
                raise ValueError("no")
        finally:
            self.closed = True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'lanewise.db'}")
    yield opened
    opened.close()


async def over(store: Store, measuring: Measuring, own: str) -> Measurement:
    async with asyncio.timeout(60):
        await measuring.ended(own)
    found = await store.measurement(own)
    assert found
    assert measuring.live is None
    return found


async def stored(store: Store, own: str, count: int) -> None:
    async with asyncio.timeout(60):
        while len(await store.samples_of(own)) < count:  # noqa: ASYNC110 - the database sends no word
            await asyncio.sleep(0.02)


async def test_what_is_found_is_kept_and_ends_done(store: Store) -> None:
    measuring = Measuring(store)
    own = await measuring.start(Scripted(), "ann")
    found = await over(store, measuring, own)
    assert (found.state, found.maker, found.samples, found.plan) == ("done", "ann", 4, {"steps": [1]})


async def test_it_is_kept_while_it_runs_and_says_how_far_it_is(store: Store) -> None:
    measuring, scripted = Measuring(store), Scripted(waits=True)
    own = await measuring.start(scripted)
    await stored(store, own, 4)
    live = measuring.live
    assert live
    assert (live.id, live.done, live.measured.budget.requests) == (own, 3, 10)
    scripted.go.set()
    assert (await over(store, measuring, own)).state == "done"


async def test_a_second_one_is_refused_until_the_first_is_over(store: Store) -> None:
    measuring, scripted = Measuring(store), Scripted(waits=True)
    own = await measuring.start(scripted)
    with pytest.raises(Busy, match="“Scripted” is being measured"):
        await measuring.start(Scripted())
    scripted.go.set()
    await over(store, measuring, own)
    await over(store, measuring, await measuring.start(Scripted()))
    assert len(await store.measurements()) == 2


async def test_of_two_that_start_at_once_one_is_refused(store: Store) -> None:
    measuring = Measuring(store)
    begun = await asyncio.gather(*(measuring.start(Scripted()) for _ in range(2)), return_exceptions=True)
    assert [type(each) for each in begun] == [str, Busy]
    await over(store, measuring, str(begun[0]))


async def test_who_stops_it_keeps_what_was_found(store: Store) -> None:
    measuring, scripted = Measuring(store), Scripted(waits=True)
    own = await measuring.start(scripted)
    await scripted.found.wait()
    assert measuring.stop(own)
    found = await over(store, measuring, own)
    assert (found.state, found.samples, scripted.closed) == ("stopped", 4, True)
    assert not measuring.stop(own)


async def test_the_end_of_the_app_interrupts_it_with_what_was_found(store: Store) -> None:
    measuring, scripted = Measuring(store), Scripted(waits=True)
    own = await measuring.start(scripted)
    await scripted.found.wait()
    await measuring.aclose()
    found = await store.measurement(own)
    assert found
    assert (found.state, found.samples, scripted.closed) == ("interrupted", 4, True)


async def test_what_breaks_fails_in_words_with_what_was_found(store: Store) -> None:
    measuring = Measuring(store)
    found = await over(store, measuring, await measuring.start(Scripted(breaks=True)))
    assert (found.state, found.samples) == ("failed", 4)
    assert "ValueError" in found.plan["problem"]


async def test_no_more_requests_are_asked_than_agreed_on(store: Store) -> None:
    measuring, scripted = Measuring(store), Scripted(count=50)
    found = await over(store, measuring, await measuring.start(scripted))
    assert (found.state, found.samples, scripted.closed) == ("stopped", 11, True)
    assert "10 requests agreed on" in found.plan["problem"]


async def test_no_more_time_is_taken_than_agreed_on(store: Store) -> None:
    measuring, scripted = Measuring(store), Scripted(waits=True, budget=Budget(10, 100, None, 0.05))
    found = await over(store, measuring, await measuring.start(scripted))
    assert (found.state, found.samples, scripted.closed) == ("stopped", 4, True)
    assert "agreed on" in found.plan["problem"]


async def test_one_that_is_deleted_ends(store: Store) -> None:
    @dataclass
    class Endless(Scripted):
        async def samples(self) -> AsyncGenerator[dict[str, Any]]:
            while True:
                async with aclosing(Scripted.samples(self)) as found:
                    async for each in found:
                        yield {"what": "server"} | each
                await asyncio.sleep(0.01)

    measuring = Measuring(store)
    own = await measuring.start(Endless())
    await stored(store, own, 1)
    await store.drop_measurement(own)
    async with asyncio.timeout(60):
        await measuring.ended(own)
    assert measuring.live is None
