"""Goes on where a lane calls tools: results are found for its calls, and it is asked again with them.

Equal calls get equal results, in every lane and round of a run, so that the lanes stay comparable.
"""

import asyncio
from collections.abc import AsyncGenerator, Hashable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from backends import builtin
from backends.answer import Answer, Fold
from backends.arguments import parsed
from backends.errors import BackendError
from backends.events import Continued, Event, Finished, ToolCallDelta, ToolResult
from backends.flags import CUT
from backends.kind import Stream
from backends.lane import Lane
from backends.prompt import Prompt, Toolbox, ToolCall

MOST = 10  # rounds, whatever the toolbox says
LONGEST = 600.0  # seconds that a call waits for a person


class Results:
    """What the tool calls of one run are answered: canned, by a built-in tool or by hand, in this order."""

    def __init__(self, toolbox: Toolbox, longest: float = LONGEST) -> None:
        self.rounds = min(toolbox.rounds, MOST)
        self._toolbox, self._longest = toolbox, longest
        self._canned = {  # reversed: of two that say the same, the first counts
            (canned.name, None if canned.arguments is None else _frozen(canned.arguments)): canned.content
            for canned in reversed(toolbox.canned)
        }
        self._built_in: dict[Hashable, asyncio.Task[str | None]] = {}
        self._by_hand: dict[Hashable, asyncio.Future[str]] = {}

    async def of(self, call: ToolCall) -> tuple[str, str] | None:
        """The result and its source; None where there is none, or no person gave one in time."""
        key = _key(call)
        canned = self._canned.get(key, self._canned.get((call.name, None)))
        if canned is not None:
            return canned, "canned"
        if self._toolbox.built_in:
            if key not in self._built_in:
                self._built_in[key] = asyncio.create_task(asyncio.to_thread(builtin.answer, call))
            # shielded, as below: a lane that is stopped takes nothing from the others
            result = await asyncio.shield(self._built_in[key])
            if result is not None:
                return result, "built-in"
        if self._toolbox.by_hand:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._longest):
                    return await asyncio.shield(self._given(key)), "by hand"
        return None

    def give(self, call: ToolCall, content: str) -> None:
        """Answers, by hand, all calls like this one, waiting or yet to come; what was given first stays."""
        given = self._given(_key(call))
        if not given.done():
            given.set_result(content)

    def _given(self, key: Hashable) -> asyncio.Future[str]:
        return self._by_hand.setdefault(key, asyncio.get_running_loop().create_future())


def looped(stream: Stream, results: Results) -> Stream:
    """The stream, but it goes on after tool calls, as often as the results allow."""
    return lambda lane, prompt: _rounds(stream, results, lane, prompt) if results.rounds else stream(lane, prompt)


async def _rounds(stream: Stream, results: Results, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
    first = 0  # the place of this round's first call in the lane
    for left in range(results.rounds, -1, -1):
        said, finish, goes_on = Fold(), None, False
        try:
            async with aclosing(stream(lane, prompt)) as events:
                async for event in events:
                    said.add(0, event)
                    match event:
                        case ToolCallDelta():
                            yield replace(event, index=first + event.index)
                        case Finished() if finish is None:
                            # by the calls: some servers end them with `stop`; but what was cut is not whole
                            whole = event.reason.lower() not in CUT
                            finish, goes_on = event, left > 0 and whole and bool(said.answer().calls)
                            if not goes_on:
                                yield event
                        case Finished():  # a second end adds nothing
                            pass
                        case _:
                            yield event
        except BackendError:
            if not goes_on:
                raise
            # what was asked for is here; what broke off could only have been figures
        if finish is None or not goes_on:
            return
        yield Continued(finish.reason)
        async with aclosing(_results(results, said.answer().calls)) as found:
            async for result in found:
                said.add(0, result)
                yield replace(result, index=first + result.index)
        answer = said.answer()
        if len(answer.results) < len(answer.calls):
            yield finish
            return
        prompt = _answered(prompt, answer)
        first += len(answer.calls)


def _answered(prompt: Prompt, answer: Answer) -> Prompt:
    """The prompt with what was answered. A model that must call would do so for ever: from now on, it may."""
    choice = prompt.tool_choice if prompt.tool_choice in ("", "none") else "auto"
    return replace(prompt, turns=(*prompt.turns, *answer.turns), tool_choice=choice)


async def _results(results: Results, calls: Sequence[ToolCall]) -> AsyncGenerator[ToolResult]:
    """The result of each call as it comes, and nothing for a call that gets none."""
    places = {asyncio.create_task(results.of(call)): place for place, call in enumerate(calls)}
    waiting = set(places)
    try:
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=places.__getitem__):
                if result := task.result():
                    yield ToolResult(places[task], *result)
    finally:
        for task in waiting:
            task.cancel()


def _key(call: ToolCall) -> tuple[str, Hashable]:
    """Equal for calls of one tool with equal arguments, however they are written."""
    arguments = parsed(call)
    try:
        return call.name, call.arguments if arguments is None else _frozen(arguments)
    except RecursionError:
        return call.name, call.arguments


def _frozen(value: object) -> Hashable:
    match value:
        case dict():
            return frozenset((name, _frozen(each)) for name, each in value.items())
        case list():
            return tuple(map(_frozen, value))
        case bool():
            return bool, value  # else True would be 1
        case _:
            return value
