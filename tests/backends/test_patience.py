"""Who waits does so once, only where the server asks, and not on anybody's clock."""

import time
from collections.abc import AsyncGenerator

import pytest

from backends.answer import State
from backends.errors import BackendError
from backends.events import Event, Finished, Reported, Sent, TextDelta, Usage, Waited
from backends.lane import Backend, Lane
from backends.patience import LONGEST, patient
from backends.prompt import Prompt
from backends.runner import Run, Stream

PATIENT = Lane(Backend("lane", "vllm"), waits=True)
SECONDS = 0.3
BUSY = BackendError("rate_limit", "lane is busy.", SECONDS)
ANSWER = [Sent("again"), TextDelta("Hi"), Finished("stop")]


def scripted(*tries: list[Event | BackendError]) -> Stream:
    """A stream that says something else at each try."""
    coming = iter(tries)

    async def stream(lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        for step in next(coming):
            if isinstance(step, BackendError):
                raise step
            yield step

    return stream


async def answered(stream: Stream, prompt: Prompt, lane: Lane = PATIENT) -> tuple[list[Event], BackendError | None]:
    events: list[Event] = []
    try:
        async for event in patient(stream)(lane, prompt):
            events.append(event)  # noqa: PERF401 (what came before a failure counts)
    except BackendError as error:
        return events, error
    return events, None


async def test_a_lane_that_waits_asks_again_when_the_server_asks_it_to(prompt: Prompt) -> None:
    began = time.monotonic()
    events, error = await answered(scripted([Sent("first"), BUSY], ANSWER), prompt)
    assert time.monotonic() - began >= SECONDS
    assert (events, error) == ([Sent("first"), Waited(SECONDS), *ANSWER], None)


async def test_it_waits_once(prompt: Prompt) -> None:
    events, error = await answered(scripted([Sent("first"), BUSY], [Sent("again"), BUSY]), prompt)
    assert (events, error) == ([Sent("first"), Waited(SECONDS), Sent("again")], BUSY)


async def test_a_lane_that_does_not_wait_fails_at_once(prompt: Prompt) -> None:
    assert await answered(scripted([BUSY]), prompt, Lane(PATIENT.backend)) == ([], BUSY)


@pytest.mark.parametrize("after", [None, LONGEST + 1])
async def test_without_a_time_or_with_a_long_one_nobody_waits(after: float | None, prompt: Prompt) -> None:
    error = BackendError("overloaded", "lane is down.", after)
    assert await answered(scripted([error]), prompt) == ([], error)


@pytest.mark.parametrize("said", [TextDelta("Hi"), Finished("stop")])
async def test_what_was_begun_is_not_asked_for_again(said: Event, prompt: Prompt) -> None:
    assert await answered(scripted([said, BUSY]), prompt) == ([said], BUSY)


async def test_what_is_no_word_of_the_answer_does_not_matter(prompt: Prompt) -> None:
    told = [Reported("m"), Usage(prompt=3)]
    assert await answered(scripted([*told, BUSY], ANSWER), prompt) == ([*told, Waited(SECONDS), *ANSWER], None)


async def test_the_wait_is_told_and_is_no_latency(prompt: Prompt) -> None:
    run = Run(patient(scripted([Sent("first"), BUSY], ANSWER)), [(PATIENT, prompt)])
    await run.ended()
    (answer,) = run.answers()
    assert (answer.state, answer.text, answer.waited, answer.request) == (State.DONE, "Hi", SECONDS, "again")
    assert answer.times.sent >= SECONDS * 1e6
    assert answer.times.first - answer.times.sent < SECONDS * 1e6


async def test_a_lane_that_waits_can_be_stopped(prompt: Prompt) -> None:
    busy = BackendError("rate_limit", "lane is busy.", LONGEST)
    run = Run(patient(scripted([Sent("first"), busy])), [(PATIENT, prompt)])
    await run.changed(0)
    assert run.answers()[0].waited == LONGEST  # told while it waits
    run.stop()
    await run.ended()
    assert run.answers()[0].state == State.STOPPED
