"""A deadline over many short waits, for the price of one timer. It knows nothing of what is waited for."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Alarm:
    """Ends the wait that its `deadline` meets; the deadline, a time of the event loop, may be moved between waits.

    `asyncio.timeout` would set and clear a timer at every wait: at each read of a stream, as much work as the decoding.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._rang = False

    async def wait(self, awaited: Awaitable[T]) -> T:
        """What it gives. Raises TimeoutError where that takes too long."""
        task = asyncio.current_task()
        assert task
        cancelled_before = task.cancelling()
        if self._timer is None or self._timer.when() > self.deadline:
            self._set()
        self._waiting = task
        try:
            return await awaited
        except asyncio.CancelledError as error:
            if self._rang and task.uncancel() <= cancelled_before:
                raise TimeoutError from error
            raise  # somebody else wants the task to end
        finally:
            self._waiting = None

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _set(self) -> None:
        self.close()
        self._timer = self._loop.call_at(self.deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiting and self._loop.time() < self.deadline:
            self._set()  # it was moved
        elif self._waiting:
            self._rang = True
            self._waiting.cancel()
