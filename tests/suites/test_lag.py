"""How late this process is itself."""

import asyncio
import time

from suites.lag import TICK, Lag, watched


def test_a_percentile_is_the_nearest_rank() -> None:
    lag = Lag([float(n) for n in range(1, 21)])
    assert [lag.share(of) for of in (0.05, 0.5, 0.95, 1)] == [1, 10, 19, 20]
    assert Lag().share(0.95) == 0


async def test_a_long_wait_counts_for_all_the_looks_that_it_kept_from_being_taken() -> None:
    with watched() as lag:
        await asyncio.sleep(0)
        time.sleep(20 * TICK)  # noqa: ASYNC251
        await asyncio.sleep(TICK)  # a look is due already, so it comes first
    assert len(lag.late) >= 19
    assert lag.share(1) >= 1000 * 18 * TICK
    assert lag.share(0.5) >= lag.share(1) / 4
