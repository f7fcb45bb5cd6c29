"""Runs lanes: one task each, independent of one another and of whoever watches.

The runner alone stamps times and alone turns exceptions into `Failed`. It knows no wire format and no storage.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from backends.answer import Answer, Fold
from backends.errors import BackendError, broke
from backends.events import (
    Event,
    Failed,
    Finished,
    Measured,
    ReasoningDelta,
    Reported,
    Sent,
    Stamped,
    TextDelta,
    ToolCallDelta,
)
from backends.kind import Stream
from backends.lane import Lane
from backends.loop import Results, looped
from backends.patience import patient
from backends.prompt import Prompt
from backends.schedule import Schedule
from backends.warming import first_there, warmed

log = logging.getLogger(__name__)

STOPPED = Failed("stopped", "Stopped.")
INTERRUPTED = Failed("interrupted", "The app ended while this lane was answering. What had arrived is kept.")

NOTHING: Mapping[int, Sequence[Stamped]] = {}

MOST = 4_000_000  # characters of one answer, beyond any model's context


class Entry(NamedTuple):
    """One line of a run's log: which lane, and what happened there when."""

    lane: int
    stamped: Stamped


def _size(event: Event) -> int:
    """What it adds to an answer, in characters; of what a server may repeat for ever, nothing is free."""
    match event:
        case TextDelta(text) | ReasoningDelta(text):
            return len(text)
        case ToolCallDelta(_, id_, name, arguments):
            return len(id_) + len(name) + len(arguments)
        case Reported(model, server):
            return len(model) + len(server)
        case Measured(figures):
            return len(figures)
        case Sent():  # ours
            return 0
        case _:
            return 1


class Run:
    """Lanes being answered. `log` holds every event of every lane in order of arrival; readers keep their own place.
    `started` is the moment from which all of its times count.

    A lane's events contain exactly one of `Finished` and `Failed`, whatever its backend does; usage may follow it.
    """

    def __init__(
        self,
        stream: Stream,
        asked: Sequence[tuple[Lane, Prompt]],
        kept: Mapping[int, Sequence[Stamped]] = NOTHING,
        schedule: Schedule = Schedule.PARALLEL,
        *,
        warm_up: bool = False,
        samples: int = 1,
    ) -> None:
        """Starts at once; needs a running event loop. All lanes share one clock, so that they replay in step.

        Of each lane there are so many `samples` in `asked`, those of all lanes in turn. What is in `kept` is not asked:
        these recordings, each with its end and its own times, are all that is said there.
        """
        count = len(asked) // samples
        self.lanes = tuple(lane for lane, _ in asked[:count])
        self.prompts = tuple(prompt for _, prompt in asked[:count])
        self.results = Results(self.prompts[0].toolbox)
        self.log: list[Entry] = []
        self.started, self._start = datetime.now(UTC), time.perf_counter_ns()
        self._folds = tuple(Fold() for _ in asked)
        self._ended, self._closed = [False] * len(asked), tuple(asyncio.Event() for _ in asked)
        self._ends: dict[int, Failed] = {}
        self._changed, self._over = asyncio.Event(), asyncio.Event()
        wanted = [(index, lane, prompt) for index, (lane, prompt) in enumerate(asked) if index not in kept]
        cold = first_there((index, lane) for index, lane, _ in wanted) if warm_up else ()
        self._stream, self._schedule = stream, schedule
        self._warm = {index: asyncio.Event() for index in cold}
        for index, recording in kept.items():
            self._take(index, recording)
        self._tasks = {index: asyncio.create_task(self._answer(index, lane, prompt)) for index, lane, prompt in wanted}
        for index, task in self._tasks.items():
            task.add_done_callback(partial(self._close, index))

    @property
    def over(self) -> bool:
        return all(closed.is_set() for closed in self._closed)

    @property
    def answered(self) -> bool:
        """Has each lane ended once? Further samples may be on their way."""
        return all(closed.is_set() for closed in self._closed[: len(self.lanes)])

    @property
    def running(self) -> tuple[Lane, ...]:
        """The lanes that have not ended; one with several samples is there for each of them."""
        count = len(self.lanes)
        return tuple(self.lanes[index % count] for index, closed in enumerate(self._closed) if not closed.is_set())

    def answers(self) -> tuple[Answer, ...]:
        """Of all lanes, then of their further samples."""
        return tuple(folding.answer() for folding in self._folds)

    def stop(self, lane: int | None = None, end: Failed = STOPPED) -> None:
        """Ends one lane with all its samples, or all lanes, with `end`; what is over stays as it is."""
        for index, task in self._tasks.items():
            if lane in (None, index % len(self.lanes)) and not task.done():
                self._ends[index] = end
                task.cancel()

    def give(self, lane: int, call: int, content: str) -> None:
        """Answers by hand the lane's call at this place, and every equal call of the run."""
        calls = self.answers()[lane].calls
        if call in range(len(calls)):
            self.results.give(calls[call], content)

    async def changed(self, seen: int) -> int:
        """Waits until the log is longer than `seen` or the run is over; the length it has then."""
        while len(self.log) == seen and not self.over:
            self._changed.clear()
            await self._changed.wait()
        return len(self.log)

    async def ended(self) -> None:
        """Waits until the run is over, without waking at every event."""
        await self._over.wait()

    def _record(self, index: int, event: Event) -> None:
        if isinstance(event, Finished | Failed):
            if self._ended[index]:  # usage may follow the finish; a second end adds nothing
                return
            self._ended[index] = True
        self._log(index, Stamped((time.perf_counter_ns() - self._start) // 1000, event))

    def _log(self, index: int, stamped: Stamped) -> None:
        self._folds[index].add(stamped.at, stamped.event)
        self.log.append(Entry(index, stamped))
        self._changed.set()

    def _take(self, index: int, recording: Sequence[Stamped]) -> None:
        for stamped in recording:
            self._log(index, stamped)
        self._ended[index] = True
        self._shut(index)

    async def _turn(self, index: int, lane: Lane) -> None:
        """Waits until it is asked, after warming its server up where it is the first there."""
        for earlier in self._schedule.before(index, len(self.lanes)):
            await self._closed[earlier].wait()
        if index in self._warm:
            self._record(index, await warmed(self._stream, lane))
            self._warm[index].set()
        if self._schedule is Schedule.PARALLEL:  # a warm-up beside a lane would take of its speed
            for warm in self._warm.values():
                await warm.wait()

    async def _answer(self, index: int, lane: Lane, prompt: Prompt) -> None:
        stream = looped(patient(self._stream), self.results)
        try:
            await self._turn(index, lane)
            async with aclosing(stream(lane, prompt)) as events:
                size = 0
                async for event in events:
                    self._record(index, event)
                    size += _size(event)
                    if size > MOST:
                        said = f"{lane.backend.name} went on without end: stopped after {MOST:,} characters."
                        raise BackendError("endless", said)
            self._ends[index] = Failed(
                "truncated", f"{lane.backend.name} ended the stream without a finish reason. What had arrived is kept."
            )
        except BackendError as error:
            self._ends[index] = Failed(error.kind, str(error), error.retry_after)
        except Exception as error:
            log.exception("lane %r broke", lane.label)
            self._ends[index] = Failed("bug", broke(error))

    def _close(self, index: int, task: asyncio.Task[None]) -> None:
        # here, not in the task: one that is cancelled before its first step never runs a line
        self._record(index, self._ends.get(index, INTERRUPTED))
        self._shut(index)

    def _shut(self, index: int) -> None:
        self._closed[index].set()
        if index in self._warm:
            self._warm[index].set()
        self._changed.set()
        if self.over:
            self._over.set()
