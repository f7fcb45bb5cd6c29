"""Measures how long a text may be before a lane overlooks what stands in it: needles at lengths and depths."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

from backends import pace
from backends.answer import Answer
from backends.flags import CUT
from backends.kind import Stream
from backends.lane import Lane
from backends.prompt import Prompt, UserTurn
from backends.runner import Run
from backends.tokens import is_mistral, text_tokens
from suites.measuring import Budget
from suites.needles import Haystack, haystack

LENGTHS = (4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000)
DEPTHS = (0, 10, 25, 50, 75, 90, 100)
MOST = 1_000  # requests of one measurement
ANSWER, THOUGHT = 64, 2_048  # tokens that an answer may take: for the code, and for thinking before it
EXCERPT = 200
OUT_OF_TOKENS = "It ran out of tokens before it said the code: allow its answers more tokens, or more to think."

_CODE = re.compile(r"\b[A-Z]{3}-\d{4}\b")


@dataclass(frozen=True, slots=True)
class Cell:
    """One request of each lane: all of them get the same text. `depth` is in percent."""

    length: int
    depth: int
    trial: int


@dataclass(frozen=True, slots=True)
class Context:
    """Each of the `lanes` is asked for a needle at each length and depth, so many `trials` each. A lane without a limit
    of its own gets a small one: `answer` for the code, and `thought` more tokens where it thinks first."""

    stream: Stream
    lanes: Sequence[Lane]
    lengths: Sequence[int]
    depths: Sequence[int]
    trials: int = 3
    seed: int = 1
    answer: int = ANSWER
    thought: int = THOUGHT
    seconds: float = 3600.0
    title: str = ""
    kind: str = "context"

    @property
    def plan(self) -> dict[str, Any]:
        return {
            "lanes": [lane.label for lane in self.lanes],
            "lengths": list(self.lengths),
            "depths": list(self.depths),
            "trials": self.trials,
            "seed": self.seed,
            "max_tokens": [self._limited(lane).max_tokens for lane in self.lanes],
            "counted": "with the vocabulary of Mistral's models" if self._model else "by their length",
        }

    @property
    def budget(self) -> Budget:
        per_lane = len(self.depths) * self.trials
        asked, count = sum(self.lengths) * per_lane, len(self.lengths) * per_lane
        said = [count * (self._limited(lane).max_tokens or 0) for lane in self.lanes]
        paid = [pace.priced(lane, asked, out) for lane, out in zip(self.lanes, said, strict=True)]
        return Budget(
            requests=count * len(self.lanes),
            tokens=asked * len(self.lanes) + sum(said),
            cost=pace.together(paid),
            seconds=self.seconds,
        )

    @property
    def cells(self) -> Iterator[Cell]:
        """A trial after another, so that what is stopped has seen a bit of everything; the shortest first."""
        for trial, length, depth in product(range(self.trials), sorted(self.lengths), sorted(self.depths)):
            yield Cell(length, depth, trial)

    @property
    def _model(self) -> str:
        """By whose vocabulary texts are counted: all lanes get the same ones."""
        return next((lane.model for lane in self.lanes if is_mistral(lane.model)), "")

    def _limited(self, lane: Lane) -> Lane:
        if lane.max_tokens is not None:
            return lane
        return replace(lane, max_tokens=self.answer + self.thought * (lane.effort not in ("", "none")))

    def text(self, cell: Cell) -> Haystack:
        """Blocking: the longest takes a second."""
        count = partial(text_tokens, model=self._model)
        return haystack(cell.length, cell.depth / 100, self.seed * 1_000 + cell.trial, count)

    async def samples(self) -> AsyncGenerator[dict[str, Any]]:
        """Each server is asked one request after another, all servers at once."""
        servers: defaultdict[str, list[Lane]] = defaultdict(list)
        for lane in self.lanes:
            servers[lane.backend.base_url or lane.backend.kind].append(lane)
        found: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        tasks = [asyncio.create_task(self._served(lanes, found)) for lanes in servers.values()]
        try:
            going = len(tasks)
            while going:
                if (sample := await found.get()) is None:
                    going -= 1
                else:
                    yield sample
            for task in tasks:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _served(self, lanes: Sequence[Lane], found: asyncio.Queue[dict[str, Any] | None]) -> None:
        too_long: dict[str, int] = {}
        try:
            for cell, lane in product(self.cells, lanes):
                if cell.length >= too_long.get(lane.label, cell.length + 1):
                    found.put_nowait(_skipped(lane, cell, too_long[lane.label]))
                    continue
                sample = await self._asked(lane, cell)
                if sample["outcome"] == "too long":
                    too_long[lane.label] = cell.length
                found.put_nowait(sample)
        finally:
            found.put_nowait(None)

    async def _asked(self, lane: Lane, cell: Cell) -> dict[str, Any]:
        hidden = await asyncio.to_thread(self.text, cell)
        run = Run(self.stream, [(self._limited(lane), Prompt("", (UserTurn(hidden.prompt),)))])
        try:
            await run.ended()
        finally:
            run.stop()
        (answer,) = run.answers()
        return _told(lane, cell) | outcome(answer, hidden.needle.code, cell.length) | _figures(answer)


def outcome(answer: Answer, code: str, length: int) -> dict[str, str]:
    """`found` needs the code in the answer, and no other beside it; reasoning does not count. A server that counts less
    than half of the `length` has cut it."""
    told, counted = answer.text, answer.usage.prompt
    said = {"why": "", "said": " ".join(told.split())[:EXCERPT]}
    if answer.failure:
        overflow = answer.failure.kind == "context_overflow"
        return said | {"outcome": "too long" if overflow else "failed", "why": answer.failure.message}
    if counted is not None and counted < length / 2:
        return said | {"outcome": "too long", "why": f"The server read only {counted:,} tokens: it cut the prompt."}
    if set(_CODE.findall(told)) == {code}:
        return said | {"outcome": "found"}
    if answer.finish_reason.lower() in CUT:
        return said | {"outcome": "out of tokens", "why": OUT_OF_TOKENS}
    return said | {"outcome": "missed"}


def _told(lane: Lane, cell: Cell) -> dict[str, Any]:
    return {
        "lane": lane.label,
        "backend": lane.backend.name,
        "model": lane.model,
        "artifact": lane.artifact,
        "effort": lane.effort,
        "length": cell.length,
        "depth": cell.depth,
        "trial": cell.trial,
    }


def _skipped(lane: Lane, cell: Cell, too_long: int) -> dict[str, Any]:
    why = f"Not asked: {too_long:,} tokens were too long already."
    return {"what": "skipped"} | _told(lane, cell) | {"outcome": "too long", "why": why, "said": ""}


def _figures(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    return {
        "prompt_tokens": usage.prompt,
        "cached_tokens": usage.cached,
        "completion_tokens": usage.completion,
        "ttft_us": pace.first_token(answer),
        "e2e_us": pace.total(answer),
    }
