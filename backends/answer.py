"""The one fold: events become an `Answer`. The live view, the saved row, the replay and the export all use it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from backends.events import (
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Reported,
    Sent,
    Stamped,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backends.prompt import AssistantTurn, ToolCall


class State(StrEnum):
    WAITING = "waiting"
    THINKING = "thinking"
    CALLING = "calling a tool"
    ANSWERING = "answering"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds since the lane started, None until it happened.

    `sent`: the request left; `first_reasoning`, `last_reasoning`, `first_text`: deltas of that kind; `first`, `last`:
    deltas of any kind; `end`: the finish or the failure.
    """

    sent: int | None = None
    first_reasoning: int | None = None
    last_reasoning: int | None = None
    first_text: int | None = None
    first: int | None = None
    last: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a lane's events amount to so far. `pieces` counts the deltas: near the token count, but not it."""

    state: State = State.WAITING
    reasoning: str = ""
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    model: str = ""
    server: str = ""
    request: str = ""
    finish_reason: str = ""
    failure: Failed | None = None
    times: Times = Times()
    pieces: int = 0

    @property
    def turn(self) -> AssistantTurn:
        """The answer as a turn of a transcript; reasoning without an answer is dropped."""
        return AssistantTurn(self.text, self.reasoning if self.text or self.calls else "", self.calls)


class _Text:
    """Text that grows by pieces: appending is O(piece), reading joins only what is new."""

    __slots__ = ("_pieces", "_whole")

    def __init__(self) -> None:
        self._whole = ""
        self._pieces: list[str] = []

    def append(self, piece: str) -> None:
        self._pieces.append(piece)

    def __str__(self) -> str:
        if self._pieces:
            self._whole += "".join(self._pieces)
            self._pieces.clear()
        return self._whole


class Fold:
    """Folds stamped events one by one; `answer()` is cheap enough to ask for at every frame."""

    def __init__(self) -> None:
        self._state = State.WAITING
        self._reasoning, self._text = _Text(), _Text()
        self._calls: dict[int, tuple[list[str], _Text]] = {}
        self._usage = Usage()
        self._reported = Reported("")
        self._request = self._finish_reason = ""
        self._failure: Failed | None = None
        self._pieces = 0
        self._sent: int | None = None
        self._first_reasoning: int | None = None
        self._last_reasoning: int | None = None
        self._first_text: int | None = None
        self._first: int | None = None
        self._last: int | None = None
        self._end: int | None = None
        self._answer: Answer | None = None

    def add(self, at: int, event: Event) -> None:
        self._answer = None
        match event:
            case TextDelta(text):
                self._text.append(text)
                if self._first_text is None:
                    self._first_text = at
                self._delta(at, State.ANSWERING)
            case ReasoningDelta(text):
                self._reasoning.append(text)
                if self._first_reasoning is None:
                    self._first_reasoning = at
                self._last_reasoning = at
                self._delta(at, State.THINKING)
            case ToolCallDelta(index, id_, name, arguments):
                head, body = self._calls.setdefault(index, (["", ""], _Text()))
                head[0], head[1] = head[0] or id_, head[1] or name
                body.append(arguments)
                self._delta(at, State.CALLING)
            case Usage():
                self._usage = Usage(*(new if new is not None else old for new, old in _pairs(event, self._usage)))
            case Reported(model, server):
                self._reported = Reported(model or self._reported.model, server or self._reported.server)
            case Sent(request):
                self._request, self._sent = request, at
            case Finished(reason):
                self._state, self._finish_reason, self._end = State.DONE, reason, at
            case Failed(kind):
                ended = {"stopped": State.STOPPED, "interrupted": State.INTERRUPTED}
                self._state, self._failure, self._end = ended.get(kind, State.FAILED), event, at
            case _:
                assert_never(event)

    def _delta(self, at: int, state: State) -> None:
        self._pieces += 1
        self._last = at
        if self._first is None:
            self._first = at
        if self._end is None:
            self._state = state

    def answer(self) -> Answer:
        """The same object until something is added."""
        if self._answer is None:
            self._answer = self._made()
        return self._answer

    def _made(self) -> Answer:
        return Answer(
            state=self._state,
            reasoning=str(self._reasoning),
            text=str(self._text),
            calls=tuple(ToolCall(head[0], head[1], str(body)) for _, (head, body) in sorted(self._calls.items())),
            usage=self._usage,
            model=self._reported.model,
            server=self._reported.server,
            request=self._request,
            finish_reason=self._finish_reason,
            failure=self._failure,
            times=Times(
                self._sent,
                self._first_reasoning,
                self._last_reasoning,
                self._first_text,
                self._first,
                self._last,
                self._end,
            ),
            pieces=self._pieces,
        )


def _pairs(new: Usage, old: Usage) -> Iterable[tuple[int | None, int | None]]:
    return (
        (new.prompt, old.prompt),
        (new.completion, old.completion),
        (new.reasoning, old.reasoning),
        (new.cached, old.cached),
    )


def fold(recording: Iterable[Stamped]) -> Answer:
    folding = Fold()
    for stamped in recording:
        folding.add(stamped.at, stamped.event)
    return folding.answer()
