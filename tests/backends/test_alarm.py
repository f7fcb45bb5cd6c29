"""A deadline over many waits: it ends the one that it meets, and is no cancellation by somebody else."""

import asyncio

import pytest

from backends.alarm import Alarm

SOON, LATE = 0.3, 30.0


def later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_a_wait_in_time_gives_its_result() -> None:
    assert await Alarm(later(LATE)).wait(asyncio.sleep(0, "it")) == "it"


async def test_a_wait_that_meets_the_deadline_ends_and_the_task_goes_on() -> None:
    with pytest.raises(TimeoutError):
        await Alarm(later(SOON)).wait(asyncio.Event().wait())
    await asyncio.sleep(0)


async def test_a_deadline_that_was_moved_away_lets_a_wait_go_on() -> None:
    alarm = Alarm(later(SOON))
    await alarm.wait(asyncio.sleep(0))
    alarm.deadline = later(LATE)
    assert await alarm.wait(asyncio.sleep(2 * SOON, "it")) == "it"
    alarm.close()


async def test_a_deadline_that_was_moved_nearer_ends_a_wait() -> None:
    alarm = Alarm(later(LATE))
    await alarm.wait(asyncio.sleep(0))
    alarm.deadline = later(SOON)
    with pytest.raises(TimeoutError):
        await alarm.wait(asyncio.Event().wait())


async def test_nothing_rings_while_nothing_waits() -> None:
    alarm = Alarm(later(SOON))
    await alarm.wait(asyncio.sleep(0))
    await asyncio.sleep(2 * SOON)
    alarm.deadline = later(LATE)
    assert await alarm.wait(asyncio.sleep(0, "it")) == "it"
    alarm.close()


async def test_who_is_cancelled_from_outside_is_cancelled() -> None:
    waiting = asyncio.create_task(Alarm(later(LATE)).wait(asyncio.Event().wait()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
