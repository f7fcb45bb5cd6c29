"""What a lane costs beside a bare reader of the same stream: CPU per chunk, delay per event, and the fold."""

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from backends.answer import Fold
from backends.events import ReasoningDelta, TextDelta
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from backends.registry import Registry
from backends.runner import Run
from benchmarks import raw
from benchmarks.figures import medians, percentile, table
from benchmarks.servers import serving
from tests.fake.script import STAMP, Script

CHUNKS = 25_600
KINDS = ("openai", "mistral")
BASELINE = "httpx + httpx-sse + json"
KEY = "BENCHMARK_API_KEY"
LANES, RATE, SECONDS = 4, 100, 4
Figures = dict[str, float]
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
    """The same through a run, watched as the page watches it; `pieces` are what it shows."""

    def __init__(self, kind: str, url: str, pieces: type[TextDelta | ReasoningDelta] = TextDelta) -> None:
        self._pieces = pieces
        backend = Backend("fake", kind=kind, base_url=f"{url}/{kind}/v1", model="fake", key_env=KEY)
        self._lane, self._registry = Lane(backend), Registry((backend,), (), os.environ)

    async def read(self, streams: int, prompt: str, seen: Seen) -> None:
        asked = Prompt("", (UserTurn(prompt),))
        run, place = Run(self._registry.stream, [(self._lane, asked)] * streams), 0
        while not run.over or place < len(run.log):
            end = await run.changed(place)
            for entry in run.log[place:end]:
                if isinstance(entry.stamped.event, self._pieces):
                    seen(entry.stamped.event.text)
            place = end
        for answer in run.answers():
            assert not answer.failure, answer.failure

    async def aclose(self) -> None:
        await self._registry.aclose()


def answering(chunks: int) -> Script:
    return Script(tokens=chunks, rate=0)


def thinking(chunks: int) -> Script:
    """The last thought comes with the one word of the answer, where the kind has them come so."""
    return Script(tokens=1, reasoning=chunks, rate=0)


async def flood(reader: Reader, script: Callable[[int], Script] = answering) -> Figures:
    """Microseconds of CPU per chunk when the server sends as fast as it can, by the number of streams at once.

    The last figure is that of a request for a single chunk: what asking costs, whatever the length of the answer.
    """
    streaming = {f"{streams} at once": await flood_cost(reader, script, streams, CHUNKS) for streams in (1, 4, 64)}
    return streaming | {"asking": await flood_cost(reader, script, 16, 16)}


async def flood_cost(reader: Reader, script: Callable[[int], Script], streams: int, chunks: int) -> float:
    gc.collect()
    seen: list[str] = []
    started = time.process_time()
    await reader.read(streams, str(script(chunks // streams)), seen.append)
    used = time.process_time() - started
    assert len(seen) == chunks, f"{len(seen)} of {chunks} chunks arrived"
    return used / chunks * 1e6


async def pace(reader: Reader) -> Figures:
    """At a human pace: how many ms after the server sent it a piece is seen, and the CPU it takes."""
    late: list[float] = []

    def note(text: str) -> None:
        if found := STAMP.match(text):
            late.append((time.time_ns() // 1000 - int(found[2])) / 1000)

    started = time.process_time()
    await reader.read(LANES, str(Script(tokens=RATE * SECONDS, rate=RATE, stamp=1)), note)
    used = time.process_time() - started
    assert len(late) == LANES * RATE * SECONDS, f"{len(late)} pieces arrived"
    shares = {"p50 ms": 0.5, "p95 ms": 0.95, "p99 ms": 0.99}
    return {name: percentile(late, share) for name, share in shares.items()} | {"CPU us": used / len(late) * 1e6}


async def in_turns(
    readers: dict[str, Reader], measure: Callable[[Reader], Awaitable[Figures]], repeats: int
) -> dict[str, Figures]:
    """Medians by reader; they take turns, so that a noisy moment falls on all alike."""
    rounds = [{name: await measure(reader) for name, reader in readers.items()} for _ in range(repeats)]
    return {name: medians([each[name] for each in rounds]) for name in readers}


async def measured(url: str, quick: bool) -> tuple[dict[str, Figures], ...]:
    """Floods of answers, floods of thoughts in the Mistral API's lists, and answers at a human pace."""
    readers: dict[str, Reader] = {BASELINE: Bare(f"{url}/openai")} | {
        f"lane of kind {kind}": Lanes(kind, url) for kind in KINDS
    }
    thinkers: dict[str, Reader] = {  # the bare one does not even look into the lists
        BASELINE: Bare(f"{url}/mistral"),
        "lane of kind mistral": Lanes("mistral", url, ReasoningDelta),
    }
    for reader in (*readers.values(), *thinkers.values()):
        await reader.read(1, str(Script(rate=0)), lambda text: None)  # the first answer pays for imports
    floods = await in_turns(readers, flood, 2 if quick else 5)
    thoughts = await in_turns(thinkers, partial(flood, script=thinking), 2 if quick else 5)
    paces = await in_turns(readers, pace, 1 if quick else 3)
    for reader in (*readers.values(), *thinkers.values()):
        await reader.aclose()
    return floods, thoughts, paces


def fold_cost(length: int, every: int) -> float:
    """Microseconds per event of an answer of this length that is read after every so many events."""
    event, rounds = TextDelta("words "), 100_000 // length
    started = time.process_time()
    for _ in range(rounds):
        folding = Fold()
        for at in range(length):
            folding.add(at, event)
            if at % every == 0:
                folding.answer()
    return (time.process_time() - started) / (length * rounds) * 1e6


def main(quick: bool) -> None:
    os.environ[KEY] = "any"
    with serving("-m", "tests.fake") as fake:
        floods, thoughts, paces = asyncio.run(measured(fake.url, quick))
    for found, of in (floods, "chunk"), (thoughts, "thought in a list"):
        base = found[BASELINE]
        table(
            f"CPU us per {of}, as fast as they come (aim: ratio at most 2); asking: a request for one",
            [*base, *(f"ratio, {key}" for key in base)],
            [[name, *own.values(), *(own[key] / base[key] for key in base)] for name, own in found.items()],
        )
    base = paces[BASELINE]
    table(
        f"delay per event, {LANES} x {RATE} tokens/s (aim: the lanes add less than 5 ms at p95)",
        [*base, *(f"adds {key}" for key in base)],
        [[name, *own.values(), *(own[key] - base[key] for key in base)] for name, own in paces.items()],
    )
    table(
        "CPU us per event in the fold (aim: flat)",
        ["folded", "and read every 10"],
        [[f"{each:,} events", fold_cost(each, each), fold_cost(each, 10)] for each in (1_000, 10_000, 100_000)],
    )
