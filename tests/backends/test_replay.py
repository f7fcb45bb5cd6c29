"""A replay shows what was recorded, when it was; its clock is set by hand, so that no test waits for one."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from backends import replay
from backends.answer import Answer, fold
from backends.events import Event, Failed, Finished, ReasoningDelta, Sent, Stamped, TextDelta, ToolCallDelta, Usage
from backends.replay import Replay

SAID: tuple[Event, ...] = (
    Sent("{}"),
    ReasoningDelta("Well. "),
    TextDelta("It "),
    TextDelta("rains."),
    ToolCallDelta(0, "c1", "weather", "{}"),
)
ENDS: tuple[Event, ...] = (Finished("stop"), Failed("stopped", "Stopped."))


@st.composite
def recordings(draw: st.DrawFn) -> list[list[Stamped]]:
    """One to four lanes, each with an end, after which usage may come."""
    lanes = []
    for _ in range(draw(st.integers(1, 4))):
        said = [*draw(st.lists(st.sampled_from(SAID), max_size=8)), draw(st.sampled_from(ENDS))]
        said += draw(st.sampled_from([[], [Usage(7, 9)]]))
        times = sorted(draw(st.lists(st.integers(0, 5000), min_size=len(said), max_size=len(said))))
        lanes.append([Stamped(at, event) for at, event in zip(times, said, strict=True)])
    return lanes


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def until(lanes: Sequence[Sequence[Stamped]], at: int) -> tuple[Answer, ...]:
    return tuple(fold(each for each in lane if each.at <= at) for lane in lanes)


def last(lanes: Sequence[Sequence[Stamped]]) -> int:
    return max(replay.ended(lane) for lane in lanes)


@given(recordings(), st.lists(st.integers(-100, 6000), max_size=6))
def test_at_any_time_it_shows_what_had_been_said_by_then(lanes: list[list[Stamped]], places: list[int]) -> None:
    playing = Replay(lanes)
    for at in places:
        playing.set(at, speed=0)
        shown = lanes if at >= last(lanes) else [[each for each in lane if each.at <= max(at, 0)] for lane in lanes]
        assert playing.answers() == tuple(map(fold, shown))


@given(recordings())
def test_its_end_is_the_answers_that_were_saved(lanes: list[list[Stamped]]) -> None:
    playing = Replay(lanes)
    playing.set(last(lanes), speed=1)
    assert playing.over
    assert playing.answers() == tuple(map(fold, lanes))


@given(recordings(), st.sampled_from([1, 2, 4]))
def test_each_event_comes_after_the_gap_that_was_recorded(lanes: list[list[Stamped]], speed: int) -> None:
    clock = Hands()
    playing = Replay(lanes, clock=clock)
    playing.set(0, speed)
    times = sorted({each.at for lane in lanes for each in lane if each.at < last(lanes)})
    for at in times:
        clock.seconds = 100 + (at + 0.5) / 1e6 / speed
        assert playing.at == at
        assert playing.answers() == until(lanes, at)


TALK = [
    [Stamped(0, Sent("{}")), Stamped(30_000, TextDelta("one ")), Stamped(90_000, Finished("stop"))],
    [Stamped(500_000, Sent("{}")), Stamped(510_000, TextDelta("two ")), Stamped(620_000, Finished("stop"))],
]


def test_a_pause_holds_and_going_on_begins_there() -> None:
    clock = Hands()
    playing = Replay(TALK, clock=clock)
    playing.set(0, speed=1)
    clock.seconds += 0.05
    playing.set(playing.at, speed=0)
    clock.seconds += 9
    assert 49_000 <= playing.at <= 50_000
    assert not playing.over
    playing.set(playing.at, speed=4)
    clock.seconds += 1
    assert playing.over
    assert [answer.text for answer in playing.answers()] == ["one ", "two "]


def test_lanes_of_other_times_begin_together_and_fold_to_their_own() -> None:
    playing = Replay(TALK, starts=(0, 500_000))
    playing.set(30_000, speed=0)
    assert [answer.text for answer in playing.answers()] == ["one ", "two "]
    playing.set(120_000, speed=0)
    assert playing.over
    assert playing.answers() == tuple(map(fold, TALK))


async def test_read_like_a_run_it_comes_in_real_time() -> None:
    playing, lanes = Replay(TALK[:1]), TALK[:1]
    playing.set(0, speed=1)
    began, seen, came = time.monotonic(), -1, []
    while not playing.over:
        seen = await playing.changed(seen)
        came.append(time.monotonic() - began)
    times = [each.at / 1e6 for each in lanes[0]]
    assert bisect_right(times, came[1]) >= 2  # never before its time
    assert came[-1] >= times[-1]
    assert playing.answers() == tuple(map(fold, lanes))


async def test_whoever_waits_for_it_sees_at_once_that_it_was_set() -> None:
    playing = Replay(TALK)
    waiting = asyncio.ensure_future(playing.changed(1))  # paused at the beginning, where one event is due
    pace = asyncio.ensure_future(playing.ended())
    await asyncio.sleep(0)
    assert not waiting.done()
    playing.set(40_000, speed=0)
    assert await waiting == 2
    await pace
    playing.set(10**9, speed=0)
    again = asyncio.ensure_future(playing.again())
    await asyncio.sleep(0)
    assert not again.done()
    playing.set(0, speed=1)
    await again
    assert not playing.over


async def test_one_that_is_given_up_is_over() -> None:
    playing = Replay(TALK)
    waiting = asyncio.ensure_future(playing.changed(1))
    await asyncio.sleep(0)
    playing.close()
    assert await waiting == 1
    assert playing.over
    await playing.again()


async def test_one_that_stands_still_for_long_is_given_up() -> None:
    playing = Replay(TALK, idle=0.01)
    assert await playing.changed(1) == 1
    assert playing.closed


def test_lanes_that_said_nothing_are_over() -> None:
    playing = Replay([[], [Stamped(0, Failed("interrupted", "The app ended."))]])
    assert playing.over
    assert playing.answers() == (Answer(), fold([Stamped(0, Failed("interrupted", "The app ended."))]))
