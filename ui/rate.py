"""The rating page: stored comparisons, one after another, blind, for those who did not make them.

It is a page of its own, so that an evaluator's browser never learns which backends there are.
"""

from typing import Any

import gradio as gr

from storage.comparison import Question
from storage.errors import RatingError, StorageError
from storage.queue import FAR
from storage.ratings import named
from storage.recorder import Recorder
from storage.showing import Showing, Step
from storage.store import Store
from ui import asking, cards, difference, keys, view, viewer
from ui.access import account
from ui.component import PRIVATE, AnswerText, Drawn
from ui.difference import Differences
from ui.lane import LATEX
from ui.stage import Place, Stage

# the keyboard goes to the answers, where the rating bar's keys work; a narrow window begins with the first one
AT_THE_ANSWERS = """(run) => {
  document.activeElement?.blur(); document.querySelector('.places button')?.click(); scrollTo({ top: 0 }); return run;
}"""


class Handlers:
    """What the page does, named for the evaluator's acts."""

    def __init__(self, store: Store, stage: Stage) -> None:
        self.store, self.stage = store, stage

    async def arrive(self, request: gr.Request) -> tuple[str, dict[str, Any]]:
        """The one comparison that the address names (`?run=`), blind for whom it can be; without one, the queue may be
        asked."""
        run = request.query_params.get("run", "")
        if not run:
            return "", {"state": "ready"}
        showing = await self.store.show(run, viewer.of(request), blind=True)
        if showing is None:
            return "", {"state": "problem", "text": "The comparison of this link is not kept here."}
        if not showing.presentation.blind:
            said = (
                "Which lanes these answers come from was never hidden from you, so there is nothing to judge blindly."
            )
            return "", {"state": "problem", "text": said, "run": run}
        return run, {"state": "single", "runs": [run]}

    async def serve(self, event: gr.EventData, request: gr.Request) -> list[Any]:
        """The next comparison for who asks, all in one answer: it is to be there at once."""
        sent = event._data if isinstance(event._data, dict) else {}
        who, after = viewer.of(request), str(sent.get("after", ""))
        try:
            evaluator = account(request).name or named(asking.clean(str(sent.get("evaluator") or "")))
            left = await self.store.show(after, who) if after else None
            if left and left.step is Step.REASONING:  # who goes on leaves it unjudged, and finds the names later
                await self.store.reveal(after, who, "rating")
            run = await self.store.next_item(who, evaluator, after) or ""
            head = await self._head(run, evaluator, who)
            kept = await self.stage.kept(run, who)
            parts = await self.stage.stored(*kept) if kept else self._idle()
        except (RatingError, StorageError) as error:
            return ["", "", {"state": "problem", "text": str(error)}, *self._around(None), *self._idle()]
        return [run, evaluator, head, *self._around(kept), *parts]

    async def show(self, run: str, request: gr.Request) -> list[Any]:
        """What is around the answers."""
        return self._around(await self.stage.kept(run, viewer.of(request)))

    async def prepare(self, run: str, evaluator: str, request: gr.Request) -> dict[str, Any]:
        """How far the evaluator is; and the comparison after this one, kept for them, whose images can come already."""
        who, evaluator = viewer.of(request), account(request).name or evaluator
        if not evaluator:
            return {"state": "single", "runs": [run]} if run else gr.skip()
        ahead = await self.store.next_item(who, evaluator, after=run) if run else None
        kept = await self.stage.kept(ahead or "", who)
        images = [image["src"] for image in view.question(kept[0])["images"]] if kept else []
        return {
            **await self._head(run, evaluator, who),
            "runs": [each for each in (run, ahead) if each],
            "images": images,
        }

    async def _head(self, run: str, evaluator: str, who: str) -> dict[str, Any]:
        progress = await self.store.progress(who, evaluator)
        return {
            "state": "item" if run else "empty",
            "runs": [run],
            "evaluator": evaluator,
            "rated": progress.rated,
            "left": progress.left,
            "far": progress.left >= FAR,
            "complete": progress.complete,
            "total": progress.total,
        }

    def _around(self, kept: tuple[Question, Showing] | None) -> list[Any]:
        places = range(len(self.stage.places))
        if kept is None:
            return [None] * 5 + [gr.update(visible=False) for _ in places]
        question, showing = kept
        shown = len(showing.order)
        return [
            *self.stage.around(question, showing),
            shown,
            # `rated`: it may go on; `over`: nothing more is asked either
            {"run": question.id, "rated": showing.step is not Step.ANSWERS, "over": showing.step is Step.OPEN},
            difference.shown(showing),
            *(gr.update(visible=place < shown) for place in places),
        ]

    def _idle(self) -> list[Any]:
        return [part for _ in self.stage.places for part in (cards.idle(), "")]


def build(store: Store, recorder: Recorder) -> gr.Blocks:
    with gr.Blocks(title="Rate · Lanewise", fill_width=True, analytics_enabled=False) as page:
        run, watched, evaluator = (gr.Textbox(visible="hidden") for _ in range(3))
        head = Drawn("queue", elem_id="queue")
        keys.build(keys.RATE)
        question = Drawn("question", elem_id="question")
        count = Drawn("places", elem_id="places")
        columns, places = [], []
        with gr.Row(elem_id="lanes", equal_height=True):
            for letter in view.LETTERS:
                with (
                    gr.Column(visible=False, min_width=280, elem_id=f"lane-{letter}", elem_classes="lane") as column,
                    gr.Column(min_width=0, elem_classes="said"),
                ):
                    gr.HTML(f"<h2 class='letter'>Answer {letter}</h2>")
                    card = Drawn("lane", cards.idle(), elem_id=f"card-{letter}")
                    answer = AnswerText(elem_id=f"answer-{letter}", elem_classes="answer", latex_delimiters=LATEX)
                columns.append(column)
                places.append(Place(card, answer))
        apart = Drawn("difference", elem_id="difference")
        rating = Drawn("rating", needs=["attention", "outbox"], elem_id="rating")
        onward = Drawn("onward", elem_id="onward")

        stage = Stage(store, recorder, question, places, rating)
        does = Handlers(store, stage)
        around = [question, rating, count, onward, apart, *columns]
        Differences(stage, apart).wire(run)
        shown = stage.wire(run, watched, does.show, around, AT_THE_ANSWERS)
        shown.success(does.prepare, [run, evaluator], head, **PRIVATE)
        served = [run, evaluator, head, *around, *stage.parts]
        for asks in (head, onward):  # who rates fast asks for the next while Gradio still ends the last
            asks.serve(does.serve, None, served, trigger_mode="multiple", **PRIVATE)
        page.load(does.arrive, None, [run, head], **PRIVATE)
    return page
