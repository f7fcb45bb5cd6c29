"""Recordings: what is dumped loads back equal, and folds to the same answer."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.answer import Fold, State, fold
from backends.events import (
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
from backends.recording import dump, load

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(["\u2028\u0085\n\r", '"[\\'])
COUNT = st.none() | st.integers(0, 2**53)
EVENT = st.one_of(
    st.builds(Sent, TEXT),
    st.builds(Reported, TEXT, TEXT),
    st.builds(ReasoningDelta, TEXT),
    st.builds(TextDelta, TEXT),
    st.builds(ToolCallDelta, st.integers(0, 3), TEXT, TEXT, TEXT),
    st.builds(Usage, COUNT, COUNT, COUNT, COUNT),
    st.builds(Finished, TEXT),
    st.builds(Failed, st.sampled_from(["stopped", "interrupted", "timeout"]), TEXT),
)
RECORDING = st.lists(st.builds(Stamped, st.integers(0, 2**53), EVENT), max_size=30)


@given(RECORDING)
def test_what_is_dumped_loads_back_equal(recording: list[Stamped]) -> None:
    assert list(load(dump(recording))) == recording
    assert fold(load(dump(recording))) == fold(recording)


@given(RECORDING, st.integers(0, 30))
def test_a_recording_may_be_dumped_in_parts_and_appended(recording: list[Stamped], cut: int) -> None:
    assert dump(recording[:cut]) + dump(recording[cut:]) == dump(recording)


@given(RECORDING)
def test_the_answer_so_far_does_not_change_what_follows(recording: list[Stamped]) -> None:
    folding = Fold()
    for stamped in recording:
        folding.add(stamped.at, stamped.event)
        folding.answer()
    assert folding.answer() == fold(recording)


@pytest.mark.parametrize(
    "data", [b"oops\n", b"[1]\n", b'[1,"unknown"]\n', b'[1,"text"]\n', b'[1,"text","a","b"]\n', b"7\n"]
)
def test_what_no_dump_made_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a line of a recording"):
        list(load(data))


def test_times_states_and_pieces_follow_the_events() -> None:
    folding, states = Fold(), []
    for at, event in enumerate(
        [
            Sent("{}"),
            ReasoningDelta("hm"),
            ReasoningDelta("."),
            ToolCallDelta(0, "a", "f", "{"),
            ToolCallDelta(0, "", "", "}"),
            TextDelta("yes"),
            Finished("stop"),
            Usage(prompt=3),
            Usage(completion=2),
        ]
    ):
        folding.add(at, event)
        states.append(folding.answer().state)
    assert states == [
        State.WAITING,
        State.THINKING,
        State.THINKING,
        State.CALLING,
        State.CALLING,
        State.ANSWERING,
        State.DONE,
        State.DONE,
        State.DONE,
    ]
    answer = folding.answer()
    times = answer.times
    assert (times.sent, times.first_reasoning, times.last_reasoning, times.first_text) == (0, 1, 2, 5)
    assert (times.first, times.last, times.end) == (1, 5, 6)
    assert (answer.pieces, answer.usage, answer.calls[0].arguments) == (5, Usage(3, 2), "{}")


def test_reading_a_long_answer_as_it_grows_costs_no_more_an_event() -> None:
    def seconds(count: int) -> float:
        folding, started = Fold(), time.process_time()
        for at in range(count):
            folding.add(at, TextDelta("words "))
            if at % 10 == 0:
                folding.answer()
        return (time.process_time() - started) / count

    assert seconds(300_000) / seconds(20_000) < 2
