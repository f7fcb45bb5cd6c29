"""Asks one lane of a finished comparison again, as its fields now stand: a new comparison that keeps all the others."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from backends.registry import Registry
from storage.comparison import Comparison, Place
from storage.errors import StorageError
from storage.plan import OPEN
from storage.recorder import Recorder
from storage.showing import Showing
from storage.store import Store
from ui import asking, viewer
from ui.asking import Problem
from ui.view import LETTERS

PATIENCE = 5.0  # seconds to wait for the database

FIRST_RATE = "This comparison is blind: rate it, or reveal it, before you go on with it."


async def finished(store: Store, recorder: Recorder, run: str, who: str) -> tuple[Comparison, Showing]:
    """A comparison that is over and stored, and open to this viewer. Raises Problem."""
    showing = await store.show(run, who)
    if showing and showing.sealed:
        raise Problem(FIRST_RATE)
    live = recorder.live(run)
    if live and not live.over:
        raise Problem("Wait until every lane is done, or stop it.")
    try:
        await asyncio.wait_for(recorder.saved(run), PATIENCE)
    except TimeoutError as error:
        raise Problem(f"This comparison is not stored yet. {recorder.problem}") from error
    kept = await store.read(run)
    if kept is None or showing is None:
        raise Problem("This comparison is gone.")
    return kept, showing


class Handlers:
    def __init__(self, registry: Registry, store: Store, recorder: Recorder) -> None:
        self.registry, self.store, self.recorder = registry, store, recorder

    def again(self, place: int) -> Callable[..., Any]:
        """The act on the card at `place`: the run to show, and what has to be mended."""

        async def ask(request: gr.Request, run: str, count: float, *fields: Any) -> tuple[str, str]:
            try:
                chosen = asking.settings_of(fields, int(count))
                if place >= len(chosen):
                    raise Problem(f"Lane {LETTERS[place]} is not chosen any more.")
                return await self._renewed(run, place, chosen[place], viewer.of(request)), ""
            except (Problem, StorageError) as problem:
                return run, str(problem)

        return ask

    async def _renewed(self, run: str, place: int, chosen: asking.Settings, who: str) -> str:
        kept, showing = await finished(self.store, self.recorder, run, who)
        question = await self.store.question(run)
        if question is None or place >= len(showing.order):
            raise Problem("This lane is gone.")
        count, where = len(showing.order), f"Lane {LETTERS[place]}"
        lane = asking.lane_of(self.registry, where, chosen)
        asked = [(kept.lanes[position].lane, kept.lanes[position].prompt) for position in showing.order]
        own = asked[place][1] if kept.follows else kept.prompt
        prompt = await asyncio.to_thread(asking.fit, self.registry, self.store.images, where, lane, own)
        others = {
            sample * count + at: Place(run, sample * count + position)
            for sample in range(question.plan.samples)
            for at, position in enumerate(showing.order)
            if at != place
        }
        plan = replace(question.plan, presentation=OPEN)  # who asks again has seen whose the others are
        asked[place] = lane, prompt
        return await self.recorder.compare(kept.prompt, asked, plan, who, kept.follows, others, run)
