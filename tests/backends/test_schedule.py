"""When a run asks its lanes: at once or one after another, after a warm-up, several times."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import warming
from backends.answer import State, fold
from backends.errors import BackendError
from backends.events import Event, Finished, Sent, Stamped, TextDelta, Warmed
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from backends.recording import dump, load
from backends.runner import Run
from backends.schedule import Schedule

PROMPT = Prompt("", (UserTurn("What is 1+1?"),))
A, B, C = (Lane(Backend(name, "k", f"http://{name}"), name) for name in "abc")


class Server:
    """Says a word to whom it is told to let `go`, or to everybody; `asked` are the models and what they were asked."""

    def __init__(self, *, everybody: bool = False, broken: tuple[str, ...] = ()) -> None:
        self.asked: list[tuple[str, str]] = []
        self.at_once = self.most = 0
        self._everybody, self._broken = everybody, broken
        self._go: dict[str, asyncio.Event] = {}
        self._news = asyncio.Event()

    async def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        (turn,) = prompt.turns
        assert isinstance(turn, UserTurn)
        self.asked.append((lane.model, turn.text))
        self._news.set()
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            yield Sent("{}")
            await asyncio.sleep(0)
            if not self._everybody and prompt == PROMPT:
                await self._gate(lane.model).wait()
            if lane.model in self._broken and prompt != PROMPT:
                raise BackendError("unreachable", "Nobody is there.")
            yield TextDelta("2")
            yield Finished("stop")
        finally:
            self.at_once -= 1

    def go(self, lane: Lane) -> None:
        self._gate(lane.model).set()

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(60):
            while len(self.asked) < times:
                self._news.clear()
                await self._news.wait()

    def _gate(self, model: str) -> asyncio.Event:
        return self._go.setdefault(model, asyncio.Event())


def running(server: Server, *lanes: Lane, schedule: Schedule, warm_up: bool = False, samples: int = 1) -> Run:
    asked = [(lane, PROMPT) for lane in lanes] * samples
    return Run(server.stream, asked, schedule=schedule, warm_up=warm_up, samples=samples)


async def over(run: Run) -> Run:
    async with asyncio.timeout(60):
        await run.ended()
    return run


def models(server: Server) -> str:
    return "".join(model for model, _ in server.asked)


async def test_one_after_another_no_two_are_asked_at_once() -> None:
    server = Server(everybody=True)
    run = await over(running(server, A, B, C, schedule=Schedule.SEQUENTIAL, samples=2))
    assert (models(server), server.most) == ("abcabc", 1)
    assert [answer.text for answer in run.answers()] == ["2"] * 6
    await over(running(server := Server(everybody=True), A, B, C, schedule=Schedule.PARALLEL))
    assert server.most == 3


async def test_waiting_for_its_turn_is_nobodys_latency() -> None:
    server = Server()
    run = running(server, A, B, schedule=Schedule.SEQUENTIAL)
    await server.until_asked(1)
    assert run.answers()[1].times.sent is None
    server.go(A)
    await server.until_asked(2)
    server.go(B)
    one, two = (await over(run)).answers()
    assert one.times.end is not None
    assert two.times.sent is not None
    assert two.times.sent >= one.times.end


async def test_a_lane_that_waits_for_its_turn_can_be_stopped_and_lets_nobody_jump_the_queue() -> None:
    server = Server()
    run = running(server, A, B, C, schedule=Schedule.SEQUENTIAL)
    await server.until_asked(1)
    run.stop(1)
    async with asyncio.timeout(60):
        while run.answers()[1].state is not State.STOPPED:
            await run.changed(len(run.log))
    assert models(server) == "a"
    server.go(A)
    await server.until_asked(2)
    server.go(C)
    await over(run)
    assert [answer.state for answer in run.answers()] == [State.DONE, State.STOPPED, State.DONE]
    assert (models(server), server.most) == ("ac", 1)


async def test_stopping_a_lane_stops_its_further_samples() -> None:
    server = Server()
    run = running(server, A, B, schedule=Schedule.PARALLEL, samples=3)
    await server.until_asked(2)
    run.stop(0)
    server.go(B)
    await over(run)
    assert [answer.state for answer in run.answers()] == [State.STOPPED, State.DONE] * 3
    assert server.most == 2
    assert models(server) == "abbb"


@pytest.mark.parametrize("schedule", Schedule)
async def test_each_server_is_warmed_up_once_before_its_first_lane(schedule: Schedule) -> None:
    server = Server(everybody=True)
    run = await over(running(server, A, B, A, schedule=schedule, warm_up=True, samples=2))
    small = [(model, text) for model, text in server.asked if text != "What is 1+1?"]
    assert sorted(model for model, _ in small) == ["a", "b"]
    if schedule is Schedule.PARALLEL:
        assert {text for _, text in server.asked[:2]} == {"Hi"}
    else:
        assert models(server) == "aabbaaba"
    warm = [answer.warmed for answer in run.answers()]
    assert [each is not None for each in warm] == [True, True, *[False] * 4]
    assert all(answer.text == "2" for answer in run.answers())
    first = next(entry.stamped for entry in run.log if entry.lane == 0)
    assert isinstance(first.event, Warmed)
    assert fold(load(dump([first]))).warmed == first.event


async def test_a_warm_up_that_fails_fails_no_lane() -> None:
    server = Server(everybody=True, broken=("a",))
    run = await over(running(server, A, B, schedule=Schedule.PARALLEL, warm_up=True))
    one, two = run.answers()
    assert one.warmed is not None
    assert one.warmed.failure == "Nobody is there."
    assert (one.state, two.state) == (State.DONE, State.DONE)


async def test_a_warm_up_takes_its_time_but_not_for_ever() -> None:
    async def silent(_lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        await asyncio.Event().wait()
        yield Finished("stop")

    done = await warming.warmed(silent, A, longest=0.01)
    assert done.failure == "a did not answer within 0.01 s."
    assert done.seconds >= 0.01


async def test_stopped_while_its_server_warms_up_a_lane_holds_nobody_back() -> None:
    held = asyncio.Event()

    async def stream(lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        if lane.model == "a" and prompt != PROMPT:
            held.set()
            await asyncio.Event().wait()
        yield Finished("stop")

    run = Run(stream, [(A, PROMPT), (B, PROMPT)], warm_up=True)
    await held.wait()
    run.stop(0)
    await over(run)
    assert [answer.state for answer in run.answers()] == [State.STOPPED, State.DONE]


async def test_a_kept_recording_is_not_asked_for_and_keeps_its_own_times() -> None:
    server = Server(everybody=True)
    kept = [Stamped(70, Sent("{}")), Stamped(90, TextDelta("two")), Stamped(95, Finished("stop"))]
    run = Run(server.stream, [(A, PROMPT), (B, PROMPT)], {0: kept}, Schedule.SEQUENTIAL, warm_up=True)
    await over(run)
    assert run.answers()[0] == fold(kept)
    assert models(server) == "bb"
    run = Run(server.stream, [(A, PROMPT)], {0: kept})
    assert run.over
    await over(run)


@given(st.integers(1, 6), st.integers(1, 4), st.sampled_from(Schedule))
def test_whoever_waits_waits_for_those_before_it(lanes: int, samples: int, schedule: Schedule) -> None:
    for index in range(lanes * samples):
        assert all(earlier < index for earlier in schedule.before(index, lanes))
        if index >= lanes:
            assert index - lanes in schedule.before(index, lanes)
