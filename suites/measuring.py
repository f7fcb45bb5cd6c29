"""Runs measurements in the background, one at a time, whoever watches, and keeps what they find while they run.

What is measured is not known here: see `Measurable`.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from backends.errors import broke
from storage.errors import RunLost, StorageError
from storage.measurements import Ending
from storage.store import Store

log = logging.getLogger(__name__)

PACE = 0.5  # seconds between writes, and before another try
PATIENCE = 10.0  # seconds that a measurement has to end when the app closes
REQUESTS = ("request", "warm-up")  # what a sample may be `what` to count for one; without any, it is a request


@dataclass(frozen=True, slots=True)
class Budget:
    """What a measurement may take, at most: requests and seconds are limits that are kept; tokens, in and out, and US
    dollars follow from them as an estimate, None where prices are unknown."""

    requests: int
    tokens: int
    cost: float | None
    seconds: float


class Measurable(Protocol):
    """One measurement as it is planned. `plan` and what `samples` yields, as each request ends, are objects of JSON."""

    @property
    def kind(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def plan(self) -> Mapping[str, Any]: ...

    @property
    def budget(self) -> Budget: ...

    def samples(self) -> AsyncGenerator[Mapping[str, Any]]:
        """Is closed in the middle where it is stopped, and ends its requests then."""
        ...


class Busy(Exception):
    """A measurement runs already. `str(error)` is for a person."""


@dataclass(slots=True)
class Live:
    """A measurement that runs: `done` requests of at most as many as its budget has."""

    id: str
    measured: Measurable
    done: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


@dataclass(slots=True)
class _Found:
    """Samples that are not stored yet; `first` is the number of the first of them."""

    waiting: deque[Mapping[str, Any]] = field(default_factory=deque)
    first: int = 0


class Measuring:
    """One at a time: two would slow each other down, and neither would be true."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: Live | None = None
        self._ends: Ending = "done"
        self._problem = ""
        self._asking: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._starting = False
        self._closing = asyncio.Event()

    @property
    def live(self) -> Live | None:
        """What runs here now, until its end is stored."""
        return self._live

    async def start(self, measured: Measurable, maker: str = "") -> str:
        """Its id. Raises Busy, StorageError."""
        if self._closing.is_set():
            raise StorageError("The app is closing.")
        if self._live or self._starting:
            title = f"“{self._live.measured.title}”" if self._live else "Another measurement"
            raise Busy(f"{title} is being measured, and two would disturb each other: wait for its end, or stop it.")
        # shielded: whoever asks may go away between the row and the run
        self._starting = True
        return await asyncio.shield(asyncio.ensure_future(self._start(measured, maker)))

    def stop(self, measurement_id: str, state: Ending = "stopped") -> bool:
        """False where it does not run here."""
        if self._live is None or self._live.id != measurement_id or self._asking is None:
            return False
        if not self._asking.done():
            self._ends = state
            self._asking.cancel()
        return True

    async def ended(self, measurement_id: str) -> None:
        """Waits until it is over and stored."""
        if self._live and self._live.id == measurement_id and self._keeping:
            await asyncio.wait([self._keeping])

    async def aclose(self) -> None:
        """Ends what runs as interrupted and stores it."""
        self._closing.set()
        if self._live and self._keeping:
            self.stop(self._live.id, "interrupted")
            await asyncio.wait([self._keeping], timeout=PATIENCE)

    async def _start(self, measured: Measurable, maker: str) -> str:
        try:
            plan = dict(measured.plan)
            measurement_id = await self._store.begin_measurement(measured.kind, measured.title, maker, plan)
        finally:
            self._starting = False
        found = _Found()
        self._live, self._ends, self._problem = Live(measurement_id, measured), "done", ""
        self._asking = asyncio.create_task(self._ask(self._live, found))
        self._keeping = asyncio.create_task(self._keep(self._live, found, self._asking))
        return measurement_id

    async def _ask(self, live: Live, found: _Found) -> None:
        budget = live.measured.budget
        limit = asyncio.timeout(budget.seconds)
        try:
            async with limit, aclosing(live.measured.samples()) as samples:
                async for sample in samples:
                    found.waiting.append(sample)
                    live.done += sample.get("what", "request") in REQUESTS
                    if live.done > budget.requests:
                        self._fail("stopped", f"It asked more than the {budget.requests:,} requests agreed on.")
                        return
        except Exception as error:
            if limit.expired():
                self._fail("stopped", f"It was not over after the {budget.seconds:,.0f} s agreed on.")
                return
            log.exception("the measurement %r broke", live.measured.title)
            self._fail("failed", broke(error))

    def _fail(self, state: Ending, problem: str) -> None:
        self._ends, self._problem = state, problem

    async def _keep(self, live: Live, found: _Found, asking: asyncio.Task[None]) -> None:
        """Stores what is new at every pace, then the end."""
        try:
            while True:
                await asyncio.wait([asking], timeout=PACE)
                over = asking.done()
                if await self._stored(live, found, over):
                    if over:
                        return
                elif self._closing.is_set():
                    log.error("measurement %s is stored without its last %d samples", live.id, len(found.waiting))
                    return
                elif over:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(PACE):
                            await self._closing.wait()
        except RunLost as error:
            log.error("%s", error)
        except Exception:  # trying again would not help, and it must not stay live for ever
            log.exception("measurement %s can't be stored as it came", live.id)
        finally:
            asking.cancel()
            await asyncio.wait([asking])
            self._live = None

    async def _stored(self, live: Live, found: _Found, over: bool) -> bool:
        """False where the database could not."""
        batch = [*islice(found.waiting, len(found.waiting))]
        try:
            if batch:
                await self._store.add_samples(live.id, found.first, batch)
                found.first += len(batch)
                for _ in batch:
                    found.waiting.popleft()
            if over:
                await self._store.end_measurement(live.id, self._ends, self._problem)
        except StorageError as error:
            log.error("measurement %s can't be stored just now; trying again: %s", live.id, error)
            return False
        return True
