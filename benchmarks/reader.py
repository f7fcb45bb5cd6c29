"""What a lane costs beside a bare reader of the same stream: CPU per chunk, delay per event, and the fold."""

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Protocol

from backends.answer import Fold
from backends.events import TextDelta
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from backends.registry import Registry
from backends.runner import Run
from benchmarks import raw
from benchmarks.fake import STAMP, Script
from benchmarks.figures import medians, percentile, table
from benchmarks.servers import serving

CHUNKS = 25_600
STREAMS = (1, 4, 64)
KINDS = ("openai", "mistral")
BASELINE = "httpx + httpx-sse + json"
PACE = 100
Seen = Callable[[str], None]


class Reader(Protocol):
    async def read(self, streams: int, prompt: str, seen: Seen) -> None:
        """Asks `streams` times at once and shows every piece of text as it arrives."""

    async def aclose(self) -> None: ...


class Bare:
    """httpx, httpx-sse and json: the baseline."""

    def __init__(self, url: str) -> None:
        self._http = raw.client(url)

    async def read(self, streams: int, prompt: str, seen: Seen) -> None:
        async def one() -> None:
            async for text in raw.texts(self._http, prompt):
                seen(text)

        await asyncio.gather(*(one() for _ in range(streams)))

    async def aclose(self) -> None:
        await self._http.aclose()


class Lanes:
    """The same through a run, watched as the page watches it."""

    def __init__(self, kind: str, url: str) -> None:
        backend = Backend("fake", kind=kind, base_url=f"{url}/v1", model="fake", key_env="FAKE_KEY")
        self._lane, self._registry = Lane(backend), Registry([backend])

    async def read(self, streams: int, prompt: str, seen: Seen) -> None:
        asked = Prompt("", (UserTurn(prompt),))
        run, place = Run(self._registry.stream, [(self._lane, asked)] * streams), 0
        while not run.over or place < len(run.log):
            end = await run.changed(place)
            for entry in run.log[place:end]:
                if isinstance(entry.stamped.event, TextDelta):
                    seen(entry.stamped.event.text)
            place = end
        for answer in run.answers():
            assert not answer.failure, answer.failure

    async def aclose(self) -> None:
        await self._registry.aclose()


async def flood(reader: Reader, streams: int) -> float:
    """Microseconds of CPU per chunk when the server sends as fast as it can."""
    gc.collect()
    seen: list[str] = []
    each = CHUNKS // streams
    started = time.process_time()
    await reader.read(streams, str(Script(tokens=each, rate=0)), seen.append)
    used = time.process_time() - started
    assert len(seen) == each * streams, f"{len(seen)} of {each * streams} chunks arrived"
    return used / len(seen) * 1e6


async def paced(reader: Reader, seconds: int) -> dict[str, float]:
    """How late pieces are seen, in ms after the server sent them, and CPU per piece, at 4 streams at a human pace."""
    late: list[float] = []

    def note(text: str) -> None:
        if found := STAMP.match(text):
            late.append((time.time_ns() // 1000 - int(found[2])) / 1000)

    started = time.process_time()
    await reader.read(4, str(Script(tokens=PACE * seconds, rate=PACE, stamp=1)), note)
    used = time.process_time() - started
    assert len(late) == 4 * PACE * seconds, f"{len(late)} pieces arrived"
    shares = {"p50 ms": 0.5, "p95 ms": 0.95, "p99 ms": 0.99}
    return {name: percentile(late, share) for name, share in shares.items()} | {"CPU us": used / len(late) * 1e6}


async def measured(url: str, quick: bool) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Medians of `flood` and `paced` by reader; the readers take turns, so that a noisy moment falls on all alike."""
    readers: dict[str, Reader] = {BASELINE: Bare(url)} | {f"lane of kind {kind}": Lanes(kind, url) for kind in KINDS}
    floods: dict[str, list[dict[str, float]]] = {name: [] for name in readers}
    paces: dict[str, list[dict[str, float]]] = {name: [] for name in readers}
    for reader in readers.values():
        await reader.read(4, str(Script(rate=0)), lambda text: None)  # the first answer pays for imports
    for _ in range(2 if quick else 5):
        for name, reader in readers.items():
            floods[name].append({str(streams): await flood(reader, streams) for streams in STREAMS})
    for _ in range(1 if quick else 3):
        for name, reader in readers.items():
            paces[name].append(await paced(reader, 2 if quick else 4))
    for reader in readers.values():
        await reader.aclose()
    return {name: medians(each) for name, each in floods.items()}, {name: medians(each) for name, each in paces.items()}


def folds() -> dict[int, tuple[float, float]]:
    """Microseconds per event by length of the answer: folding alone, and with the answer read every ten events."""
    figures = {}
    for length in (1_000, 10_000, 100_000):
        rounds = 100_000 // length
        figures[length] = (fold_cost(length, rounds, length), fold_cost(length, rounds, 10))
    return figures


def fold_cost(length: int, rounds: int, every: int) -> float:
    event = TextDelta("words ")
    started = time.process_time()
    for _ in range(rounds):
        folding = Fold()
        for at in range(length):
            folding.add(at, event)
            if at % every == 0:
                folding.answer()
    return (time.process_time() - started) / (length * rounds) * 1e6


def main(quick: bool) -> None:
    with serving("-m", "benchmarks.fake") as fake:
        floods, paces = asyncio.run(measured(fake.url, quick))
    base, ms = floods[BASELINE], [name for name in paces[BASELINE] if name.endswith("ms")]
    table(
        "CPU us per chunk, flood (aim: ratio at most 2)",
        [f"{streams} streams" for streams in base] + [f"ratio {streams}" for streams in base],
        [
            [name, *figures.values(), *(figures[streams] / base[streams] for streams in base)]
            for name, figures in floods.items()
        ],
    )
    table(
        f"delay per event, 4 x {PACE} tokens/s (aim: p95 adds less than 5 ms)",
        [*paces[BASELINE], *(f"adds {name}" for name in ms)],
        [
            [name, *figures.values(), *(figures[key] - paces[BASELINE][key] for key in ms)]
            for name, figures in paces.items()
        ],
    )
    table(
        "CPU us per event in the fold (aim: flat)",
        ["folded", "and read every 10"],
        [[f"{length:,} events", *costs] for length, costs in folds().items()],
    )
