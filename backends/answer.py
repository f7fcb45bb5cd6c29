"""The one fold: events become an `Answer`. The live view, the saved row, the replay and the export all use it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from backends.events import (
    Continued,
    Event,
    Failed,
    Finished,
    Measured,
    Progress,
    ReasoningDelta,
    Reported,
    Sent,
    Stamped,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
    Waited,
    Warmed,
)
from backends.prompt import AssistantTurn, ToolCall, ToolTurn, Turn


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
class Round:
    """One request of a lane and what came back. A lane whose tool calls were answered has several."""

    request: str = ""
    reasoning: str = ""
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    usage: Usage = Usage()
    measured: str = ""
    finish_reason: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a lane's events amount to so far: always at least one round.

    `pieces` counts the deltas: near the token count, but not it. `waited` are seconds, as the server had asked.
    """

    state: State = State.WAITING
    rounds: tuple[Round, ...] = (Round(),)
    model: str = ""
    server: str = ""
    failure: Failed | None = None
    times: Times = Times()
    pieces: int = 0
    progress: Progress | None = None
    waited: float = 0.0
    warmed: Warmed | None = None

    @property
    def reasoning(self) -> str:
        return _joined(each.reasoning for each in self.rounds)

    @property
    def text(self) -> str:
        return _joined(each.text for each in self.rounds)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple(call for each in self.rounds for call in each.calls)

    @property
    def results(self) -> dict[int, ToolResult]:
        """By the place of their call in `calls`."""
        return {result.index: result for each in self.rounds for result in each.results}

    @property
    def usage(self) -> Usage:
        """The sum over all requests; None where a server told nothing."""
        told = [tuple(_counts(each.usage)) for each in self.rounds]
        return Usage(
            *(
                sum(map(int, filter(None, counts))) if any(c is not None for c in counts) else None
                for counts in zip(*told, strict=True)
            )
        )

    @property
    def request(self) -> str:
        """The body of each request, one a line."""
        return "\n".join(each.request for each in self.rounds)

    @property
    def finish_reason(self) -> str:
        return self.rounds[-1].finish_reason

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The answer as turns of a transcript; reasoning without an answer is dropped."""
        turns: list[Turn] = []
        first = 0
        for each in self.rounds:
            said = each.text or each.calls
            calls = _told_apart(each.calls)
            turns.append(AssistantTurn(each.text, each.reasoning if said else "", calls))
            for result in sorted(each.results, key=lambda result: result.index):  # some templates go by the order
                call = calls[result.index - first]
                turns.append(ToolTurn(call.id, call.name, result.content))
            first += len(each.calls)
        return tuple(turns)


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def _told_apart(calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    """The calls of one request, each with an id of its own: some servers send none, or the same twice."""
    apart: dict[str, ToolCall] = {}
    for place, call in enumerate(calls):
        id_ = call.id
        while not id_ or id_ in apart:
            id_ = f"{id_ or 'call'}_{place}"
        apart[id_] = replace(call, id=id_)
    return tuple(apart.values())


def _counts(usage: Usage) -> tuple[int | None, ...]:
    return (usage.prompt, usage.completion, usage.reasoning, usage.cached, usage.image)


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
            # Python lengthens a text in place where a single variable holds it: an attribute's is copied at every read
            whole, self._whole = self._whole, ""
            whole += "".join(self._pieces)
            self._whole = whole
            self._pieces.clear()
        return self._whole


class _Round:
    """A round that grows."""

    __slots__ = ("calls", "finish_reason", "measured", "reasoning", "request", "results", "text", "usage")

    def __init__(self, request: str = "") -> None:
        self.request = request
        self.reasoning, self.text = _Text(), _Text()
        self.calls: dict[int, tuple[list[str], _Text]] = {}
        self.results: list[ToolResult] = []
        self.usage = Usage()
        self.measured = self.finish_reason = ""

    def made(self) -> Round:
        return Round(
            request=self.request,
            reasoning=str(self.reasoning),
            text=str(self.text),
            calls=tuple(ToolCall(head[0], head[1], str(body)) for _, (head, body) in sorted(self.calls.items())),
            results=tuple(self.results),
            usage=self.usage,
            measured=self.measured,
            finish_reason=self.finish_reason,
        )


class Fold:
    """Folds stamped events one by one; `answer()` is cheap enough to ask for at every frame."""

    def __init__(self) -> None:
        self._state = State.WAITING
        self._over: list[Round] = []
        self._round = _Round()
        self._reported = Reported("")
        self._failure: Failed | None = None
        self._pieces = 0
        self._progress: Progress | None = None
        self._waited = 0.0
        self._warmed: Warmed | None = None
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
                self._round.text.append(text)
                if self._first_text is None:
                    self._first_text = at
                self._delta(at, State.ANSWERING)
            case ReasoningDelta(text):
                self._round.reasoning.append(text)
                if self._first_reasoning is None:
                    self._first_reasoning = at
                self._last_reasoning = at
                self._delta(at, State.THINKING)
            case ToolCallDelta(index, id_, name, arguments):
                head, body = self._round.calls.setdefault(index, (["", ""], _Text()))
                head[0], head[1] = head[0] or id_, head[1] or name
                body.append(arguments)
                self._delta(at, State.CALLING)
            case Finished(reason):
                self._state, self._round.finish_reason, self._end = State.DONE, reason, at
            case Failed(kind):
                ended = {"stopped": State.STOPPED, "interrupted": State.INTERRUPTED}
                self._state, self._failure, self._end = ended.get(kind, State.FAILED), event, at
            case _:
                self._note(at, event)

    def _note(
        self, at: int, event: Sent | Reported | Progress | ToolResult | Usage | Measured | Continued | Waited | Warmed
    ) -> None:
        """What comes a few times in a stream, not with every token."""
        match event:
            case Sent(request):
                if self._round.finish_reason and self._end is None:
                    self._over.append(self._round.made())
                    self._round = _Round()
                self._round.request = request
                if self._first is None:
                    self._sent = at
            case Usage():
                pairs = zip(_counts(event), _counts(self._round.usage), strict=True)
                self._round.usage = Usage(*(new if new is not None else old for new, old in pairs))
            case Reported(model, server):
                self._reported = Reported(model or self._reported.model, server or self._reported.server)
            case Measured(figures):
                self._round.measured = figures
            case Progress():
                self._progress = event
            case Continued(reason):
                self._round.finish_reason = reason
            case ToolResult():
                self._round.results.append(event)
            case Waited(seconds):
                self._waited += seconds
            case Warmed():
                self._warmed = event
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
            rounds=(*self._over, self._round.made()),
            model=self._reported.model,
            server=self._reported.server,
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
            progress=self._progress,
            waited=self._waited,
            warmed=self._warmed,
        )


def fold(recording: Iterable[Stamped]) -> Answer:
    folding = Fold()
    for stamped in recording:
        folding.add(stamped.at, stamped.event)
    return folding.answer()
