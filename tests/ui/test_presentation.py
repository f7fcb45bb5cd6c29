"""What is seen of a sealed comparison, for every pace and every choice of traces."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.answer import Answer, State, fold
from backends.events import (
    Continued,
    Event,
    Failed,
    Finished,
    Progress,
    ReasoningDelta,
    Reported,
    Sent,
    Stamped,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backends.lane import Backend, Lane
from backends.names import MARK
from backends.prompt import Prompt, Toolbox, UserTurn
from backends.schedule import Schedule
from storage.comparison import AskedLane, Question
from storage.plan import Pace, Plan, Presentation, Traces
from storage.showing import Showing
from ui import cards
from ui.presentation import RATE, Curtain, text

ONE = Lane(Backend("zorblax", "vllm", model="acme/Wumpus-9B"), "acme/Wumpus-9B", "FP8")
TWO = Lane(Backend("quuxbox", "ollama", model="fnord-mega"), "fnord-mega", effort="high")

HELLO = Prompt("", (UserTurn("Hello"),))

ALL = [(pace, traces) for pace, traces in product(Pace, Traces)]

DONE = Finished("stop")


def said(*events: Event, each: int = 1000) -> Answer:
    return fold([Stamped(number * each, event) for number, event in enumerate((Sent("{}"), *events))])


def question(lanes: Sequence[Lane] = (ONE, TWO), prompt: Prompt = HELLO) -> Question:
    asked = tuple(AskedLane(lane, "", prompt) for lane in lanes)
    return Question("run", prompt, {}, (), asked, (), Plan())


def showing(pace: Pace, traces: Traces, order: tuple[int, ...] = (0, 1)) -> Showing:
    return Showing("s", "run", "me", Presentation(True, pace, traces), 1, order, datetime.now(UTC))


def curtain(pace: Pace, traces: Traces = Traces.HIDDEN, asked: Question | None = None) -> Curtain:
    return Curtain(asked or question(), showing(pace, traces))


def page(pace: Pace, traces: Traces, lanes: Sequence[Lane], frames: Sequence[Sequence[Answer]]) -> list[object]:
    """All that the page is sent of these frames, each but the first 0.1 s after the one before."""
    asked, shown = question(lanes), showing(pace, traces)
    veil = Curtain(asked, shown)
    fixed = [cards.fixed(asked, shown, place) for place in range(2)]
    sent = []
    for answers in frames:
        for one, answer in zip(fixed, veil.seen(answers, 0.1), strict=True):
            sent += [cards.sealed(one, answer, veil.waiting), answer.text]
    return sent


@pytest.mark.parametrize(("pace", "traces"), ALL)
def test_nothing_but_words_is_seen_of_an_answer(pace: Pace, traces: Traces) -> None:
    events = (Reported("Wumpus-9B-0725", "v7.7"), Progress(3, 9), ReasoningDelta("I am Wumpus"), TextDelta("By acme"))
    ended = said(*events, Usage(11, 22, 33, 44, 55), DONE)
    failed = said(Reported("fnord-mega"), TextDelta("Half"), Failed("refused", "quuxbox at 10.0.0.7 says no"))
    for answers in ((ended, failed), (said(*events), failed)):
        shown = str(page(pace, traces, (ONE, TWO), [answers]))
        for telling in ("umpus", "cme", "quux", "10.0.0.7", "refused", "v7.7", "22", "reading': [", "label"):
            assert telling not in shown
    assert "This lane failed." in str(page(pace, traces, (ONE, TWO), [(ended, failed)] * 9))


@pytest.mark.parametrize("pace", Pace)
def test_hidden_reasoning_leaves_no_trace(pace: Pace) -> None:
    live = said(ReasoningDelta("Hm"))
    silent = said()
    over = [said(*thought, TextDelta("Yes"), DONE) for thought in ((ReasoningDelta("Hm"),), ())]
    one, two = (
        page(pace, Traces.HIDDEN, (ONE, TWO), [(first, silent), (last, over[1])])
        for first, last in ((live, over[0]), (silent, over[1]))
    )
    assert one == two


@pytest.mark.parametrize("pace", [Pace.TOGETHER, Pace.EVEN])
def test_shown_reasoning_comes_with_the_answers(pace: Pace) -> None:
    veil = curtain(pace, Traces.SHOWN)
    first, other = said(ReasoningDelta("Hm"), TextDelta("Yes"), DONE), said(TextDelta("No"))
    assert [each.reasoning for each in veil.seen([first, other])] == ["", ""]
    assert [each.reasoning for each in veil.seen([first, said(TextDelta("No"), DONE)])] == ["Hm", ""]


@pytest.mark.parametrize("pace", Pace)
def test_reasoning_that_may_come_comes_at_once(pace: Pace) -> None:
    seen = curtain(pace, Traces.LIVE).seen([said(ReasoningDelta("Hm. I")), said()])
    assert [each.reasoning for each in seen] == ["Hm. I", ""]


def test_all_are_seen_together() -> None:
    veil = curtain(Pace.TOGETHER)
    first, second = said(TextDelta("Yes"), DONE), said(TextDelta("No"))
    assert veil.seen([first, second]) == (Answer(), Answer())
    assert not veil.open
    assert [each.text for each in veil.seen([first, said(TextDelta("No"), DONE)])] == ["Yes", "No"]
    assert veil.open


def test_at_an_equal_pace_no_place_is_ahead() -> None:
    veil = curtain(Pace.EVEN)
    fast, slow = said(TextDelta("a" * 900), DONE), said(TextDelta("b" * 30))
    for _ in range(5):
        seen = veil.seen([fast, slow], 0.1)
        assert len({len(each.text) for each in seen}) == 1
    assert [len(each.text) for each in seen] == [30, 30]
    assert not veil.behind
    slow = said(TextDelta("b" * 80), DONE)
    assert [len(each.text) for each in veil.seen([fast, slow], 0.1)] == [30 + RATE // 10] * 2
    assert veil.behind
    assert [each.state for each in veil.seen([fast, slow], 1)] == [State.ANSWERING] * 2
    assert [each.state for each in veil.seen([fast, slow], 9)] == [State.DONE] * 2
    assert veil.open


def test_lanes_that_are_asked_in_turn_are_not_seen_in_turn() -> None:
    asked = replace(question(), plan=Plan(schedule=Schedule.SEQUENTIAL))
    first, second = said(ReasoningDelta("Hm"), TextDelta("Yes"), DONE), said()
    assert curtain(Pace.LIVE, Traces.LIVE, asked).seen([first, second]) == (Answer(), Answer())
    assert text(asked, showing(Pace.LIVE, Traces.LIVE), [first, second], 0) is None


def test_a_lane_that_thinks_keeps_an_equal_pace_from_beginning() -> None:
    seen = curtain(Pace.EVEN).seen([said(TextDelta("a" * 900), DONE), said(ReasoningDelta("Hm"))])
    assert seen == (Answer(), Answer())


def test_calls_that_wait_for_a_person_are_seen_once_nobody_else_is_at_work() -> None:
    prompt = Prompt("", (UserTurn("Hello"),), toolbox=Toolbox(by_hand=True, rounds=4))
    veil = curtain(Pace.TOGETHER, asked=question(prompt=prompt))
    asks = said(TextDelta("I look."), ToolCallDelta(0, "c1", "look", "{}"), Continued("tool_calls"))
    assert veil.seen([asks, said(TextDelta("No"))]) == (Answer(), Answer())
    seen = veil.seen([asks, said(TextDelta("No"), DONE)])
    assert [(each.text, len(each.calls)) for each in seen] == [("", 1), ("", 0)]
    assert not veil.open


def test_names_are_masked_in_words_calls_and_results() -> None:
    call = ToolCallDelta(0, "chatcmpl-tool-1", "wumpus_9b", '{"of": "Fnord Mega"}')
    answer = said(TextDelta("I am Wumpus 9B."), call, DONE)
    seen, _ = curtain(Pace.TOGETHER).seen([answer, said(DONE)])
    assert (seen.text, seen.calls[0].id) == (f"I am {MARK}.", "")
    assert (seen.calls[0].name, seen.calls[0].arguments) == (MARK, f'{{"of": "{MARK}"}}')


def test_a_model_that_the_server_alone_names_is_masked() -> None:
    lane = Lane(Backend("local", "openai"))
    answer = said(Reported("gargle-7b"), TextDelta("I am Gargle."), DONE)
    seen, _ = curtain(Pace.TOGETHER, asked=question((lane, lane))).seen([answer, answer])
    assert seen.text == f"I am {MARK}."


def test_what_is_withheld_may_not_be_copied() -> None:
    first, second = said(TextDelta("By Wumpus"), DONE), said(TextDelta("No"))
    for pace in (Pace.TOGETHER, Pace.EVEN):
        assert text(question(), showing(pace, Traces.HIDDEN), [first, second], 0) is None
        assert text(question(), showing(pace, Traces.HIDDEN), [first, first], 0) == f"By {MARK}"
    assert text(question(), showing(Pace.LIVE, Traces.HIDDEN), [first, second], 0) == f"By {MARK}"


WORDS = st.lists(st.sampled_from(["One. ", "Two ", "**three** ", "4\n"]), min_size=1, max_size=5)
SPEEDS = st.lists(st.integers(0, 12), min_size=2, max_size=2)


def frames(texts: Sequence[Sequence[str]], speeds: Sequence[int], thinks: Sequence[bool]) -> list[list[Answer]]:
    """A run of lanes that say the same as ever, each at its own time, with or without a thought before."""
    lanes = []
    for pieces, late, thought in zip(texts, speeds, thinks, strict=True):
        events: list[Event] = [ReasoningDelta("Hm. ")] if thought else []
        events += [TextDelta(piece) for piece in pieces] + [DONE, Usage(late, late)]
        lanes.append([said(*events[: max(0, frame - late)], each=1000 + late) for frame in range(22)])
    return [list(each) for each in zip(*lanes, strict=True)]


@given(st.lists(WORDS, min_size=2, max_size=2), SPEEDS, SPEEDS, st.booleans(), st.booleans())
def test_two_runs_that_differ_in_lanes_speed_and_thought_are_seen_alike(
    texts: list[list[str]], speeds: list[int], others: list[int], one: bool, two: bool
) -> None:
    pages = [
        page(Pace.TOGETHER, Traces.HIDDEN, lanes, frames(texts, late, thinks))
        for lanes, late, thinks in (((ONE, TWO), speeds, (one, two)), ((TWO, ONE), others, (two, one)))
    ]
    assert changes(pages[0]) == changes(pages[1])


def changes(sent: Sequence[object]) -> list[list[object]]:
    """The frames in turn, without those that are as the one before: these are not sent."""
    each = [list(sent[at : at + 4]) for at in range(0, len(sent), 4)]
    return [frame for frame, before in zip(each, [None, *each], strict=False) if frame != before]


@given(st.lists(WORDS, min_size=2, max_size=2), SPEEDS)
def test_at_an_equal_pace_only_a_whole_text_may_be_shorter(texts: list[list[str]], speeds: list[int]) -> None:
    veil = curtain(Pace.EVEN)
    for answers in frames(texts, speeds, (True, False)):
        seen = [each.text for each in veil.seen(answers, 0.02)]
        for text_seen, answer, other in zip(seen, answers, reversed(seen), strict=True):
            assert len(text_seen) >= len(other) or text_seen == answer.text
