"""Shows one comparison to one viewer: the question, the answers as they come, the rating bar. It only views runs, which
live in tasks of their own and outlast any tab.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr

from backends.answer import Answer
from backends.replay import Replay
from backends.runner import Run
from storage.comparison import Question
from storage.errors import RatingError, StorageError
from storage.recorder import Recorder
from storage.showing import Showing
from storage.store import Store
from ui import asking, cards, view, viewer
from ui.cards import Fixed
from ui.component import PRIVATE, AnswerText, Drawn

FRAMES_A_SECOND = 10
FRAMES_A_FIGURE = 5
PATIENCE = 5.0  # seconds to wait for the database
ANEW = " revealed"  # after a run that is watched: the same one, from the beginning

TAGS = ("correct", "wrong", "incomplete", "too long", "clear", "bad format", "ignored the image", "refusal")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one answer is shown."""

    card: Drawn
    answer: AnswerText


@dataclass(frozen=True, slots=True)
class Frame:
    """What the page was sent: card and answer text of each place in turn, and the answers they show."""

    answers: tuple[Answer, ...] = ()
    parts: Sequence[Any] = ()


class Stage:
    """`places` are in the order shown; all that reaches the page of a comparison goes through its viewer's showing.

    Whatever sets `revealed` to the run that is shown, once its showing is no longer sealed, shows it anew.
    """

    def __init__(
        self, store: Store, recorder: Recorder, question: Drawn, places: Sequence[Place], rating: Drawn
    ) -> None:
        self.store, self.recorder = store, recorder
        self.question, self.places, self.rating = question, tuple(places), rating
        self.revealed = gr.Textbox(visible="hidden")

    @property
    def parts(self) -> list[Any]:
        """What `watch` updates."""
        return [part for place in self.places for part in (place.card, place.answer)]

    def wire(
        self,
        run: gr.Textbox,
        watched: gr.Textbox,
        show: Callable[..., Any],
        around: list[Any],
        js: str,
        playing: Sequence[Any] = (),
    ) -> Any:
        """Whatever sets `run` shows that comparison: `show` fills what is `around` its answers, which ends what else
        was `playing` in their places. The event after which all of it is shown."""
        watching = watched.change(self.watch, watched, self.parts, **PRIVATE)
        shown = watching.success(show, run, around, **PRIVATE)
        # watching another comparison starts only once the old one is no longer watched: its frames would come late
        showing = run.change(show, run, around, cancels=[watching, *playing], js=js, **PRIVATE)
        showing.success(None, run, watched, js="(run) => run", **PRIVATE)
        for index, place in enumerate(self.places):
            place.card.stop(self._stopping(index), run, None, **PRIVATE)
            place.card.give(self.give, None, None, **PRIVATE)
        self.rating.rate(self.rate, run, [self.rating, self.revealed], **PRIVATE)
        self.rating.reveal(self.reveal, run, self.revealed, **PRIVATE)
        unsealed = self.revealed.change(show, self.revealed, around, cancels=[watching], **PRIVATE)
        unsealed.success(None, self.revealed, watched, js=f"(run) => run + '{ANEW}'", **PRIVATE)
        return shown

    # showing

    async def kept(self, run: str, who: str) -> tuple[Question, Showing] | None:
        """The comparison and how this viewer sees it; None where there is none."""
        showing = await self.store.show(run, who) if run else None
        question = await self.store.question(run) if showing else None
        return (question, showing) if question and showing else None

    def around(self, question: Question, showing: Showing, said: str = "") -> tuple[Any, Any]:
        """What the question and the rating bar show."""
        return view.question(question), view.rating_bar(question, showing, TAGS, said)

    async def watch(self, watched: str, request: gr.Request) -> AsyncIterator[Sequence[Any]]:
        """Frames of all lanes, while they change; last, what is stored of them."""
        run = watched.removesuffix(ANEW)
        kept = await self.kept(run, viewer.of(request))
        if kept is None:
            yield [
                cards.idle() if part is place.card else ""
                for place in self.places
                for part in (place.card, place.answer)
            ]
            return
        if live := self.recorder.live(run):
            async for parts in self.frames(*kept, live):
                yield parts
        with suppress(TimeoutError):
            await asyncio.wait_for(self.recorder.saved(run), PATIENCE)
            yield await self.stored(*kept)

    async def frames(self, question: Question, showing: Showing, source: Run | Replay) -> AsyncIterator[Sequence[Any]]:
        """What a run says as it comes, or its replay. This is the only function that knows how frames travel."""
        fixed = [cards.fixed(question, showing, place) for place in range(len(showing.order))]
        seen, drawn = -1, Frame()
        for number in itertools.count():
            seen = await source.changed(seen)
            started, over = time.monotonic(), source.over
            # figures change with every token, but are read at a glance: as long as they stand, so does their card
            answers = _shown(showing, source.answers())
            drawn = self._frame(fixed, answers, drawn, figures=number % FRAMES_A_FIGURE == 0)
            yield drawn.parts
            if over:
                return
            with suppress(TimeoutError):  # the last frame does not wait
                await asyncio.wait_for(source.ended(), 1 / FRAMES_A_SECOND - (time.monotonic() - started))

    async def stored(self, question: Question, showing: Showing) -> Sequence[Any]:
        """A last frame: what is kept of the answers, flags and all."""
        fixed = [cards.fixed(question, showing, place) for place in range(len(showing.order))]
        answered = zip(fixed, _shown(showing, await self.store.answered(question.id)), strict=True)
        parts = [(cards.shown(one, answer, flags), answer.text) for one, (_, answer, flags) in answered]
        return [*itertools.chain(*parts), *[None] * (2 * (len(self.places) - len(parts)))]

    def _frame(self, fixed: Sequence[Fixed], answers: tuple[Answer, ...], earlier: Frame, *, figures: bool) -> Frame:
        """What changed since the `earlier` frame is drawn anew; live lanes get new figures only with `figures`."""
        parts: list[Any] = [None] * (2 * len(self.places))
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

    # acting on it

    def _stopping(self, index: int) -> Callable[..., Any]:
        async def stop(run: str, request: gr.Request) -> None:
            if showing := await self.store.show(run, viewer.of(request)):
                self.recorder.stop(run, showing.order[index])

        return stop

    async def give(self, event: gr.EventData, request: gr.Request) -> None:
        """A person's result of a tool call; the same call of other lanes gets it too."""
        match event._data:
            case {"key": str() as key, "call": int() as call, "content": str() as content}:
                run, _, index = key.partition("/")
                if showing := await self.store.show(run, viewer.of(request)):
                    self.recorder.give(run, showing.order[int(index)], call, asking.clean(content))

    async def rate(self, run: str, event: gr.EventData, request: gr.Request) -> Any:
        """Stores what the bar sent; the bar then shows what is stored, or why it was not. A rating ends blindness."""
        sent = event._data if isinstance(event._data, dict) else {}
        who, revealed = viewer.of(request), gr.skip()
        try:
            showing = await self.store.show(str(sent.get("run")), who)
            await self.store.rate(
                str(sent.get("run")),
                asking.clean(str(sent.get("evaluator", ""))),
                _positions(showing, sent.get("ranking")),
                all_bad=bool(sent.get("all_bad")),
                tags=[asking.clean(str(tag)) for tag in sent.get("tags") or []],
                comment=asking.clean(str(sent.get("comment", ""))),
            )
            if showing and showing.sealed:
                await self.store.reveal(showing.comparison_id, who, "rating")
                revealed = run
            said = "Saved."
        except (RatingError, StorageError) as error:
            said = f"Not saved: {error}"
        if sent.get("run") != run:  # the page has moved on while this was stored
            return gr.skip(), gr.skip()
        kept = await self.kept(run, who)
        return kept and view.rating_bar(*kept, TAGS, said), revealed

    async def reveal(self, run: str, request: gr.Request) -> str:
        """Ends blindness without a rating."""
        await self.store.reveal(run, viewer.of(request), "choice")
        return run


def _shown(showing: Showing, each: Sequence[Any]) -> tuple[Any, ...]:
    """What there is of every lane, as this viewer sees the lanes."""
    return tuple(each[position] for position in showing.order)


def _positions(showing: Showing | None, ranking: Any) -> Any:
    """A ranking of places as one of positions; what is no ranking stays as it came, to be refused."""
    if showing is None or not isinstance(ranking, list):
        return ranking or []
    known = dict(enumerate(showing.order))
    return [
        [known.get(each, -1) if type(each) is int else each for each in group] if isinstance(group, list) else group
        for group in ranking
    ]
