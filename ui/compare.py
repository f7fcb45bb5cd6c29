"""The Compare tab: ask, watch, rate. It only views runs, which live in tasks of their own and outlast any tab."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from backends.discovery import Discovery
from backends.prompt import Prompt
from backends.registry import Registry
from storage.comparison import Comparison
from storage.errors import StorageError
from storage.recorder import Recorder
from storage.store import Store
from ui import about, again, asking, composer, difference, lane, link, presets, sending, single, viewer
from ui.asking import Asked, Given, Problem, Settings
from ui.component import PRIVATE, Drawn
from ui.difference import Differences
from ui.lane import Slot
from ui.player import Player
from ui.stage import Stage

# where they don't all fit in, what was added is to be seen
AT_THE_LAST = """() => {
  const last = document.querySelector('.places button:last-child');
  if (last.offsetParent) last.click();
  document.getElementById('lanes').scrollTo({ left: 1e5 });
}"""
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

# the lanes are those that the address asks for: only then a run may begin
ARRIVED = "() => { window.arrived = true; dispatchEvent(new Event('arrived')); }"


class Handlers:
    """What the tab does, named for the person's acts."""

    def __init__(self, registry: Registry, store: Store, recorder: Recorder, discovery: Discovery) -> None:
        self.registry, self.store, self.recorder, self.discovery = registry, store, recorder, discovery
        self.slots: list[Slot] = []
        self.stage: Stage

    # asking

    async def compare(self, request: gr.Request, *inputs: Any) -> list[Any]:
        """The run to show, what has to be mended, the prompt box (emptied after a follow-up), and the panels below it,
        which make room for the answers."""
        given = asking.given(*inputs)
        try:
            if not given.text.strip():
                raise Problem("Write a prompt first.")
            maker = viewer.of(request)
            prompt, asked = await self._asked(given, maker)
            asked = await asyncio.to_thread(asking.fitted, self.registry, self.store.images, asked)
            plan = asking.plan(*given.plan)
            run = await self.recorder.compare(prompt, asked, plan, maker, given.follows or None)
            written = {"text": "", "files": []} if given.follows else gr.skip()
            return [run, "", written, *[gr.update(open=False)] * composer.PANELS]
        except (Problem, StorageError) as problem:
            return [given.run, str(problem), gr.skip(), *[gr.skip()] * composer.PANELS]

    async def weigh(self, request: gr.Request, *inputs: Any) -> list[Any]:
        """What to know of each lane before it is asked this; what can't be asked yet leaves that as it was."""
        given = asking.given(*inputs)
        try:
            _, asked = await self._asked(given, viewer.of(request))
        except (Problem, StorageError):
            said = self._unasked(given.lanes)
        else:
            said = await asyncio.to_thread(self._weighed, asked)
        return [*said, *[gr.skip()] * (len(lane.weighed_parts(self.slots)) - len(said))]

    def _weighed(self, asked: Asked) -> list[Any]:
        updates = []
        for one, prompt in asked:
            said = about.weighed(self.registry, one, prompt, self.discovery.status(one.backend.name))
            updates += lane.weighed(said, asking.advised(one.backend, one.model, one.effort))
        return updates

    def _unasked(self, chosen: Sequence[Settings]) -> list[Any]:
        """A backend that is not declared is named again: an earlier weighing may have come in between."""
        updates = []
        for one in chosen:
            gone = self.registry.find(one.backend) is None
            updates += [about.undeclared(one.backend) if gone else gr.skip(), gr.skip()]
        return updates

    async def _asked(self, given: Given, who: str) -> tuple[Prompt, Asked]:
        """What is asked now, and each lane with its own prompt."""
        pictures = await asyncio.to_thread(asking.images, self.store.images, given.files, given.sizes)
        if given.follows:
            return asking.next_turn(self.registry, await self._finished(given.follows, who), given.text, pictures)
        prompt = asking.prompt(given.system, given.text, pictures, given.tools)
        return prompt, [(one, prompt) for one in asking.lanes(self.registry, given.lanes)]

    async def _finished(self, run: str, who: str) -> Comparison:
        """The comparison to follow up, its lanes as they are shown."""
        kept, showing = await again.finished(self.store, self.recorder, run, who)
        return replace(kept, lanes=tuple(kept.lanes[position] for position in showing.order))

    async def stop(self, run: str) -> None:
        self.recorder.stop(run)

    # choosing lanes

    def add(self, count: float, *fields: Any) -> list[Any]:
        chosen = asking.settings_of(fields, int(count))
        return self._chosen([*chosen, chosen[-1]])

    def duplicate(self, index: int, count: float, *fields: Any) -> list[Any]:
        chosen = asking.settings_of(fields, int(count))
        return self.line_up([*chosen[: index + 1], chosen[index], *chosen[index + 1 :]])

    def remove(self, index: int, count: float, *fields: Any) -> list[Any]:
        chosen = asking.settings_of(fields, int(count))
        return self.line_up(chosen[:index] + chosen[index + 1 :])

    def line_up(self, chosen: Sequence[Settings]) -> list[Any]:
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
        """What the address asks for (`?run=`, `?lanes=`): the comparison shown, whose lanes; and what is wrong. Who
        comes first sees one of the project's own."""
        run, problems = request.query_params.get("run", ""), list(self.registry.problems)
        if run and await self.store.question(run) is None:
            problems.append("The comparison of this link is not kept here.")
            run = ""
        lanes = "" if run else request.query_params.get("lanes", "")
        if lanes:
            chosen, wrong = link.read(self.registry, lanes)
            problems += wrong + asking.problems(self.registry, chosen)
        shown = run or ("" if lanes else await self.store.welcome())
        return shown, run or lanes, "\n".join(problems)

    async def restore(self, source: str, request: gr.Request) -> list[Any]:
        """The lanes of a comparison, named by its id, as they are shown, or those of a link. Of a sealed one there is
        only their number."""
        if kept := await self.stage.kept(source, viewer.of(request)):
            question, showing = kept
            if showing.sealed:
                return self._chosen([asking.usual(self.registry)[0]] * len(showing.order))
            return self._chosen([asking.settings_for(question.lanes[position].lane) for position in showing.order])
        return self._chosen(link.read(self.registry, source)[0])

    async def show(self, run: str, request: gr.Request) -> tuple[Any, ...]:
        """The question, the rating bar, and what may be done next."""
        kept = await self.stage.kept(run, viewer.of(request))
        if kept is None:
            hidden = gr.Checkbox(visible=False, value=False), gr.Button(visible=False)
            return None, None, *hidden, gr.skip(), None, None, None
        question, showing = kept
        asked = [question.lanes[position].lane for position in showing.order]
        info = again.FIRST_RATE if showing.sealed else asking.going_back(self.registry, asked)
        return (
            *self.stage.around(*kept),
            gr.Checkbox(visible=True, interactive=not showing.sealed, info=info),
            gr.Button(visible=self.recorder.live(run) is not None),
            self.recorder.problem or gr.skip(),
            sending.shown(question, self.recorder),
            single.offered(question),
            difference.shown(showing),
        )


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

    box = composer.build()
    notice = Drawn("notice", elem_id="notice")
    with gr.Column(elem_id="shown"):
        question = Drawn("question", elem_id="question")
        Drawn("raw", needs=("ask", "sheet"), elem_id="raw")  # opened by the lanes' cards
        with gr.Row(elem_id="bars"):
            controls = Drawn("player", elem_id="player")
            bar = presets.build()
            share = Drawn("share", needs=("sheet",), elem_id="share")
        count = Drawn("places", len(start), elem_id="places")
        with gr.Row(elem_id="lanes", equal_height=True):
            for index in range(asking.MOST):
                chosen = start[index] if index < len(start) else None
                does.slots.append(lane.build(registry, index, chosen))
        lane.offer(registry, discovery, does.slots)
        with gr.Row(elem_id="below"):
            apart = Drawn("difference", elem_id="difference")
            sends = sending.build(store, recorder, run)
        rating = Drawn("rating", needs=["attention", "outbox"], elem_id="rating")
    stage = does.stage = Stage(store, recorder, question, [slot.place for slot in does.slots], rating)

    fields = [field for slot in does.slots for field in slot.fields]
    lanes = [count, *lane.filled(does.slots)]
    around = [question, rating, box.follow, box.stop, notice, sends, share, apart]
    asked = [box.prompt, box.system, box.sizes, box.follow, run, count, *box.plan, *box.tools.fields, *fields]

    Differences(stage, apart).wire(run)
    player = Player(stage, controls)
    shown = stage.wire(run, watched, does.show, around, ADDRESS, [player.wire(page, run)])
    shown.success(player.offer, run, controls, **PRIVATE)
    source.change(does.restore, source, lanes, **PRIVATE).then(None, js=ARRIVED, **PRIVATE)
    stage.revealed.change(does.restore, run, lanes, **PRIVATE)
    lined_up = presets.Handlers(registry, store, does.line_up)
    presets.wire(page, bar, lined_up, [count, *fields], notice, [run, *lanes])

    asks_again = again.Handlers(registry, store, recorder)
    box.prompt.submit(does.compare, asked, [run, notice, box.prompt, *box.panels], **PRIVATE)
    box.stop.click(does.stop, run, None, **PRIVATE)
    added = box.add.click(does.add, [count, *fields], lanes, **PRIVATE)
    added.success(None, js=AT_THE_LAST, **PRIVATE)
    for index, slot in enumerate(does.slots):
        slot.card.duplicate(partial(does.duplicate, index), [count, *fields], [run, *lanes], **PRIVATE)
        slot.card.again(asks_again.again(index), [run, count, *fields], [run, notice], **PRIVATE)
        slot.card.remove(partial(does.remove, index), [count, *fields], [run, *lanes], **PRIVATE)
    # the lanes of a follow-up are those of the comparison: show them, whatever was chosen since
    box.follow.select(does.restore, run, lanes, **PRIVATE)
    weighing = {"fn": does.weigh, "inputs": asked, "outputs": lane.weighed_parts(does.slots)}
    changes = [*box.changes, *(event for slot in does.slots for event in slot.changes)]
    gr.on(changes, **weighing, trigger_mode="always_last", **PRIVATE)
    for chosen in box.chosen:
        chosen.success(**weighing, **PRIVATE)
    arrived = page.load(does.arrive, None, [run, source, notice], **PRIVATE)
    arrived.then(None, source, None, js=f"(source) => source || ({ARRIVED})()", **PRIVATE)
    return Compare(run, source)
