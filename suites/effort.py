"""Asks the same prompts at both efforts, as comparisons that people can rate blind. What they took is read later, from
what is stored: here it would tell the lanes apart."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from backends import pace, routing
from backends.answer import State
from backends.lane import Lane
from backends.prompt import Prompt
from backends.schedule import Schedule
from storage.plan import BLIND, Plan
from storage.prompts import title
from storage.recorder import Recorder
from storage.store import Store
from suites.measuring import Budget

PLAN = Plan(BLIND, Schedule.SEQUENTIAL)  # one after another: else they would slow each other down


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt, and about how many `tokens` it takes."""

    prompt: Prompt
    tokens: int


@dataclass(frozen=True, slots=True)
class Effort:
    """`lanes` differ in their effort alone, and have a limit of tokens. `overlap` ratings by others than the `maker`
    are asked for of each comparison."""

    recorder: Recorder
    store: Store
    lanes: tuple[Lane, Lane]
    asked: Sequence[Asked]
    maker: str = ""
    overlap: int = 0
    seconds: float = 3600.0
    kind: str = "effort"

    @property
    def title(self) -> str:
        many = len(self.asked)
        efforts = " and ".join(lane.effort for lane in self.lanes)
        return f"{self.lanes[0].backend.name} at {efforts}: {many} prompt{'s' if many > 1 else ''}"

    @property
    def plan(self) -> dict[str, Any]:
        return {
            "lanes": [lane.label for lane in self.lanes],
            "prompts": [title(each.prompt) for each in self.asked],
            "max_tokens": self.lanes[0].max_tokens,
            "overlap": self.overlap,
        }

    @property
    def budget(self) -> Budget:
        read = sum(each.tokens for each in self.asked)
        said = [len(self.asked) * (lane.max_tokens or 0) for lane in self.lanes]
        paid = [pace.priced(lane, read, out) for lane, out in zip(self.lanes, said, strict=True)]
        return Budget(
            requests=len(self.lanes) * len(self.asked),
            tokens=len(self.lanes) * read + sum(said),
            cost=pace.together(paid),
            seconds=self.seconds,
        )

    async def samples(self) -> AsyncGenerator[dict[str, Any]]:
        for number, each in enumerate(self.asked):
            # which one is asked first finds nothing in the server's cache, so they take turns
            lanes = self.lanes if number % 2 == 0 else self.lanes[::-1]
            async for sample in self._compared(each.prompt, lanes):
                yield sample

    async def _compared(self, prompt: Prompt, lanes: Sequence[Lane]) -> AsyncGenerator[dict[str, Any]]:
        """One sample for each request; none says which lane it was."""
        run = await self.recorder.compare(prompt, [(lane, prompt) for lane in lanes], PLAN, self.maker, agreed=True)
        live = self.recorder.live(run)
        try:
            await self.recorder.saved(run)
        finally:
            self.recorder.stop(run)
        if self.overlap:
            await self.store.enqueue([run], self.overlap)
        answers = live.answers() if live else ()
        state = "done" if all(answer.state is State.DONE for answer in answers) else "failed"
        told = {"comparison": run, "prompt": title(prompt), "tag": routing.suggest(prompt).reason, "state": state}
        for number, _ in enumerate(lanes, 1):
            yield {**told, "request": number}
