"""What a viewer may see now of the answers of a sealed comparison: what they say, and nothing else that tells them
apart.

At an equal pace only the characters of the answers' text count, from one common start. No place is ever ahead of what
the slowest unfinished lane has, so that a stall stops all of them. How a lane ended, its calls, and its reasoning where
all show theirs, come when every lane is over and every text is whole.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from backends.answer import Answer, Round, State
from backends.events import Failed
from backends.names import Masking, Names, in_play
from backends.schedule import Schedule
from storage.comparison import Question
from storage.plan import Pace, Traces
from storage.showing import Showing
from ui.cards import LIVE

RATE = 200  # characters a second at an equal pace: faster than one reads, slower than most lanes

OURS = ("stopped", "interrupted")  # failures whose message is our own, the same for every backend
FAILED = Failed("", "This lane failed. What had arrived is kept.")


class Curtain:
    """Hangs before the answers of one sealed showing, as long as somebody watches them.

    `pace` is the one that it keeps; `open`: all has been seen; `behind`: more may be seen in a moment, whatever the
    lanes do.
    """

    def __init__(self, question: Question, showing: Showing) -> None:
        self._lanes, self._prompt = tuple(each.lane for each in question.lanes), question.prompt
        self.pace, self._traces = showing.presentation.pace, showing.presentation.traces
        if self._traces is Traces.HIDDEN and not showing.hides_reasoning:
            self._traces = Traces.SHOWN  # the answers are rated: the reasoning is next
        if question.plan.schedule is Schedule.SEQUENTIAL:  # who asked knows whose turn comes first
            self.pace = Pace.EVEN if self.pace is Pace.LIVE else self.pace
            self._traces = Traces.SHOWN if self._traces is Traces.LIVE else self._traces
        self._unrolled = 0.0
        self._names, self._maskings = Names(()), dict[tuple[int, int, str], Masking]()
        self.open = self.behind = False

    @property
    def waiting(self) -> str:
        """What is said in a place that shows nothing yet."""
        return "shown when all are done" if self.pace is Pace.TOGETHER else str(State.WAITING)

    def seen(self, answers: Sequence[Answer], passed: float = math.inf) -> tuple[Answer, ...]:
        """What is left of the answers, `passed` seconds after the last look, in the order given."""
        names = in_play(self._lanes, self._prompt, tuple(dict.fromkeys(each.model for each in answers)))
        if names is not self._names:
            self._names, self._maskings = names, {}
        beginnings = self._beginnings(answers, passed) if self.pace is Pace.EVEN else [""] * len(answers)
        self.open = not self.behind and not any(each.state in LIVE for each in answers)
        reasoned = self._traces is Traces.LIVE or (self.open and self._traces is Traces.SHOWN)
        if self.open or self.pace is Pace.LIVE:
            return tuple(self._bare(place, each, reasoned) for place, each in enumerate(answers))
        state = State.ANSWERING if any(beginnings) else State.WAITING
        thoughts = [self._bare(place, each, True).reasoning if reasoned else "" for place, each in enumerate(answers)]
        shown = [
            Answer(state, (Round(reasoning=thought, text=text),))
            for thought, text in zip(thoughts, beginnings, strict=True)
        ]
        asking = [self._asks(each) for each in answers]
        if not all(asks or each.state not in LIVE for asks, each in zip(asking, answers, strict=True)):
            return tuple(shown)
        # nobody else is still at work, and these would wait for ever
        return tuple(
            _calling(self._bare(place, answers[place], reasoned), there.text) if asks else there
            for place, (asks, there) in enumerate(zip(asking, shown, strict=True))
        )

    def _beginnings(self, answers: Sequence[Answer], passed: float) -> list[str]:
        """As much of the texts as the equal pace has come to."""
        texts = [self._masked(place, -1, "", each.text, each.state not in LIVE) for place, each in enumerate(answers)]
        least = min(
            (len(text) for text, each in zip(texts, answers, strict=True) if each.state in LIVE), default=math.inf
        )
        most = min(least, max(map(len, texts)))
        self._unrolled = min(self._unrolled + RATE * passed, most)
        self.behind = self._unrolled < most
        return [text[: int(self._unrolled)] for text in texts]

    def _asks(self, answer: Answer) -> bool:
        """Does the lane wait for a person's result of its calls?"""
        return (
            self._prompt.toolbox.by_hand
            and answer.state in LIVE
            and bool(answer.finish_reason)
            and len(answer.results) < len(answer.calls)
        )

    def _masked(self, place: int, number: int, kind: str, text: str, whole: bool) -> str:
        """A text of this place, which may have grown since the last look."""
        masking = self._maskings.setdefault((place, number, kind), Masking(self._names))
        return masking.masked(text, whole)

    def _bare(self, place: int, answer: Answer, reasoned: bool) -> Answer:
        """Its words without names, and how it ended: no figures, no server, nothing by which a lane thinks or fails."""
        whole, masked = answer.state not in LIVE, self._names.masked
        rounds = tuple(
            Round(
                reasoning=self._masked(place, number, "reasoning", each.reasoning, whole) if reasoned else "",
                text=self._masked(place, number, "text", each.text, whole),
                calls=tuple(
                    replace(call, id="", name=masked(call.name), arguments=masked(call.arguments, whole))
                    for call in each.calls
                ),
                results=tuple(replace(result, content=masked(result.content)) for result in each.results),
                finish_reason=each.finish_reason and ("length" if each.finish_reason == "length" else "stop"),
            )
            for number, each in enumerate(answer.rounds)
        )
        state, failure = answer.state, answer.failure
        if state is State.THINKING and not reasoned:
            state = State.ANSWERING if any(each.text or each.calls for each in rounds) else State.WAITING
        return Answer(state, rounds, failure=failure if failure is None or failure.kind in OURS else FAILED)


def text(question: Question, showing: Showing, answers: Sequence[Answer], place: int) -> str | None:
    """The answer's text as it may be copied; None as long as its pace withholds it."""
    curtain = Curtain(question, showing)
    shown = curtain.seen(answers)[place].text
    return shown if curtain.open or curtain.pace is Pace.LIVE else None


def _calling(bare: Answer, text: str) -> Answer:
    """With all of its calls, and of its text only this."""
    first, *rest = (replace(each, text="") for each in bare.rounds)
    return replace(bare, rounds=(replace(first, text=text), *rest))
