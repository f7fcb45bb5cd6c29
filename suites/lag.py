"""How late this process gets round to what it has to do: where it is late, what it times is its own slowness."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TICK = 0.02  # seconds between two looks


@dataclass
class Lag:
    """In milliseconds; `busy` is the share of one core that this process took."""

    late: list[float] = field(default_factory=list)
    busy: float = 0.0

    def share(self, of: float) -> float:
        ranked = sorted(self.late)
        return ranked[min(len(ranked) - 1, int(len(ranked) * of))] if ranked else 0.0


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
    while True:
        due = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        lag.late.append(max(0.0, time.perf_counter() - due) * 1000)
