"""How late this process gets round to what it has to do: where it is late, what it times is its own slowness."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

TICK = 0.02  # seconds between two looks


@dataclass
class Lag:
    """In milliseconds, at each look that was due; `busy` is the share of one core that this process took."""

    late: list[float] = field(default_factory=list)
    busy: float = 0.0

    def share(self, of: float) -> float:
        """The percentile, by the nearest rank."""
        ranked = sorted(self.late)
        return ranked[ceil(len(ranked) * of) - 1] if ranked else 0.0


@contextmanager
def watched() -> Iterator[Lag]:
    """The lag of the running loop, for as long as the block takes."""
    lag = Lag()
    began, used = time.perf_counter(), time.process_time()
    looking = asyncio.create_task(_look(lag))
    try:
        yield lag
    finally:
        looking.cancel()
        lag.busy = (time.process_time() - used) / max(time.perf_counter() - began, 1e-9)


async def _look(lag: Lag) -> None:
    due = time.perf_counter()
    while True:
        due += TICK
        await asyncio.sleep(due - time.perf_counter())
        now = time.perf_counter()
        # those that were missed meanwhile were late too: else the longest wait would count as one of many
        while due + TICK <= now:
            lag.late.append((now - due) * 1000)
            due += TICK
        lag.late.append(max(0.0, now - due) * 1000)
