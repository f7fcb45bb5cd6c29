"""Load: the same prompts, so many at once, step by step, against one lane after another; each request is a sample.

Workers each ask the next prompt as soon as they have their answer (a closed loop). Nothing is asked twice, and no text
is kept. Times are microseconds since the measurement began, all on one clock.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from backends import pace
from backends.answer import Answer
from backends.events import Failed
from backends.kind import Stream
from backends.lane import Backend, Lane
from backends.prompt import Prompt, Toolbox
from backends.runner import Run
from backends.status import Status
from suites.lag import Lag, watched
from suites.measuring import Budget

LOOK = 1.0  # seconds between two looks at a server's own figures
WARMING = 120.0  # seconds that the warm-up of a lane may take: its server may load its model now
SAID = 200  # characters kept of what went wrong
CUT = Failed("cut", "It was not over when its step had to end.")

Sample = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A lane with its own form of each prompt, in the order asked; `tokens` are about what each takes."""

    lane: Lane
    prompts: tuple[Prompt, ...]
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """`steps`: how many at once, one after another, each of `requests`, begun within `seconds`; those that run then
    have as long again. Of `warm_up` requests before each lane nothing counts. The request with the number n of a step
    has the seed `seed` + n, in every lane and step."""

    stream: Stream
    discover: Callable[[Backend], Awaitable[Status]]
    asked: tuple[Asked, ...]
    titles: tuple[str, ...]
    steps: tuple[int, ...] = (1, 2, 4, 8, 16)
    requests: int = 32
    seconds: float = 60.0
    max_tokens: int = 256
    warm_up: int = 2
    seed: int | None = 1
    kind: str = "load"

    @property
    def title(self) -> str:
        lanes = " / ".join(each.lane.label for each in self.asked)
        many = len(self.titles)
        prompts = self.titles[0] if many == 1 else f"{many} prompts"
        return f"{lanes}: {prompts}, {', '.join(map(str, self.steps))} at once"

    @property
    def plan(self) -> Sample:
        return {
            "lanes": [_described(each.lane) for each in self.asked],
            "prompts": list(self.titles),
            "steps": list(self.steps),
            "requests": self.requests,
            "seconds": self.seconds,
            "max_tokens": self.max_tokens,
            "warm_up": self.warm_up,
            "seed": self.seed,
        }

    @property
    def budget(self) -> Budget:
        """What the steps could take at most; tokens as if every answer were as long as it may be."""
        each_lane = self.warm_up + len(self.steps) * self.requests
        tokens, costs = 0, list[float | None]()
        for asked in self.asked:
            numbers = [*range(self.warm_up), *(n for _ in self.steps for n in range(self.requests))]
            into, out = sum(asked.tokens[n % len(asked.tokens)] for n in numbers), each_lane * self.max_tokens
            tokens += into + out
            costs.append(pace.priced(asked.lane, into, out))
        each_takes = (WARMING if self.warm_up else 0) + 2 * self.seconds * len(self.steps)
        return Budget(
            requests=len(self.asked) * each_lane,
            tokens=tokens,
            cost=pace.together(costs),
            seconds=len(self.asked) * each_takes + 30,
        )

    async def samples(self) -> AsyncGenerator[Sample]:
        began = time.perf_counter_ns()
        for number, asked in enumerate(self.asked):
            warming = _Step(self, began, number, asked, 1, self.warm_up, WARMING / 2, "warm-up")
            steps = [
                _Step(self, began, number, asked, at_once, self.requests, self.seconds, "request")
                for at_once in self.steps
            ]
            for step in [warming] * bool(self.warm_up) + steps:
                async with aclosing(step.samples()) as found:
                    async for sample in found:
                        yield sample


@dataclass
class _Step:
    load: Load
    began: int  # of the measurement, in nanoseconds
    lane: int
    asked: Asked
    at_once: int
    requests: int
    seconds: float
    what: str
    running: set[Run] = field(default_factory=set)
    found: asyncio.Queue[Sample | None] = field(default_factory=asyncio.Queue)

    @property
    def named(self) -> Sample:
        return {"lane": self.lane, "step": self.at_once}

    async def samples(self) -> AsyncGenerator[Sample]:
        loop, started = asyncio.get_running_loop(), self._now()
        cutting = loop.call_at(loop.time() + 2 * self.seconds, self._cut)
        looking = asyncio.create_task(self._look())
        with watched() as lag:
            asking = asyncio.create_task(self._ask_all(loop.time() + self.seconds))
            asking.add_done_callback(lambda _: self.found.put_nowait(None))
            try:
                while (sample := await self.found.get()) is not None:
                    yield sample
                await asking
            finally:
                cutting.cancel()
                looking.cancel()
                asking.cancel()
                await asyncio.gather(looking, asking, return_exceptions=True)
        if self.what == "request":
            yield self._summary(started, lag)

    async def _ask_all(self, until: float) -> None:
        numbers, loop = count(), asyncio.get_running_loop()

        async def work() -> None:
            while loop.time() < until and (number := next(numbers)) < self.requests:
                self.found.put_nowait(await self._request(number))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.at_once, self.requests)):
                group.create_task(work())

    async def _request(self, number: int) -> Sample:
        load, place = self.load, number % len(self.asked.prompts)
        seed = None if load.seed is None else load.seed + number
        lane = replace(self.asked.lane, seed=seed, max_tokens=load.max_tokens, waits=False)
        # one request each: what tools would answer is not the server's time
        prompt = replace(self.asked.prompts[place], toolbox=Toolbox())
        began = self._now()
        run = Run(load.stream, [(lane, prompt)])
        self.running.add(run)
        try:
            await run.ended()
        finally:
            run.stop()
            self.running.discard(run)
        (answer,) = run.answers()
        asked = {"what": self.what, **self.named, "index": number, "prompt": place}
        return asked | sampled(lane, answer, began)

    def _cut(self) -> None:
        for run in self.running:
            run.stop(end=CUT)

    async def _look(self) -> None:
        """The server's own figures, as long as it tells some."""
        while self.what == "request":
            told = (await self.load.discover(self.asked.lane.backend)).server.load
            if not told:
                return
            self.found.put_nowait({"what": "server", **self.named, "at": self._now(), "load": dict(told)})
            await asyncio.sleep(LOOK)

    def _summary(self, started: int, lag: Lag) -> Sample:
        told = {"lag_p95": round(lag.share(0.95), 2), "lag_most": round(lag.share(1), 2), "busy": round(lag.busy, 3)}
        return {"what": "step", **self.named, "began": started, "ended": self._now()} | told

    def _now(self) -> int:
        return (time.perf_counter_ns() - self.began) // 1000


def sampled(lane: Lane, answer: Answer, began: int) -> Sample:
    """What a request took, without a word of it; `began` is when its own times begin."""
    usage, failure = answer.usage, answer.failure
    between, exact = pace.between_tokens(answer)
    return {
        "began": began,
        **dict(_moments(answer, began)),
        "ttft": pace.first_token(answer),
        "itl": None if between is None else round(between, 1),
        "approximate": not exact,
        "e2e": None if failure else pace.total(answer),
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "reasoning_tokens": usage.reasoning,
        "cached_tokens": usage.cached,
        "pieces": answer.pieces,
        "cost": pace.cost(lane, answer),
        "finish": answer.finish_reason,
        "error": failure.kind if failure else None,
        "said": failure.message[:SAID] if failure else None,
    }


def _moments(answer: Answer, began: int) -> Iterator[tuple[str, int | None]]:
    times = answer.times
    for name, at in (("sent", times.sent), ("first", times.first), ("last", times.last), ("end", times.end)):
        yield name, None if at is None else began + at


def _described(lane: Lane) -> Sample:
    return {
        "label": lane.label,
        "backend": lane.backend.name,
        "kind": lane.backend.kind,
        "model": lane.model,
        "artifact": lane.artifact,
        "effort": lane.effort,
        "temperature": lane.temperature,
    }
