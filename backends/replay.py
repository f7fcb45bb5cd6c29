"""Plays recordings again with the times they were taken at, all lanes on one clock, read like a run: without a backend.

Deciding is apart from waiting: where a replay stands is a question of what its clock says.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backends.answer import Answer, Fold
from backends.events import Failed, Finished, Stamped

IDLE = 30.0  # seconds that a replay stands still before it is given up: who goes on later begins another
TICK = 0.001  # seconds: no wait is shorter


@dataclass(frozen=True, slots=True)
class Head:
    """Where a replay stands: at `at` microseconds when the clock said `since`, from there on `speed` times as fast as
    it was; 0 is a pause."""

    at: int = 0
    since: float = 0.0
    speed: float = 0.0

    def now(self, clock: float) -> int:
        return self.at + int((clock - self.since) * self.speed * 1e6)


class Timeline:
    """The events of all lanes in the order they are due, folded up to any moment.

    `starts` is what each lane's times count from, as the replay counts: zero, unless its lanes ran at other times.
    """

    def __init__(self, recordings: Sequence[Sequence[Stamped]], starts: Sequence[int] = ()) -> None:
        begun = list(starts) or [0] * len(recordings)
        self.end = max((ended(events) - begun[lane] for lane, events in enumerate(recordings)), default=0)
        due = [  # usage may follow an end: it comes with it
            (min(max(stamped.at - begun[lane], 0), self.end), lane, stamped)
            for lane, events in enumerate(recordings)
            for stamped in events
        ]
        due.sort(key=lambda each: each[0])  # stable: each lane's events stay in their order
        self._due = [at for at, _, _ in due]
        self._events = [(lane, stamped) for _, lane, stamped in due]
        self._folded, self._folds = 0, [Fold() for _ in recordings]

    def count(self, at: int) -> int:
        """How many events are due by then."""
        return bisect_right(self._due, at)

    def after(self, at: int) -> int | None:
        """When the next event is due, None after the last."""
        count = self.count(at)
        return self._due[count] if count < len(self._due) else None

    def answers(self, at: int) -> tuple[Answer, ...]:
        """What each lane had said by then. Forward only what is new is folded, backward all of it again."""
        count = self.count(at)
        if count < self._folded:
            self._folded, self._folds = 0, [Fold() for _ in self._folds]
        for lane, stamped in self._events[self._folded : count]:
            self._folds[lane].add(stamped.at, stamped.event)
        self._folded = count
        return tuple(folding.answer() for folding in self._folds)


def ended(recording: Sequence[Stamped]) -> int:
    """When a lane was over, in its own time."""
    return next((each.at for each in reversed(recording) if isinstance(each.event, Finished | Failed)), 0)


class Replay:
    """Recordings being played. It has an end where a run is over, and may be set back from there."""

    def __init__(
        self,
        recordings: Sequence[Sequence[Stamped]],
        starts: Sequence[int] = (),
        clock: Callable[[], float] = time.monotonic,
        idle: float = IDLE,
    ) -> None:
        self._timeline = Timeline(recordings, starts)
        self._clock, self._idle = clock, idle
        self._head = Head(since=clock())
        self._set = asyncio.Event()
        self.closed = False

    @property
    def at(self) -> int:
        """Microseconds from the beginning."""
        return min(self._head.now(self._clock()), self._timeline.end)

    @property
    def over(self) -> bool:
        return self.closed or self.at >= self._timeline.end

    def answers(self) -> tuple[Answer, ...]:
        return self._timeline.answers(self.at)

    def set(self, at: int, speed: float) -> None:
        """Goes on from there, so many times as fast as it was; 0 stands still."""
        self._head = Head(min(max(at, 0), self._timeline.end), self._clock(), speed)
        self._wake()

    def close(self) -> None:
        """Gives it up: whoever reads it sees that it is over."""
        self.closed = True
        self._wake()

    async def changed(self, seen: int) -> int:
        """Waits until another number of events than `seen` is due or the replay is over; how many are due then."""
        while (count := self._timeline.count(self.at)) == seen and not self.over:
            await self._until(self._timeline.after(self.at))
        return count

    async def ended(self) -> None:
        """Waits until the replay is over, or set anew."""
        if not self.over:
            await self._until(self._timeline.end)

    async def again(self) -> None:
        """Waits at the end until the replay is set anew, or given up."""
        while self.over and not self.closed:
            await self._until(None)

    def _wake(self) -> None:
        reached, self._set = self._set, asyncio.Event()
        reached.set()

    async def _until(self, at: int | None) -> None:
        """Waits for this moment of the replay, or until it is set anew. One that stands still for too long is over."""
        speed, stands = self._head.speed, at is None or not self._head.speed
        left = self._idle if at is None or stands else max((at - self.at) / 1e6 / speed, TICK)
        try:
            await asyncio.wait_for(self._set.wait(), left)
        except TimeoutError:
            if stands:
                self.close()
