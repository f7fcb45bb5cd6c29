"""Shows one comparison to one viewer: the question, the answers as they come, the rating bar. It only views runs, which
live in tasks of their own and outlast any tab.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr

from backends.answer import Answer
from backends.replay import Replay
from backends.runner import Run
from storage.comparison import Question
from storage.errors import RatingError, StorageError
from storage.plan import Pace
from storage.ratings import MOVED_ON
from storage.recorder import Recorder
from storage.showing import Showing, Step
from storage.store import Store
from ui import access, asking, cards, rating, view, viewer
from ui.access import Account
from ui.cards import Fixed
from ui.component import PRIVATE, AnswerText, Drawn
from ui.presentation import Curtain
from ui.timing import ALONE, Beside, beside

FRAMES_A_SECOND = 10
FRAMES_A_FIGURE = 5
PATIENCE = 5.0  # seconds to wait for the database
ELSEWHERE = 1.0  # seconds between looks at what another app runs


@dataclass(frozen=True, slots=True)
class Place:
    """Where one answer is shown."""

    card: Drawn
    answer: AnswerText


@dataclass(frozen=True, slots=True)
class Frame:
    """What the page was sent: card and answer text of each place in turn, and what they show."""

    answers: tuple[Answer, ...] = ()
    parts: Sequence[Any] = ()
    around: Sequence[Beside] = ()


class Watching:
    """A page's act of watching one comparison, as long as it lasts."""


class Stage:
    """`places` are in the order shown; all that reaches the page of a comparison goes through its viewer's showing.

    Whatever sets `revealed` to the run that is shown and its new step shows it anew.
    """

    def __init__(
        self, store: Store, recorder: Recorder, question: Drawn, places: Sequence[Place], rating: Drawn
    ) -> None:
        self.store, self.recorder = store, recorder
        self.question, self.places, self.rating = question, tuple(places), rating
        self.revealed = gr.Textbox(visible="hidden")
        self._watching: WeakValueDictionary[str, Watching] = WeakValueDictionary()  # by page, the latest

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
        # not by `cancels`: what is watched while Gradio's page still cancels would be lost
        watching = watched.change(self.watch, watched, self.parts, trigger_mode="multiple", **PRIVATE)
        shown = watching.success(show, run, around, **PRIVATE)
        showing = run.change(show, run, around, cancels=[*playing], js=js, **PRIVATE)
        showing.success(None, run, watched, js="(run) => run", **PRIVATE)
        for index, place in enumerate(self.places):
            place.card.stop(self._stopping(index), run, None, **PRIVATE)
            place.card.give(self.give, None, None, **PRIVATE)
        # a mind that changes while its last rating is being stored is not to be lost
        self.rating.rate(self.rate, run, [self.rating, self.revealed], trigger_mode="multiple", **PRIVATE)
        self.rating.reveal(self.reveal, run, self.revealed, **PRIVATE)
        unsealed = self.revealed.change(show, run, around, **PRIVATE)
        unsealed.success(None, self.revealed, watched, js="(step) => step", **PRIVATE)
        return shown

    # showing

    async def kept(self, run: str, who: str) -> tuple[Question, Showing] | None:
        """The comparison and how this viewer sees it; None where there is none."""
        showing = await self.store.show(run, who) if run else None
        question = await self.store.question(run) if showing else None
        return (question, showing) if question and showing else None

    def around(self, question: Question, showing: Showing) -> tuple[Any, Any]:
        """What the question and the rating bar show."""
        return view.question(question) | {"sealed": showing.sealed}, self._bar(question, showing)

    def _bar(self, question: Question, showing: Showing) -> dict[str, Any]:
        waits = self._waits(question, showing)
        if showing.sealed and not self._answered(question):  # who has some may not be shown yet
            question = replace(question, reasoned=())
        return rating.bar(question, showing, self.store.rubric, waits=waits)

    def _waits(self, question: Question, showing: Showing) -> bool:
        """Are there answers that this viewer is not shown yet?"""
        together = showing.sealed and showing.presentation.pace is Pace.TOGETHER
        return together and not self._answered(question)

    def _answered(self, question: Question) -> bool:
        """Have all lanes come to their end, whichever app runs them?"""
        live = self.recorder.live(question.id)
        return live.answered if live else question.over

    async def watch(self, watched: str, request: gr.Request) -> AsyncIterator[Sequence[Any]]:
        """`_watch`, until the page watches something else: later frames would stand in the places of that."""
        page, mine = str(request.session_hash), Watching()
        self._watching[page] = mine
        async with aclosing(self._watch(watched, request)) as frames:
            async for parts in frames:
                if self._watching.get(page) is not mine:
                    return
                yield parts

    async def _watch(self, watched: str, request: gr.Request) -> AsyncGenerator[Sequence[Any], None]:
        """Frames of all lanes, while they change; last, what is stored of them."""
        run = watched.partition(" ")[0]
        kept = await self.kept(run, viewer.of(request))
        if kept is None:
            yield [
                cards.idle() if part is place.card else ""
                for place in self.places
                for part in (place.card, place.answer)
            ]
            return
        live = self.recorder.live(run)
        if live:
            async for parts in self.frames(*kept, live):
                yield parts
        with suppress(TimeoutError):
            await asyncio.wait_for(self.recorder.saved(run), PATIENCE)
            yield await self.stored(*kept)
        while kept and not live and not kept[0].over:  # another app runs it: what that has stored is seen here
            await asyncio.sleep(ELSEWHERE)
            if kept := await self.kept(run, viewer.of(request)):
                yield await self.stored(*kept)

    async def frames(self, question: Question, showing: Showing, source: Run | Replay) -> AsyncIterator[Sequence[Any]]:
        """What a run says as it comes, or its replay. This is the only function that knows how frames travel."""
        fixed = [cards.fixed(question, showing, place) for place in range(len(showing.order))]
        curtain = Curtain(question, showing) if showing.sealed else None
        seen, drawn, started = -1, Frame(), time.monotonic()
        for number in itertools.count():
            if not (curtain and curtain.behind):
                seen = await source.changed(seen)
            passed = min(time.monotonic() - started, 2 / FRAMES_A_SECOND)  # a stall is not made up for
            started, over = time.monotonic(), source.over
            # figures change with every token, but are read at a glance: as long as they stand, so does their card
            everything, before = source.answers(), drawn
            answers, around = _shown(showing, everything), beside(question, showing, everything)
            if curtain:
                answers = curtain.seen(answers, passed)
            drawn = self._frame(fixed, answers, around, before, curtain, figures=number % FRAMES_A_FIGURE == 0)
            if not curtain or drawn.parts != before.parts:  # how often a lane says something tells of it too
                yield drawn.parts
            behind = curtain is not None and curtain.behind
            if over and not behind:
                return
            with suppress(TimeoutError):  # the last frame does not wait
                rest = 1 / FRAMES_A_SECOND - (time.monotonic() - started)
                await (asyncio.sleep(rest) if behind else asyncio.wait_for(source.ended(), rest))

    async def stored(self, question: Question, showing: Showing) -> Sequence[Any]:
        """A last frame: what is kept of the answers, flags and all."""
        fixed = [cards.fixed(question, showing, place) for place in range(len(showing.order))]
        kept = await self.store.answered(question.id)
        answered = list(zip(fixed, _shown(showing, kept), strict=True))
        if showing.sealed:
            curtain = Curtain(question, showing)
            answers = curtain.seen([answer for _, (_, answer, _) in answered])
            return self._frame(fixed, answers, [ALONE] * len(fixed), Frame(), curtain).parts
        samples = zip(*await self.store.samples(question.id), strict=True) if question.plan.samples > 1 else ()
        around = beside(question, showing, [*(each.answer for each in kept), *itertools.chain(*samples)])
        parts = [
            (cards.shown(one, answer, flags, others), answer.text)
            for (one, (_, answer, flags)), others in zip(answered, around, strict=True)
        ]
        return [*itertools.chain(*parts), *[None] * (2 * (len(self.places) - len(parts)))]

    async def texts(self, run: str, who: str) -> list[str]:
        """What this viewer sees in each place: of lanes that are still answering, what they have said so far."""
        kept = await self.kept(run, who)
        if kept is None:
            return []
        question, showing = kept
        live = self.recorder.live(run)
        if live is None:
            return list((await self.stored(question, showing))[1::2][: len(showing.order)])
        answers = _shown(showing, live.answers())
        seen = Curtain(question, showing).seen(answers, 0) if showing.sealed else answers
        return [answer.text for answer in seen]

    def _frame(
        self,
        fixed: Sequence[Fixed],
        answers: tuple[Answer, ...],
        around: Sequence[Beside],
        earlier: Frame,
        curtain: Curtain | None,
        *,
        figures: bool = True,
    ) -> Frame:
        """What changed since the `earlier` frame is drawn anew; live lanes get new figures only with `figures`."""
        parts: list[Any] = [None] * (2 * len(self.places))
        for index, (one, answer, others) in enumerate(zip(fixed, answers, around, strict=True)):
            here, before = slice(2 * index, 2 * index + 2), earlier.parts[2 * index : 2 * index + 2]
            live = answer.state in cards.LIVE
            same = before and (answer, others) == (earlier.answers[index], earlier.around[index])
            if same and not (live and figures):
                parts[here] = before
                continue
            card = cards.sealed(one, answer, curtain.waiting) if curtain else cards.shown(one, answer, beside=others)
            if before and live and not figures and not answer.finish_reason:  # a lane may pause after a round
                card["figures"] = before[0]["figures"]
            parts[here] = card, answer.text
        return Frame(answers, parts, around)

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
        """Stores what the bar sent; the bar then shows what is stored, or why it was not. What it unseals is shown."""
        sent = event._data if isinstance(event._data, dict) else {}
        rated, who = str(sent.get("run")), viewer.of(request)
        try:
            await self._rate(rated, who, sent, access.account(request))
            said = "Saved."
        except (RatingError, StorageError) as error:
            said = f"Not saved: {error}"
        if rated != run or not (kept := await self.kept(run, who)):  # the page has moved on while this was stored
            return gr.skip(), gr.skip()
        question, showing = kept
        became = {"number": sent.get("number"), "said": said}  # which of the bar's acts this is about
        unsealed = sent.get("step", showing.step) != showing.step
        return self._bar(question, showing) | became, f"{run} {showing.step}" if unsealed else gr.skip()

    async def _rate(self, run: str, who: str, sent: dict[str, Any], account: Account) -> None:
        question, before = await self.kept(run, who) or (None, None)
        if before and sent.get("step", before.step) != before.step:
            raise RatingError(MOVED_ON)
        if question and before and self._waits(question, before):
            raise RatingError("The answers appear together, once all are done: rate them then.")
        early = question is not None and await self._early(question)
        judged = rating.judgement(sent, before.order if before else (), early)
        evaluator = asking.clean(str(sent.get("evaluator", "")))
        if account.name and evaluator not in ("", account.name):  # kept by this browser, from before another logged in
            raise RatingError(f"It was made by {evaluator}, and {account.name} is logged in: rate it again.")
        await self.store.rate(run, account.name or evaluator, judged, before)

    async def _early(self, question: Question) -> bool:
        """Is a lane still answering? What has just ended is stored first: its reasoning may be judged next."""
        live = self.recorder.live(question.id)
        if live is None or not live.over:
            return not self._answered(question)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.recorder.saved(question.id), PATIENCE)
        return False

    async def reveal(self, run: str, request: gr.Request) -> str:
        """Ends blindness without a rating."""
        await self.store.reveal(run, viewer.of(request), "choice")
        return f"{run} {Step.OPEN}"


def _shown(showing: Showing, each: Sequence[Any]) -> tuple[Any, ...]:
    """What there is of every lane, as this viewer sees the lanes."""
    return tuple(each[position] for position in showing.order)
