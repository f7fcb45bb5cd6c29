"""The tool loop's promises, over scripted backends: rounds, results, and the same end as any other lane."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.answer import Answer, State, fold
from backends.errors import BackendError
from backends.events import (
    Continued,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Reported,
    Sent,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
)
from backends.lane import Backend, Lane
from backends.loop import MOST, Results, looped
from backends.prompt import AssistantTurn, Canned, Prompt, Tool, Toolbox, ToolCall, ToolTurn, UserTurn
from backends.recording import dump, load
from backends.runner import Run

Step = Event | Exception | Callable[[], Awaitable[object]]
Round = Sequence[Step]

WEATHER = Tool("get_weather")
PARIS = ToolCallDelta(0, "a", "get_weather", '{"city": "Paris"}')
ROME = ToolCallDelta(1, "b", "get_weather", '{"city": "Rome"}')
CALLED = Finished("tool_calls")
DONE: Round = [TextDelta("Sunny."), Finished("stop")]
ANY_CITY = (Canned("get_weather", "sunny"),)


class Scripted:
    """A backend whose lanes, by their model, go through scripted rounds; it keeps the prompts it was asked."""

    def __init__(self, **scripts: Sequence[Round]) -> None:
        self.rounds = {model: iter(rounds) for model, rounds in scripts.items()}
        self.asked: dict[str, list[Prompt]] = {model: [] for model in scripts}

    async def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        self.asked[lane.model].append(prompt)
        yield Sent(str(len(self.asked[lane.model])))
        for step in next(self.rounds[lane.model]):
            if isinstance(step, Exception):
                raise step
            if callable(step):
                await step()
            else:
                yield step

    def run(self, toolbox: Toolbox, tool_choice: str = "") -> Run:
        prompt = Prompt("", (UserTurn("Weather?"),), (WEATHER,), tool_choice, toolbox)
        return Run(self.stream, [(Lane(Backend("b", "k"), model), prompt) for model in self.asked])


async def over(run: Run) -> tuple[Answer, ...]:
    async with asyncio.timeout(60):
        await run.ended()
    return run.answers()


async def until(run: Run, condition: Callable[[], bool]) -> None:
    seen = 0
    async with asyncio.timeout(60):
        while not condition():
            seen = await run.changed(seen)


def events(run: Run, lane: int = 0) -> list[Event]:
    return [entry.stamped.event for entry in run.log if entry.lane == lane]


async def alone(toolbox: Toolbox, *rounds: Round, tool_choice: str = "") -> tuple[Answer, Run, list[Prompt]]:
    """One lane through its rounds."""
    backend = Scripted(m=rounds)
    run = backend.run(toolbox, tool_choice)
    (answer,) = await over(run)
    return answer, run, backend.asked["m"]


async def test_a_call_is_answered_and_the_lane_asks_again_with_it() -> None:
    said = [ReasoningDelta("I must look."), TextDelta("Wait."), PARIS, CALLED, Usage(10, 5)]
    answer, run, asked = await alone(Toolbox(2, ANY_CITY), said, [*DONE, Usage(20, 3)])
    assert events(run) == [
        Sent("1"),
        *said[:3],
        Usage(10, 5),
        Continued("tool_calls"),
        ToolResult(0, "sunny", "canned"),
        Sent("2"),
        *DONE,
        Usage(20, 3),
    ]
    called = ToolCall("a", "get_weather", '{"city": "Paris"}')
    assert asked[1].turns == (
        UserTurn("Weather?"),
        AssistantTurn("Wait.", "I must look.", (called,)),
        ToolTurn("a", "get_weather", "sunny"),
    )
    assert (answer.state, answer.finish_reason, answer.text) == (State.DONE, "stop", "Wait.\n\nSunny.")
    assert [each.finish_reason for each in answer.rounds] == ["tool_calls", "stop"]
    assert (answer.usage.prompt, answer.usage.completion) == (30, 8)


async def test_without_rounds_a_call_ends_the_lane() -> None:
    answer, run, asked = await alone(Toolbox(0, ANY_CITY), [PARIS, CALLED, Usage(1)])
    assert events(run) == [Sent("1"), PARIS, CALLED, Usage(1)]
    assert (answer.state, len(asked)) == (State.DONE, 1)


async def test_calls_are_seen_in_the_deltas_whatever_the_reason_says() -> None:
    answer, run, _ = await alone(Toolbox(2, ANY_CITY), [PARIS, Finished("stop")], DONE)
    assert Continued("stop") in events(run)
    assert len(answer.rounds) == 2


@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS"])
async def test_a_round_that_was_cut_is_the_last(reason: str) -> None:
    answer, run, asked = await alone(Toolbox(2, ANY_CITY), [PARIS, Finished(reason), Usage(1)], DONE)
    assert events(run) == [Sent("1"), PARIS, Finished(reason), Usage(1)]
    assert (answer.state, len(asked)) == (State.DONE, 1)


async def test_without_calls_nothing_changes_whatever_the_reason_says() -> None:
    _, run, asked = await alone(Toolbox(2, ANY_CITY), [TextDelta("x"), CALLED, Usage(1)])
    assert events(run) == [Sent("1"), TextDelta("x"), CALLED, Usage(1)]
    assert len(asked) == 1


async def test_a_result_for_these_arguments_comes_before_the_default() -> None:
    canned = (*ANY_CITY, Canned("get_weather", "rain", {"city": "Rome", "days": 1.0}))
    rome = replace(ROME, arguments='{ "days": 1, "city": "\\u0052ome" }')
    answer, _, _ = await alone(Toolbox(1, canned), [PARIS, rome, CALLED], DONE)
    assert [result.content for result in answer.results.values()] == ["sunny", "rain"]


async def test_true_is_not_one() -> None:
    canned = (Canned("get_weather", "one", {"city": 1}), Canned("get_weather", "true", {"city": True}))
    calls = [ToolCallDelta(0, "c0", "get_weather", '{"city": true}'), CALLED]
    answer, _, _ = await alone(Toolbox(1, canned), calls, DONE)
    assert answer.results[0] == ToolResult(0, "true", "canned")


async def test_of_two_canned_results_that_say_the_same_the_first_counts() -> None:
    answer, _, _ = await alone(Toolbox(1, (*ANY_CITY, Canned("get_weather", "rain"))), [PARIS, CALLED], DONE)
    assert answer.results[0].content == "sunny"


async def test_a_default_answers_a_call_whose_arguments_are_no_json() -> None:
    answer, _, asked = await alone(Toolbox(1, ANY_CITY), [replace(PARIS, arguments='{"city'), CALLED], DONE)
    assert answer.results[0] == ToolResult(0, "sunny", "canned")
    assert asked[1].turns[1].calls[0].arguments == '{"city'


async def test_a_canned_result_comes_before_a_built_in_tool() -> None:
    call = ToolCallDelta(0, "a", "calculator", '{"expression": "1 + 1"}')
    both = Toolbox(1, (Canned("calculator", "3"),), built_in=True)
    assert (await alone(both, [call, CALLED], DONE))[0].results[0] == ToolResult(0, "3", "canned")
    own = replace(both, canned=())
    assert (await alone(own, [call, CALLED], DONE))[0].results[0] == ToolResult(0, "2", "built-in")


async def test_a_built_in_tool_says_to_the_model_what_is_wrong_with_its_call() -> None:
    call = ToolCallDelta(0, "a", "calculator", "{")
    answer, _, _ = await alone(Toolbox(1, built_in=True), [call, CALLED], DONE)
    assert answer.results[0].source == "built-in"
    assert answer.results[0].content.startswith("error: arguments are not valid JSON")


async def test_equal_calls_of_all_lanes_and_rounds_get_the_same_result() -> None:
    clock = ToolCallDelta(0, "a", "clock", "{}")
    later = asyncio.Event()
    backend = Scripted(a=[[clock, CALLED], DONE], b=[[clock, CALLED], [later.wait, clock, CALLED], DONE])
    run = backend.run(Toolbox(2, built_in=True))
    await until(run, lambda: run.answers()[0].state is State.DONE)
    later.set()
    answers = await over(run)
    assert len({result.content for answer in answers for result in answer.results.values()}) == 1


async def test_a_result_typed_by_hand_answers_equal_calls_of_all_lanes() -> None:
    spaced = replace(PARIS, id="z", arguments='{"city":"Paris"}')
    later = asyncio.Event()
    backend = Scripted(a=[[PARIS, CALLED], DONE], b=[[spaced, CALLED], DONE], late=[[later.wait, PARIS, CALLED], DONE])
    run = backend.run(Toolbox(1, by_hand=True))
    await until(run, lambda: [answer.finish_reason for answer in run.answers()[:2]] == ["tool_calls"] * 2)
    assert not any(answer.results for answer in run.answers())
    run.give(1, 0, "rain")
    run.give(0, 0, "too late to differ")
    await until(run, lambda: run.answers()[1].state is State.DONE)
    later.set()
    answers = await over(run)
    assert [answer.results[0] for answer in answers] == [ToolResult(0, "rain", "by hand")] * 3


async def test_a_result_can_be_typed_while_the_others_of_the_round_still_wait() -> None:
    backend = Scripted(m=[[PARIS, ROME, CALLED], DONE])
    run = backend.run(Toolbox(1, by_hand=True))
    await until(run, lambda: run.answers()[0].finish_reason == "tool_calls")
    run.give(0, 1, "rain")
    await until(run, lambda: 1 in run.answers()[0].results)
    assert run.answers()[0].results == {1: ToolResult(1, "rain", "by hand")}
    run.give(0, 0, "sunny")
    await over(run)
    assert [turn.content for turn in backend.asked["m"][1].turns[2:]] == ["sunny", "rain"]  # in the calls' order


async def test_by_hand_a_call_whose_arguments_are_no_json_is_known_by_its_text() -> None:
    cut = replace(PARIS, arguments='{"city": "Par')
    deep = replace(ROME, arguments='{"a":' * 900 + "1" + "}" * 900)
    run = Scripted(a=[[cut, deep, CALLED], DONE], b=[[cut, deep, CALLED], DONE]).run(Toolbox(1, by_hand=True))
    await until(run, lambda: all(answer.finish_reason for answer in run.answers()))
    run.give(0, 0, "which city?")
    run.give(1, 1, "too deep")
    answers = await over(run)
    assert [[result.content for result in answer.results.values()] for answer in answers] == [
        ["which city?", "too deep"]
    ] * 2


@pytest.mark.parametrize("call", [-1, 1, 10**9])
async def test_a_result_for_a_call_that_is_not_there_changes_nothing(call: int) -> None:
    run = Scripted(m=[[PARIS, CALLED], DONE]).run(Toolbox(1, by_hand=True))
    await until(run, lambda: bool(run.answers()[0].finish_reason))
    run.give(0, call, "rain")
    assert run.answers()[0].results == {}
    run.stop()
    await over(run)


async def test_a_person_is_waited_for_only_so_long(prompt: Prompt) -> None:
    backend = Scripted(m=[[PARIS, CALLED]])
    stream = looped(backend.stream, Results(Toolbox(1, by_hand=True), longest=0.01))
    seen = [event async for event in stream(Lane(Backend("b", "k"), "m"), prompt)]
    assert seen == [Sent("1"), PARIS, Continued("tool_calls"), CALLED]


async def test_a_call_without_a_result_ends_the_lane_and_the_others_keep_theirs() -> None:
    other = ToolCallDelta(1, "b", "unknown", "{}")
    answer, run, asked = await alone(Toolbox(3, ANY_CITY, built_in=True), [PARIS, other, CALLED])
    assert events(run)[-3:] == [Continued("tool_calls"), ToolResult(0, "sunny", "canned"), CALLED]
    assert (answer.state, answer.finish_reason, len(asked)) == (State.DONE, "tool_calls", 1)


@pytest.mark.parametrize(("rounds", "most"), [(1, 1), (3, 3), (99, MOST)])
async def test_a_lane_asks_again_only_so_often(rounds: int, most: int) -> None:
    answer, run, asked = await alone(Toolbox(rounds, ANY_CITY), *[[PARIS, CALLED]] * 200)
    assert len(asked) == most + 1
    assert events(run)[-1] == CALLED
    assert len(answer.calls) == most + 1
    assert sorted(answer.results) == list(range(most))


async def test_calls_and_results_are_counted_over_the_whole_lane() -> None:
    answer, run, _ = await alone(Toolbox(3, ANY_CITY), [PARIS, ROME, CALLED], [ROME, CALLED], [PARIS, CALLED], DONE)
    indexes = [event.index for event in events(run) if isinstance(event, ToolCallDelta)]
    assert indexes == [0, 1, 3, 3]
    assert sorted(answer.results) == [0, 1, 2, 3]
    assert [len(each.calls) for each in answer.rounds] == [2, 1, 1, 0]


@pytest.mark.parametrize("ids", [("", ""), ("x", "x"), ("", "call_0")])
async def test_results_pair_with_their_calls_whatever_ids_the_server_gave(ids: tuple[str, str]) -> None:
    canned = (Canned("get_weather", "rain", {"city": "Rome"}), *ANY_CITY)
    calls = [replace(PARIS, id=ids[0]), replace(ROME, id=ids[1])]
    answer, _, asked = await alone(Toolbox(1, canned), [*calls, CALLED], DONE)
    _, said, *results = asked[1].turns
    assert [call.id for call in said.calls] == [result.call_id for result in results]
    assert len({call.id for call in said.calls} - {""}) == 2
    assert [result.content for result in results] == ["sunny", "rain"]
    assert answer.turns[:3] == asked[1].turns[1:]


@pytest.mark.parametrize(
    ("choice", "later"), [("required", "auto"), ("get_weather", "auto"), ("auto", "auto"), ("none", "none"), ("", "")]
)
async def test_only_the_first_request_must_call(choice: str, later: str) -> None:
    _, _, asked = await alone(Toolbox(2, ANY_CITY), [PARIS, CALLED], [PARIS, CALLED], DONE, tool_choice=choice)
    assert [prompt.tool_choice for prompt in asked] == [choice, later, later]


async def test_a_failure_in_a_later_round_keeps_what_came() -> None:
    answer, run, _ = await alone(
        Toolbox(2, ANY_CITY), [PARIS, CALLED], [TextDelta("It is"), BackendError("overloaded", "no")]
    )
    assert (answer.state, answer.text, answer.results[0].content) == (State.FAILED, "It is", "sunny")
    assert events(run)[-1] == Failed("overloaded", "no")


async def test_a_round_that_trails_off_is_truncated_though_it_called() -> None:
    answer, _, asked = await alone(Toolbox(2, ANY_CITY), [PARIS])
    assert answer.failure
    assert (answer.failure.kind, len(asked)) == ("truncated", 1)


async def test_what_breaks_off_after_the_finish_is_no_failure_of_the_round() -> None:
    answer, _, asked = await alone(Toolbox(2, ANY_CITY), [PARIS, CALLED, BackendError("truncated", "late")], DONE)
    assert (answer.state, len(asked)) == (State.DONE, 2)


async def test_a_second_finish_adds_nothing() -> None:
    _, run, asked = await alone(Toolbox(2, ANY_CITY), [PARIS, CALLED, Finished("stop")], DONE)
    assert [event for event in events(run) if isinstance(event, Continued)] == [Continued("tool_calls")]
    assert len(asked) == 2


async def test_a_lane_is_stopped_while_it_waits_for_a_person_and_the_others_go_on() -> None:
    run = Scripted(a=[[PARIS, CALLED], DONE], b=[[PARIS, CALLED], DONE]).run(Toolbox(1, by_hand=True))
    await until(run, lambda: all(answer.finish_reason for answer in run.answers()))
    run.stop(0)
    await until(run, lambda: run.answers()[0].state is State.STOPPED)
    run.give(1, 0, "rain")
    stopped, answer = await over(run)
    assert (stopped.results, answer.state) == ({}, State.DONE)
    assert len([event for event in events(run) if isinstance(event, Finished | Failed)]) == 1


async def test_a_lane_is_stopped_in_a_later_round() -> None:
    forever = asyncio.Event()
    run = Scripted(m=[[PARIS, CALLED], [TextDelta("It"), forever.wait]]).run(Toolbox(1, ANY_CITY))
    await until(run, lambda: run.answers()[0].text == "It")
    run.stop()
    (answer,) = await over(run)
    assert (answer.state, answer.text) == (State.STOPPED, "It")


async def test_an_answer_in_rounds_is_recorded_and_folds_back_to_itself() -> None:
    answer, run, _ = await alone(Toolbox(2, ANY_CITY), [PARIS, ROME, CALLED, Usage(1)], [PARIS, CALLED], DONE)
    recording = [entry.stamped for entry in run.log]
    assert list(load(dump(recording))) == recording
    assert fold(recording) == answer


pieces = st.one_of(
    st.builds(TextDelta, st.text(max_size=3)),
    st.builds(ReasoningDelta, st.text(max_size=3)),
    st.builds(
        ToolCallDelta,
        st.integers(0, 3),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(["", "get_weather", "calculator", "unknown"]),
        st.sampled_from(["", "{}", '{"expression": "1"}', "{", "}"]),
    ),
    st.builds(Usage, st.none() | st.integers(0, 9)),
    st.builds(Reported, st.just("m")),
    st.builds(Finished, st.sampled_from(["stop", "tool_calls"])),
    st.sampled_from([BackendError("midstream", "no"), ZeroDivisionError()]),
)
toolboxes = st.builds(
    Toolbox, st.integers(0, 12), st.sampled_from([(), ANY_CITY, (*ANY_CITY, Canned("unknown", ""))]), st.booleans()
)


@settings(max_examples=60, deadline=None)
@given(toolboxes, st.lists(st.lists(pieces, max_size=6), min_size=MOST + 1, max_size=MOST + 1), st.booleans())
async def test_whatever_the_rounds_bring_the_lane_ends_once(
    toolbox: Toolbox, rounds: list[list[Step]], stopped: bool
) -> None:
    backend = Scripted(m=rounds)
    run = backend.run(toolbox)
    if stopped:
        await run.changed(0)
        run.stop()
    (answer,) = await over(run)
    found = events(run)
    assert len([event for event in found if isinstance(event, Finished | Failed)]) == 1
    assert len(backend.asked["m"]) <= MOST + 1
    assert sorted(answer.results) == [event.index for event in found if isinstance(event, ToolResult)]
    for asked in backend.asked["m"][1:]:
        calls = [call.id for turn in asked.turns if isinstance(turn, AssistantTurn) for call in turn.calls]
        assert calls == [turn.call_id for turn in asked.turns if isinstance(turn, ToolTurn)]
    assert fold(load(dump(entry.stamped for entry in run.log))) == answer
