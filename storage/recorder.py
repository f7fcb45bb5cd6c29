"""Runs comparisons and keeps them while they run, whoever watches. A database in trouble never ends a lane."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress

from backends.events import Failed, Finished
from backends.flags import flagged
from backends.kind import Stream
from backends.lane import Lane
from backends.prompt import Prompt
from backends.runner import INTERRUPTED, Run
from storage.changes import LOST
from storage.comparison import NONE_KEPT, Place
from storage.errors import RunLost, StorageError
from storage.plan import Plan
from storage.replicas import BEAT
from storage.store import OPENLY, Store

log = logging.getLogger(__name__)

PACE = 0.5  # seconds between writes of a run, and before another try
PATIENCE = 10.0  # seconds that lanes have to end when the app closes


class Recorder:
    def __init__(self, store: Store, stream: Stream) -> None:
        self._store = store
        self._stream = stream
        self._live: dict[str, tuple[Run, asyncio.Task[None]]] = {}
        self._problems: dict[str, str] = {}
        self._closing, self._draining = asyncio.Event(), False
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Tells other apps on the same database, if there can be any, that this one is here, until it closes."""
        if self._store.shared:
            self._beating = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        while not self._closing.is_set():
            try:
                await self._store.beat()
            except StorageError as error:
                log.error("no sign of life could be left: %s", error)
            await _within(BEAT, self._closing.wait())

    @property
    def problem(self) -> str:
        """Why something could not be stored just now; "" when all is well. It is tried again by itself."""
        return next(iter(self._problems.values()), "")

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
        """Stores a new comparison, then starts its lanes. Its id. Raises StorageError.

        The positions in `kept` are not asked: the answer that is kept there is taken over as it was asked and came,
        with its own times, whatever `asked` holds in its place. `remakes` is the comparison that this one renews.
        `agreed`: it is part of a budget, so that what bounds evaluators does not bound it.
        """
        if self._draining:
            raise StorageError("Lanewise is being stopped and begins nothing any more: ask again when it is back.")
        # shielded: whoever asks may go away between the rows and the run
        starting = self._start(prompt, asked, plan, maker, follows, kept, remakes)
        return await asyncio.shield(asyncio.ensure_future(starting))

    @property
    def runs(self) -> tuple[Run, ...]:
        """Those whose lanes are not all over and stored."""
        return tuple(run for run, _ in self._live.values())

    async def drain(self, patience: float) -> None:
        """Begins nothing any more, and waits so many seconds for what runs."""
        self._draining = True
        if keeping := [each for _, each in self._live.values()]:
            await asyncio.wait(keeping, timeout=patience)

    def live(self, comparison_id: str) -> Run | None:
        """The run, until its lanes are over and stored."""
        run, _ = self._live.get(comparison_id, (None, None))
        return run

    def stop(self, comparison_id: str, lane: int | None = None) -> None:
        """Ends one lane or all; nothing happens where it is over already."""
        if run := self.live(comparison_id):
            run.stop(lane)

    def give(self, comparison_id: str, lane: int, call: int, content: str) -> None:
        """Answers a tool call by hand; nothing happens where no lane can wait for it any more."""
        if run := self.live(comparison_id):
            run.give(lane, call, content)

    async def saved(self, comparison_id: str) -> None:
        """Waits until the comparison is over and stored."""
        if comparison_id in self._live:
            _, keeping = self._live[comparison_id]
            await asyncio.wait([keeping])

    async def aclose(self) -> None:
        """Ends live lanes as interrupted and stores them."""
        self._closing.set()
        for run, _ in self._live.values():
            run.stop(end=INTERRUPTED)
        if ending := [*(keeping for _, keeping in self._live.values()), *filter(None, [self._beating])]:
            await asyncio.wait(ending, timeout=PATIENCE)

    async def _start(
        self,
        prompt: Prompt,
        asked: Sequence[tuple[Lane, Prompt]],
        plan: Plan,
        maker: str,
        follows: str | None,
        kept: Mapping[int, Place],
        remakes: str | None,
    ) -> str:
        earlier = {position: await self._store.earlier(place) for position, place in kept.items()}
        comparison_id = await self._store.create(prompt, asked, plan, maker, follows, kept, remakes)
        if self._closing.is_set():
            raise StorageError("The app is closing.")
        rows = list(enumerate([*asked] * plan.samples))
        sent = [earlier[position][:2] if position in earlier else each for position, each in rows]
        run = Run(
            self._stream,
            sent,
            {position: each.recording for position, each in earlier.items()},
            plan.schedule,
            warm_up=plan.warm_up,
            samples=plan.samples,
        )
        self._live[comparison_id] = run, asyncio.create_task(self._keep(comparison_id, run))
        return comparison_id

    async def _keep(self, comparison_id: str, run: Run) -> None:
        """Stores the first events at once, then what is new at every pace, then the end at once."""
        ended: set[int] = set()
        kept = 0
        try:
            while not run.over or kept < len(run.log):
                await run.changed(kept)
                seen = len(run.log)
                if await self._append(comparison_id, run, kept, seen, ended):
                    kept = seen
                    await _within(PACE, run.ended())
                elif self._closing.is_set():
                    log.error("comparison %s is stored without its last %d events", comparison_id, seen - kept)
                    return
                else:
                    await _within(PACE, self._closing.wait())
        except RunLost as error:
            log.error("%s", error)
            run.stop(end=INTERRUPTED)
        except Exception:  # trying again would not help, and a run must not stay live for ever
            log.exception("comparison %s can't be stored as it came", comparison_id)
            await self._abandon(comparison_id, run, kept)
        finally:
            self._problems.pop(comparison_id, None)
            del self._live[comparison_id]

    async def _abandon(self, comparison_id: str, run: Run, kept: int) -> None:
        run.stop(end=LOST)
        await run.ended()
        try:
            await self._store.abandon(comparison_id, run.started, run.log[kept:])
        except Exception:
            log.exception("comparison %s has no end until the next start", comparison_id)

    async def _append(self, comparison_id: str, run: Run, kept: int, seen: int, ended: set[int]) -> bool:
        """Stores one batch; False where the database could not."""
        batch = run.log[kept:seen]
        ended |= {entry.lane for entry in batch if isinstance(entry.stamped.event, Finished | Failed)}
        changed = ended & {entry.lane for entry in batch}  # usage may follow an end
        answers = run.answers() if changed else ()
        over = changed and len(ended) == len(answers)
        asked = tuple(zip(run.lanes, run.prompts, strict=True))
        flags = flagged(asked, answers[: len(asked)]) if over else ()  # of what is shown, not of further samples
        outcomes = {lane: answers[lane] for lane in changed}
        try:
            await self._store.append(comparison_id, run.started, batch, outcomes, flags)
        except StorageError as error:
            if str(error) != self._problems.get(comparison_id):
                log.exception("comparison %s can't be stored just now; trying again", comparison_id)
            self._problems[comparison_id] = str(error)
            return False
        self._problems.pop(comparison_id, None)
        return True


async def _within(seconds: float, wanted: Awaitable[object]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wanted
