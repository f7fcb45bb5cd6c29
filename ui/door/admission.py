"""The recorder as evaluators reach it: each may begin only so many comparisons, and what ends is counted and logged."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from backends.answer import Answer
from backends.kind import Stream
from backends.lane import Lane
from backends.prompt import Prompt
from backends.runner import Run
from storage.comparison import NONE_KEPT, Place
from storage.plan import Plan
from storage.recorder import Recorder
from storage.store import OPENLY, Store
from ui.door.settings import Bounds
from ui.door.watch import Watch
from ui.toolbox import Problem

log = logging.getLogger("lanewise.lanes")


class Limits:
    """How much each evaluator may have. It counts in this process: with replicas, each allows as much again."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._begun = MovingWindowRateLimiter(MemoryStorage())
        self._beginning: Counter[str] = Counter()
        self._runs: dict[str, set[Run]] = {}

    @contextmanager
    def taking(self, who: str, lanes: int) -> Iterator[None]:
        """So many lanes of `who`, while their run is being made. Raises Problem."""
        if self._bounds.lanes is not None:
            running = self._beginning[who] + sum(len(run.running) for run in self._runs.get(who, ()))
            if running + lanes > self._bounds.lanes:
                raise Problem(
                    f"{running} of your lanes are running, this asks for {lanes} more, and at most {self._bounds.lanes}"
                    " may run at once: wait for some to end, or stop them."
                )
        if self._bounds.comparisons is not None:
            pace = RateLimitItemPerMinute(self._bounds.comparisons)
            if not self._begun.hit(pace, who):
                wait = math.ceil(self._begun.get_window_stats(pace, who).reset_time - time.time())
                raise Problem(
                    f"You may begin {self._bounds.comparisons} comparisons a minute: wait {max(wait, 1)} s, then run it"
                    " again."
                )
        self._beginning[who] += lanes
        try:
            yield
        finally:
            self._beginning[who] -= lanes
            if not self._beginning[who]:
                del self._beginning[who]

    def running(self, who: str, run: Run) -> None:
        self._runs.setdefault(who, set()).add(run)

    def over(self, who: str, run: Run) -> None:
        """Nothing happens where it never counted."""
        runs = self._runs.get(who, set())
        runs.discard(run)
        if not runs:
            self._runs.pop(who, None)


class Admission(Recorder):
    def __init__(self, store: Store, stream: Stream, bounds: Bounds, watch: Watch) -> None:
        super().__init__(store, stream)
        self._limits, self._watch = Limits(bounds), watch
        self._following: set[asyncio.Task[None]] = set()

    async def compare(
        self,
        prompt: Prompt,
        asked: Sequence[tuple[Lane, Prompt]],
        plan: Plan = OPENLY,
        maker: str = "",
        follows: str | None = None,
        kept: Mapping[int, Place] = NONE_KEPT,
        remakes: str | None = None,
        *,
        agreed: bool = False,
    ) -> str:
        """As the recorder's. Raises Problem where the maker may not begin so much now."""
        lanes = len(asked) * plan.samples - len(kept)
        with nullcontext() if agreed else self._limits.taking(maker, lanes):
            began = await super().compare(prompt, asked, plan, maker, follows, kept, remakes)
            if run := self.live(began):
                if not agreed:
                    self._limits.running(maker, run)
                following = asyncio.create_task(self._follow(run, maker, frozenset(kept)))
                self._following.add(following)
                following.add_done_callback(self._following.discard)
        return began

    async def _follow(self, run: Run, maker: str, kept: frozenset[int]) -> None:
        await run.ended()
        self._limits.over(maker, run)
        count = len(run.lanes)
        for index, answer in enumerate(run.answers()):
            if index not in kept:
                end = End.of(run.lanes[index % count], answer)
                self._watch.ended(end.backend, end.kind, end.state, end.failure, end.first, end.whole, answer.usage)
                log.info("lane ended", extra={"lane": end.told()})


@dataclass(frozen=True, slots=True)
class End:
    """What may be said aloud of how a lane ended; times in seconds, from when it was sent."""

    backend: str
    kind: str
    state: str
    failure: str
    first: float | None
    whole: float | None
    tokens: int | None

    @classmethod
    def of(cls, lane: Lane, answer: Answer) -> "End":
        times = answer.times

        def since(moment: int | None) -> float | None:
            return None if moment is None or times.sent is None else (moment - times.sent) / 1e6

        return cls(
            lane.backend.name,
            lane.backend.kind,
            answer.state.value,
            answer.failure.kind if answer.failure else "",
            since(times.first),
            since(times.end),
            answer.usage.completion,
        )

    def told(self) -> dict[str, object]:
        return {
            "backend": self.backend,
            "kind": self.kind,
            "state": self.state,
            "failure": self.failure,
            "ttft_ms": None if self.first is None else round(self.first * 1000),
            "ms": None if self.whole is None else round(self.whole * 1000),
            "tokens": self.tokens,
        }
