from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backends.answer import fold
from backends.events import (
    Continued,
    Event,
    Failed,
    Finished,
    Measured,
    Progress,
    ReasoningDelta,
    Sent,
    Stamped,
    TextDelta,
    ToolCallDelta,
    ToolResult,
)
from backends.flags import Flag
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Image, Prompt, Tool, Toolbox, UserTurn
from storage.comparison import AskedLane, Question
from storage.plan import OPEN
from storage.showing import Showing
from ui import cards
from ui.cards import Fixed

LANE = Lane(Backend("mine", "vllm", model="m"), "m", "FP8", "high", 0.7, 100, 3)
WEATHER = Tool(
    "weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
)
PROMPT = Prompt("", (UserTurn("Rain?"),), (WEATHER,), toolbox=Toolbox(rounds=2, by_hand=True))
LARGE, SMALL = Image("a" * 64, "image/png", 900, 600, b""), Image("b" * 64, "image/jpeg", 300, 200, b"")


def shown(*events: Event, prompt: Prompt = PROMPT, flags: tuple[Flag, ...] = ()) -> dict[str, object]:
    answer = fold(Stamped(at, event) for at, event in enumerate(events))
    return cards.shown(Fixed("run/0", LANE, prompt, (), "answers/run/0"), answer, flags)


def test_a_lane_that_is_asked_to_wait_says_that_it_can() -> None:
    asked = Failed("rate_limit", "Too many.", 7.0)
    assert shown(Sent("{}"), asked)["error"] == "Too many. This lane's settings can make it wait and ask again."
    assert cards.failed(replace(LANE, waits=True), asked) == "Too many."
    assert cards.failed(LANE, replace(asked, retry_after=None)) == "Too many."


def call(arguments: str = '{"city":"Oslo"}', name: str = "weather") -> ToolCallDelta:
    return ToolCallDelta(0, "x", name, arguments)


def test_partial_arguments_are_shown_as_they_come() -> None:
    [made] = shown(Sent("{}"), call('{"city": '))["calls"]
    assert (made["args"], made["state"], made["problem"]) == ('{"city": ', "…", "")


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (call('{"town": "Oslo"}'), "'city' is a required property"),
        (call('{"city": '), "arguments are not valid JSON"),
        (call(name="forecast"), "unknown tool 'forecast'"),
        (call(), ""),
    ],
)
def test_a_whole_call_is_checked(made: ToolCallDelta, problem: str) -> None:
    [drawn] = shown(Sent("{}"), made, Finished("tool_calls"))["calls"]
    assert problem in drawn["problem"]
    assert bool(problem) == bool(drawn["problem"])


def test_a_result_says_where_it_is_from() -> None:
    drawn = shown(
        Sent("{}"), call(), Continued("tool_calls"), ToolResult(0, "Rain.", "canned"), Sent("{}"), TextDelta("It")
    )
    [made] = drawn["calls"]
    assert (made["source"], made["result"], made["asks"]) == ("canned result", "Rain.", False)


def test_a_call_asks_for_a_result_while_its_lane_waits_for_one() -> None:
    waiting = (Sent("{}"), call(), Continued("tool_calls"))
    assert shown(*waiting)["calls"][0]["asks"]
    assert shown(*waiting)["state_name"] == "waiting for a result"
    for events in (waiting[:2], (*waiting, ToolResult(0, "", "by hand")), (*waiting, Failed("stopped", "Stopped."))):
        assert not shown(*events)["calls"][0]["asks"]
    elsewhere = replace(PROMPT, toolbox=Toolbox(rounds=2, built_in=True))
    assert not shown(*waiting, prompt=elsewhere)["calls"][0]["asks"]


def test_the_prompt_is_read_until_the_first_word() -> None:
    assert shown(Sent("{}"), Progress(512, 900))["reading"] == [512, 900]
    assert shown(Sent("{}"), Progress(512, 900), TextDelta("a"))["reading"] is None


def test_the_servers_own_figures_stand_apart() -> None:
    drawn = shown(Sent("{}"), TextDelta("a"), Finished("stop"), Measured('{"prompt_ms": 91}'))
    assert [name for name, _, _ in drawn["measured"]] == ["prompt"]
    assert "prompt" not in [name for name, _, _ in drawn["figures"]]


def test_what_several_rounds_add_up_to_is_told_as_such() -> None:
    one = (Sent("{}"), ReasoningDelta("Hm. "), ReasoningDelta("Yes."), call(), Continued("tool_calls"))
    two = (ToolResult(0, "Rain.", "canned"), Sent("{}"), ReasoningDelta("Oh."), TextDelta("It rains."))
    assert (shown(*one)["thought"], shown(*one)["measured_of"]) == ("2 words · 0 ms", "")
    assert (shown(*one, *two)["thought"], shown(*one, *two)["measured_of"]) == ("3 words", "last of 2 rounds")


def test_flags_have_titles_and_details() -> None:
    drawn = shown(Finished("stop"), flags=(Flag("no_reasoning", "None came."), Flag("of another version", "?")))
    assert drawn["flags"] == [
        {"title": "no reasoning", "detail": "None came."},
        {"title": "of another version", "detail": "?"},
    ]


def test_running_out_of_tokens_while_thinking_is_said() -> None:
    assert "while thinking" in shown(ReasoningDelta("hm"), Finished("length"))["error"]


def test_a_failure_says_what_happened() -> None:
    drawn = shown(Failed("auth", "check the key"))
    assert (drawn["state"], drawn["error"], drawn["live"]) == ("failed", "check the key", False)


SHOWING = Showing("s", "run", "viewer", OPEN, 0, (0,), datetime(2026, 11, 1, tzinfo=UTC))


def label(
    lane: Lane,
    prompt: Prompt,
    sent: Prompt | None = None,
    sizes: Mapping[str, int] = {},
) -> str:
    kept = Question("run", prompt, sizes, (), (AskedLane(lane, "", sent or prompt),), ())
    return str(cards.shown(cards.fixed(kept, SHOWING, 0), fold([]))["label"])


def test_it_is_said_whether_earlier_reasoning_went_back() -> None:
    thought = Prompt("", (UserTurn("1?"), AssistantTurn("One.", "Hm."), UserTurn("2?")))
    assert label(LANE, thought).endswith("its own earlier reasoning went back")
    assert label(replace(LANE, replays=False), thought).endswith("its own earlier reasoning was left out")
    forgets = replace(LANE, backend=Backend("mine", "transformers", model="m"))
    assert label(forgets, thought).endswith("its own earlier reasoning was left out")
    assert "reasoning" not in label(LANE, PROMPT)


def test_images_that_were_made_smaller_are_counted() -> None:
    asked = Prompt("", (UserTurn("Which?", (LARGE, LARGE, SMALL)),))
    sent = Prompt("", (UserTurn("Before", (LARGE,)), AssistantTurn("Yes."), UserTurn("Which?", (SMALL, SMALL, SMALL))))
    assert label(LANE, asked, sent, {SMALL.sha256: 96_400}).endswith(
        "sent with smaller images: 2 re-encoded to 96 KB and 96 KB"
    )
    assert "images" not in label(LANE, asked)
