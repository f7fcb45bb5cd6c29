"""How long a replay of very long answers takes to be anywhere else, and to be read at all."""

import time
from collections.abc import Callable
from random import Random

from backends import recording
from backends.events import Finished, ReasoningDelta, Sent, Stamped, TextDelta
from backends.replay import Replay
from benchmarks.figures import percentile, table

LANES, EVENTS = 6, 20_000
GAP = 5_000  # microseconds between two events of a lane
END = EVENTS * GAP


def lane(number: int) -> list[Stamped]:
    """Long reasoning, then an answer."""
    said = [ReasoningDelta(f"thought {i} ") if i < EVENTS * 0.7 else TextDelta(f"word {i} ") for i in range(EVENTS - 2)]
    events = [Sent("{}"), *said, Finished("stop")]
    return [Stamped(i * GAP + number, event) for i, event in enumerate(events)]


def timed(act: Callable[[], object]) -> float:
    """Milliseconds of CPU: nothing else may be running beside, and often something is."""
    started = time.process_time()
    act()
    return 1000 * (time.process_time() - started)


def main(quick: bool) -> None:
    recordings = [lane(number) for number in range(LANES)]
    dumped = [recording.dump(events) for events in recordings]
    replay, chance = Replay(recordings), Random(6)

    def seek(at: int) -> None:
        replay.set(at, speed=0)
        replay.answers()

    rows: dict[str, list[float]] = {"read": [], "begin": [], "to the end": [], "back a little": [], "anywhere": []}
    for _ in range(3 if quick else 10):
        rows["read"].append(timed(lambda: [list(recording.load(each)) for each in dumped]))
        rows["begin"].append(timed(lambda: Replay(recordings)))
        seek(0)
        rows["to the end"].append(timed(lambda: seek(END)))
        rows["back a little"].append(timed(lambda: seek(END - 100 * GAP)))
        rows["anywhere"].append(timed(lambda: seek(chance.randrange(END))))
    table(
        f"replay of {LANES} x {EVENTS:,} events, ms (aim: each seek under 200)",
        ["p50", "worst"],
        [[name, percentile(times, 0.5), max(times)] for name, times in rows.items()],
    )
