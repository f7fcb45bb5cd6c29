"""The runner's promises, with scripted streams: each lane ends once, alone, and on its own clock."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

import pytest

from backends.answer import State
from backends.errors import BackendError
from backends.events import Event, Failed, Finished, ReasoningDelta, TextDelta, ToolCallDelta, Usage, Waited
from backends.lane import Backend, Lane
from backends.prompt import Canned, Prompt, Toolbox
from backends.runner import INTERRUPTED, MOST, Run

Step = Event | Exception | Callable[[], Awaitable[object]]


def scripted(scripts: dict[str, list[Step]]) -> Callable[[Lane, Prompt], AsyncGenerator[Event]]:
    """A stream that, for each lane by its model, yields events, raises errors and awaits."""

    async def stream(lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        for step in scripts[lane.model]:
            if isinstance(step, Exception):
                raise step
            if callable(step):
                await step()
            else:
                yield step

    return stream


def started(scripts: dict[str, list[Step]], prompt: Prompt) -> Run:
    return Run(scripted(scripts), [(Lane(Backend("b", "k"), model), prompt) for model in scripts])


async def over(run: Run) -> Run:
    seen = 0
    while not run.over:
        seen = await run.changed(seen)
    return run


def ends(run: Run, lane: int) -> list[Event]:
    return [
        entry.stamped.event
        for entry in run.log
        if entry.lane == lane and isinstance(entry.stamped.event, Finished | Failed)
    ]


async def test_each_way_to_end_is_one_end_and_keeps_what_had_arrived(prompt: Prompt) -> None:
    said = TextDelta("a")
    run = await over(
        started(
            {
                "finishes": [said, Finished("stop"), Usage(1)],
                "finishes twice": [said, Finished("stop"), Finished("length")],
                "breaks after": [said, Finished("stop"), BackendError("truncated", "late")],
                "trails off": [said],
                "refuses": [said, BackendError("refused", "no")],
                "has a bug": [said, ZeroDivisionError("secret detail")],
            },
            prompt,
        )
    )
    found = [ends(run, lane) for lane in range(6)]
    assert [len(end) for end in found] == [1] * 6
    assert [end[0] for end in found[:3]] == [Finished("stop")] * 3
    assert [end[0].kind for end in found[3:]] == ["truncated", "refused", "bug"]
    assert [answer.text for answer in run.answers()] == ["a"] * 6
    assert run.answers()[0].usage == Usage(1)
    assert "secret detail" not in found[5][0].message


async def test_an_unexpected_error_is_logged_with_its_traceback(
    prompt: Prompt, caplog: pytest.LogCaptureFixture
) -> None:
    await over(started({"m": [ZeroDivisionError("what broke")]}, prompt))
    assert "ZeroDivisionError: what broke" in caplog.text


async def test_a_lane_that_hangs_does_not_delay_the_others(prompt: Prompt) -> None:
    forever = asyncio.Event()
    run = started({"hangs": [forever.wait], "good": [TextDelta("a"), Finished("stop")]}, prompt)
    seen = 0
    while run.answers()[1].state != State.DONE:
        seen = await run.changed(seen)
    assert not run.over
    forever.set()
    await over(run)
    assert [answer.state for answer in run.answers()] == [State.FAILED, State.DONE]


async def test_a_lane_stopped_before_its_first_step_is_stopped(prompt: Prompt) -> None:
    run = started({"a": [Finished("stop")], "b": [Finished("stop")]}, prompt)
    run.stop(0)
    await over(run)
    assert [answer.state for answer in run.answers()] == [State.STOPPED, State.DONE]


async def test_a_lane_that_is_over_stays_as_it_is(prompt: Prompt) -> None:
    run = await over(started({"a": [Finished("stop")]}, prompt))
    run.stop()
    assert [answer.state for answer in run.answers()] == [State.DONE]


async def test_lanes_can_be_ended_as_interrupted(prompt: Prompt) -> None:
    run = started({"a": [TextDelta("x"), asyncio.Event().wait]}, prompt)
    await run.changed(0)
    run.stop(end=INTERRUPTED)
    await over(run)
    assert (run.answers()[0].state, run.answers()[0].text) == (State.INTERRUPTED, "x")


async def test_an_answer_without_end_is_ended(prompt: Prompt) -> None:
    third = "x" * (MOST // 3 + 1)
    steps: list[Step] = [ReasoningDelta(third), TextDelta(third), ToolCallDelta(0, arguments=third), TextDelta("more")]
    run = await over(started({"goes on": steps, "neighbour": [TextDelta("x"), Finished("stop")]}, prompt))
    endless, neighbour = run.answers()
    assert endless.failure
    assert endless.failure.kind == "endless"
    assert endless.text == third
    assert neighbour.state is State.DONE


@pytest.mark.parametrize("event", [ToolCallDelta(0, "i" * 600_000), ToolCallDelta(0, name="n" * 600_000)])
async def test_names_and_ids_without_end_are_ended(event: ToolCallDelta, prompt: Prompt) -> None:
    steps: list[Step] = [replace(event, index=index) for index in range(9)]
    (answer,) = (await over(started({"m": [*steps, Finished("stop")]}, prompt))).answers()
    assert answer.failure
    assert (answer.failure.kind, len(answer.calls)) == ("endless", 7)


async def test_an_answer_in_rounds_without_end_is_ended(prompt: Prompt) -> None:
    called = ToolCallDelta(0, name="tool", arguments="x" * (MOST // 3 - 99))
    toolbox = Toolbox(5, (Canned("tool", "again"),))
    run = await over(started({"m": [called, Finished("stop")]}, replace(prompt, toolbox=toolbox)))
    (answer,) = run.answers()
    assert answer.failure
    assert (answer.failure.kind, len(answer.results)) == ("endless", 3)


async def test_a_lane_waits_where_its_person_wants_it_to(prompt: Prompt) -> None:
    limited = BackendError("rate_limit", "later", retry_after=0.0)
    lanes = [Lane(Backend("b", "k"), "m", waits=waits) for waits in (False, True)]
    run = await over(Run(scripted({"m": [limited]}), [(lane, prompt) for lane in lanes]))
    assert [Waited(0.0) in [entry.stamped.event for entry in run.log if entry.lane == lane] for lane in (0, 1)] == [
        False,
        True,
    ]


async def test_times_never_run_backwards(prompt: Prompt) -> None:
    run = await over(started({str(n): [TextDelta("x")] * 50 + [Finished("stop")] for n in range(4)}, prompt))
    times = [entry.stamped.at for entry in run.log]
    assert times == sorted(times)


async def test_several_readers_each_see_the_whole_log(prompt: Prompt) -> None:
    run = started({"a": [TextDelta("x"), Finished("stop")]}, prompt)

    async def read() -> int:
        seen = 0
        while not run.over:
            seen = await run.changed(seen)
        return len(run.log)

    assert await asyncio.gather(read(), read()) == [2, 2]
