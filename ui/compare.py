"""The Compare tab: ask, watch, rate. It only views runs, which live in tasks of their own and outlast any tab."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from backends.answer import Answer
from backends.discovery import Discovery
from backends.prompt import Prompt
from backends.registry import Registry
from storage.comparison import Comparison
from storage.errors import RatingError, StorageError
from storage.recorder import Recorder
from storage.store import Store
from ui import about, asking, cards, composer, lane, view
from ui.asking import Asked, Given, Problem, Settings
from ui.cards import Fixed
from ui.component import PRIVATE, Drawn
from ui.lane import Slot

FRAMES_A_SECOND = 10
FRAMES_A_FIGURE = 5
PATIENCE = 5.0  # seconds to wait for the database

TAGS = ("correct", "wrong", "incomplete", "too long", "clear", "bad format", "ignored the image", "refusal")

# keeps the address in step with the comparison shown, so that a reload or a link finds it again
# and takes the keyboard to the lanes, where 1 to 6, t and b rate
ADDRESS = """(run) => {
  const to = new URL(location);
  to.searchParams.delete('lanes');
  run ? to.searchParams.set('run', run) : to.searchParams.delete('run');
  history.replaceState({}, '', to);
  const lanes = document.getElementById('lanes');
  lanes.tabIndex = -1;
  lanes.focus({ preventScroll: true });
  return run;
}"""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the page was sent: card and answer text of each slot in turn, and the answers they show."""

    answers: tuple[Answer, ...] = ()
    parts: Sequence[Any] = ()


class Handlers:
    """What the tab does, named for the person's acts."""

    def __init__(self, registry: Registry, store: Store, recorder: Recorder, discovery: Discovery) -> None:
        self.registry, self.store, self.recorder, self.discovery = registry, store, recorder, discovery
        self.slots: list[Slot] = []

    # asking

    async def compare(self, *inputs: Any) -> tuple[str, str, Any]:
        """The run to show, what has to be mended, and the prompt box (emptied after a follow-up)."""
        given = asking.given(*inputs)
        try:
            if not given.text.strip():
                raise Problem("Write a prompt first.")
            prompt, asked = await self._asked(given)
            asked = await asyncio.to_thread(asking.fitted, self.registry, self.store.images, asked)
            run = await self.recorder.compare(prompt, asked, follows=given.follows or None)
            return run, "", {"text": "", "files": []} if given.follows else gr.skip()
        except (Problem, StorageError) as problem:
            return given.run, str(problem), gr.skip()

    async def weigh(self, *inputs: Any) -> list[Any]:
        """What to know of each lane before it is asked this; what can't be asked yet leaves that as it was."""
        try:
            _, asked = await self._asked(asking.given(*inputs))
        except (Problem, StorageError):
            return [gr.skip()] * len(self.slots)
        said = await asyncio.to_thread(self._weighed, asked)
        return [*said, *[gr.skip()] * (len(self.slots) - len(said))]

    def _weighed(self, asked: Asked) -> list[dict[str, Any]]:
        return [
            about.weighed(self.registry, one, prompt, self.discovery.status(one.backend.name)) for one, prompt in asked
        ]

    async def _asked(self, given: Given) -> tuple[Prompt, Asked]:
        """What is asked now, and each lane with its own prompt."""
        pictures = await asyncio.to_thread(asking.images, self.store.images, given.files, given.sizes)
        if given.follows:
            return asking.next_turn(self.registry, await self._finished(given.follows), given.text, pictures)
        prompt = asking.prompt(given.system, given.text, pictures, given.tools)
        return prompt, [(one, prompt) for one in asking.lanes(self.registry, given.lanes)]

    async def _finished(self, run: str) -> Comparison:
        """The comparison to follow up."""
        live = self.recorder.live(run)
        if live and not live.over:
            raise Problem("Wait until every lane is done, or stop it: a follow-up goes to all of them.")
        try:
            await asyncio.wait_for(self.recorder.saved(run), PATIENCE)
        except TimeoutError as error:
            raise Problem(f"The comparison to follow up is not stored yet. {self.recorder.problem}") from error
        kept = await self.store.read(run)
        if kept is None:
            raise Problem("The comparison to follow up is gone.")
        return kept

    async def stop(self, run: str) -> None:
        self.recorder.stop(run)

    async def stop_lane(self, index: int, run: str) -> None:
        self.recorder.stop(run, index)

    async def give(self, event: gr.EventData) -> None:
        """A person's result of a tool call; the same call of other lanes gets it too."""
        match event._data:
            case {"key": str() as key, "call": int() as call, "content": str() as content}:
                run, _, index = key.partition("/")
                self.recorder.give(run, int(index), call, asking.clean(content))

    # choosing lanes

    def add(self, count: float, *fields: Any) -> list[Any]:
        chosen = asking.settings_of(fields, int(count))
        return self._chosen([*chosen, chosen[-1]])

    def duplicate(self, index: int, count: float, *fields: Any) -> list[Any]:
        chosen = asking.settings_of(fields, int(count))
        return self._moved([*chosen[: index + 1], chosen[index], *chosen[index + 1 :]])

    def remove(self, index: int, count: float, *fields: Any) -> list[Any]:
        chosen = asking.settings_of(fields, int(count))
        return self._moved(chosen[:index] + chosen[index + 1 :])

    def _moved(self, chosen: Sequence[Settings]) -> list[Any]:
        """Lanes in other places, where the answers shown would stand under wrong names: shows no comparison."""
        updates = self._chosen(chosen)
        return ["" if updates[0] == len(chosen) else gr.skip(), *updates]

    def _chosen(self, chosen: Sequence[Settings]) -> list[Any]:
        if not asking.FEWEST <= len(chosen) <= asking.MOST:
            gr.Info(f"A comparison has {asking.FEWEST} to {asking.MOST} lanes.", duration=4)
            return [gr.skip()] * (1 + len(lane.filled(self.slots)))
        return [len(chosen), *lane.fill(self.registry, self.slots, chosen)]

    # showing

    async def arrive(self, request: gr.Request) -> tuple[str, str, str]:
        """What the address asks for (`?run=`, `?lanes=`): the comparison shown, whose lanes; and what is wrong."""
        run, problems = request.query_params.get("run", ""), list(self.registry.problems)
        if run and await self.store.question(run) is None:
            problems.append("The comparison of this link is not kept here.")
            run = ""
        return run, run or request.query_params.get("lanes", ""), "\n".join(problems)

    async def restore(self, source: str) -> list[Any]:
        """The lanes of a comparison, named by its id, or of backends, named with commas between."""
        kept = await self.store.question(source)
        if kept:
            return self._chosen([asking.settings_for(each.lane) for each in kept.lanes])
        return self._chosen([asking.first_settings(self.registry, name) for name in source.split(",")][: asking.MOST])

    async def show(self, run: str) -> tuple[Any, ...]:
        """The question, the rating bar, and what may be done next."""
        kept = await self.store.question(run) if run else None
        if kept is None:
            return None, None, gr.Checkbox(visible=False, value=False), gr.Button(visible=False), gr.skip()
        live = self.recorder.live(run) is not None
        return (
            view.question(kept),
            view.rating_bar(kept, TAGS),
            gr.Checkbox(visible=True, info=asking.going_back(self.registry, [each.lane for each in kept.lanes])),
            gr.Button(visible=live),
            self.recorder.problem or gr.skip(),
        )

    async def watch(self, run: str) -> AsyncIterator[Sequence[Any]]:
        """Frames of all lanes, while they change. This is the only function that knows how frames travel."""
        kept, drawn = await self.store.question(run), Frame()
        if kept is None:
            yield [
                cards.idle() if part is slot.card else "" for slot in self.slots for part in (slot.card, slot.answer)
            ]
            return
        fixed = [cards.fixed(kept, index) for index in range(len(kept.lanes))]
        live, seen = self.recorder.live(run), -1
        for number in itertools.count() if live else ():
            seen = await live.changed(seen)
            started = time.monotonic()
            # figures change with every token, but are read at a glance: as long as they stand, so does their card
            drawn = self._frame(fixed, live.answers(), drawn, figures=number % FRAMES_A_FIGURE == 0)
            yield drawn.parts
            if live.over and len(live.log) == seen:
                break
            with suppress(TimeoutError):  # the last frame does not wait
                await asyncio.wait_for(live.ended(), 1 / FRAMES_A_SECOND - (time.monotonic() - started))
        with suppress(TimeoutError):
            await asyncio.wait_for(self.recorder.saved(run), PATIENCE)
            stored = zip(fixed, await self.store.answered(run), strict=True)
            parts = [(cards.shown(one, answer, flags), answer.text) for one, (_, answer, flags) in stored]
            yield [*itertools.chain(*parts), *[None] * (2 * (len(self.slots) - len(parts)))]

    def _frame(self, fixed: Sequence[Fixed], answers: tuple[Answer, ...], earlier: Frame, *, figures: bool) -> Frame:
        """What changed since the `earlier` frame is drawn anew; live lanes get new figures only with `figures`."""
        parts: list[Any] = [None] * (2 * len(self.slots))
        for index, (one, answer) in enumerate(zip(fixed, answers, strict=True)):
            here, before = slice(2 * index, 2 * index + 2), earlier.parts[2 * index : 2 * index + 2]
            live = answer.state in cards.LIVE
            if before and answer is earlier.answers[index] and not (live and figures):
                parts[here] = before
                continue
            card = cards.shown(one, answer)
            if before and live and not figures and not answer.finish_reason:  # a lane may pause after a round
                card["figures"] = before[0]["figures"]
            parts[here] = card, answer.text
        return Frame(answers, parts)

    # rating

    async def rate(self, run: str, event: gr.EventData) -> Any:
        """Stores what the bar sent; the bar then shows what is stored, or why it was not."""
        sent = event._data if isinstance(event._data, dict) else {}
        try:
            await self.store.rate(
                str(sent.get("run")),
                asking.clean(str(sent.get("evaluator", ""))),
                sent.get("ranking") or [],
                all_bad=bool(sent.get("all_bad")),
                tags=[asking.clean(str(tag)) for tag in sent.get("tags") or []],
                comment=asking.clean(str(sent.get("comment", ""))),
            )
            said = "Saved."
        except (RatingError, StorageError) as error:
            said = f"Not saved: {error}"
        if sent.get("run") != run:  # the page has moved on while this was stored
            return gr.skip()
        kept = await self.store.question(run)
        return kept and view.rating_bar(kept, TAGS, said)


@dataclass(frozen=True, slots=True)
class Compare:
    """The tab, as the rest of the page needs it."""

    run: gr.Textbox
    source: gr.Textbox


def build(page: gr.Blocks, registry: Registry, store: Store, recorder: Recorder, discovery: Discovery) -> Compare:
    """Lays the tab out and wires it.

    Whatever sets `run` shows that comparison; whatever sets `source` chooses its lanes.
    """
    does = Handlers(registry, store, recorder, discovery)
    start = asking.usual(registry)
    run = gr.Textbox(visible="hidden", elem_id="run")
    watched = gr.Textbox(visible="hidden", elem_id="watched")
    source = gr.Textbox(visible="hidden", elem_id="source")
    count = gr.Number(len(start), visible=False, precision=0)

    box = composer.build()
    notice = Drawn("notice", elem_id="notice")
    question = Drawn("question", elem_id="question")
    with gr.Row(elem_id="lanes", equal_height=True):
        for index in range(asking.MOST):
            chosen = start[index] if index < len(start) else None
            does.slots.append(lane.build(registry, index, chosen))
    lane.offer(registry, discovery, does.slots)
    rating = Drawn("rating", elem_id="rating")

    fields = [field for slot in does.slots for field in slot.fields]
    lanes = [count, *lane.filled(does.slots)]
    frames = [part for slot in does.slots for part in (slot.card, slot.answer)]
    around = [question, rating, box.follow, box.stop, notice]
    asked = [box.prompt, box.system, box.sizes, box.follow, run, count, *box.tools.fields, *fields]

    watching = watched.change(does.watch, watched, frames, **PRIVATE)
    watching.success(does.show, run, around, **PRIVATE)
    # watching another comparison starts only once the old one is no longer watched: its frames would come late
    showing = run.change(does.show, run, around, cancels=[watching], js=ADDRESS, **PRIVATE)
    showing.success(None, run, watched, js="(run) => run", **PRIVATE)
    source.change(does.restore, source, lanes, **PRIVATE)

    box.prompt.submit(does.compare, asked, [run, notice, box.prompt], **PRIVATE)
    box.stop.click(does.stop, run, None, **PRIVATE)
    box.add.click(does.add, [count, *fields], lanes, **PRIVATE)
    for index, slot in enumerate(does.slots):
        slot.card.stop(partial(does.stop_lane, index), run, None, **PRIVATE)
        slot.card.give(does.give, None, None, **PRIVATE)
        slot.card.duplicate(partial(does.duplicate, index), [count, *fields], [run, *lanes], **PRIVATE)
        slot.card.remove(partial(does.remove, index), [count, *fields], [run, *lanes], **PRIVATE)
    # the lanes of a follow-up are those of the comparison: show them, whatever was chosen since
    box.follow.select(does.restore, run, lanes, **PRIVATE)
    rating.rate(does.rate, run, rating, **PRIVATE)
    weighing = {"fn": does.weigh, "inputs": asked, "outputs": [slot.about for slot in does.slots]}
    changes = [*box.changes, *(event for slot in does.slots for event in slot.changes)]
    gr.on(changes, **weighing, trigger_mode="always_last", **PRIVATE)
    for chosen in box.chosen:
        chosen.success(**weighing, **PRIVATE)
    page.load(does.arrive, None, [run, source, notice], **PRIVATE)
    return Compare(run, source)
