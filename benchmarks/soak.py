"""Many evaluators at once for minutes, without browsers: `python -m benchmarks.soak --minutes 10 --evaluators 50`.

Each asks 4 lanes of the fake server, follows the answers as a page does, and asks again. Told are what the app adds to
each token's way (until it is recorded, and until the page has it), what was lost, and how memory grows.
"""

import argparse
import asyncio
import time
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from sqlalchemy import Connection, select

from backends.answer import State
from backends.events import Stamped, TextDelta
from benchmarks import page
from benchmarks.evaluator import Evaluator, Refused
from benchmarks.figures import cpu, memory, others, percentile, table, tree
from benchmarks.servers import Server, serving
from storage import rows
from storage.database import reading
from storage.schema import answers, comparisons
from tests.fake.script import STAMP, Script

LANES = 4
SECONDS = 30  # of one answer
STAMPED = 10  # one token in so many tells when it left
PACE = 2.0  # seconds between looks at memory
PATIENCE = 120.0  # seconds that the last answers may take beyond their time


@dataclass
class Load:
    """What is asked, and what was seen of it."""

    evaluators: int
    minutes: float
    rate: int
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds, MB
    late: "array[float]" = field(default_factory=lambda: array("d"))  # ms, where the page has it
    seen: int = 0
    asked: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def script(self) -> Script:
        return Script(self.rate * SECONDS, self.rate, stamp=STAMPED)

    @property
    def stamps(self) -> list[int]:
        last = self.script.tokens - 1
        return sorted({*range(0, last, STAMPED), last})


@dataclass
class Stored:
    """What the recordings hold."""

    late: "array[float]" = field(default_factory=lambda: array("d"))  # ms, where the app recorded it
    lanes: int = 0
    tokens: int = 0
    lost: int = 0
    shuffled: int = 0
    broken: int = 0
    paces: list[float] = field(default_factory=list)  # tokens a second, of each lane

    def add(self, load: Load, started: float, state: State, recording: Sequence[Stamped]) -> None:
        texts = [each for each in recording if isinstance(each.event, TextDelta)]
        found = [(each.at, STAMP.fullmatch(each.event.text.strip())) for each in texts]  # type: ignore[union-attr]
        stamps = [(at, int(stamp[1]), int(stamp[2])) for at, stamp in found if stamp]
        indices = [index for _, index, _ in stamps]
        self.lanes += 1
        self.tokens += len(texts)
        self.lost += load.script.tokens - len(texts) + len({*load.stamps} - {*indices})
        self.shuffled += indices != sorted(set(indices))
        self.broken += state is not State.DONE
        self.late.extend((started + at / 1e6) * 1e3 - left / 1e3 for at, _, left in stamps)
        if len(stamps) > 1:
            self.paces.append((indices[-1] - indices[0]) / ((stamps[-1][2] - stamps[0][2]) / 1e6))


async def evaluate(url: str, load: Load, number: int, until: float) -> None:
    """One evaluator, who comes in their turn and asks until the time is up."""
    await asyncio.sleep(number * min(SECONDS, load.minutes * 30) / load.evaluators)
    async with httpx.AsyncClient(base_url=f"{url}/", trust_env=False, timeout=PATIENCE) as http:
        try:
            evaluator = Evaluator(http, page.NAMES)
            await evaluator.arrive()
            while time.time() < until:
                await _compare(evaluator, load)
        except (httpx.HTTPError, Refused) as error:
            load.errors[repr(error)[:200]] += 1


async def _compare(evaluator: Evaluator, load: Load) -> None:
    found: set[tuple[str, ...]] = set()

    def heard(message: bytes) -> None:
        now = time.time() * 1e3
        for stamp in STAMP.finditer(message.decode()):
            if stamp.groups() not in found:
                found.add(stamp.groups())
                load.late.append(now - int(stamp[2]) / 1e3)

    load.asked += 1
    run = await evaluator.ask(f"{load.script} Compare these.")
    await evaluator.act("show", [run])
    await evaluator.watch(run, heard)
    load.seen += len(found)


@asynccontextmanager
async def weighed(load: Load, app: Server) -> AsyncIterator[None]:
    async def weigh() -> None:
        began = time.monotonic()
        while True:
            load.memory.append((time.monotonic() - began, memory(tree(app.pid))))
            await asyncio.sleep(PACE)

    weighing = asyncio.create_task(weigh())
    yield
    weighing.cancel()


async def soak(app: Server, load: Load) -> None:
    until = time.time() + load.minutes * 60
    async with weighed(load, app), asyncio.TaskGroup() as group:
        for number in range(load.evaluators):
            group.create_task(evaluate(app.url, load, number, until))


def stored(connection: Connection, load: Load) -> Stored:
    found = Stored()
    lanes = select(answers.c.id, comparisons.c.started_at, answers.c.state).join(comparisons)
    for id_, started, state in connection.execute(lanes.where(comparisons.c.origin == "")).all():
        recording = rows.recordings(connection, [id_])[id_]
        found.add(load, started.timestamp() if started else 0.0, State(state), recording)
    return found


def measure(load: Load) -> dict[str, float]:
    with TemporaryDirectory() as folder, serving("-m", "tests.fake") as fake:
        environ = page.kept_in(Path(folder), fake.url)
        with serving("app.py", **environ) as app:
            here, ours, theirs, elsewhere = time.time(), cpu(tree(app.pid)), cpu(tree(fake.pid)), others()
            began = time.process_time()
            asyncio.run(soak(app, load))
            seconds = time.time() - here
            busy = {
                "app CPU, cores": (cpu(tree(app.pid)) - ours) / seconds,
                "fake CPU, cores": (cpu(tree(fake.pid)) - theirs) / seconds,
                "evaluators CPU, cores": (time.process_time() - began) / seconds,
                "busy with other things, cores": max(0.0, (others() - elsewhere) / seconds),
            }
            engine = reading(environ["DATABASE_URL"])
            with engine.connect() as connection:
                kept = stored(connection, load)
            engine.dispose()
    return {**told(load, kept, seconds), **busy}


def told(load: Load, kept: Stored, seconds: float) -> dict[str, float]:
    at, weight = np.array(load.memory).T
    later = at >= at[-1] / 2
    return {
        "asked tokens a second": load.evaluators * LANES * load.rate,
        "stored tokens a second": kept.tokens / seconds,
        "a lane's pace, share of the asked, p5": percentile(kept.paces, 0.05) / load.rate,
        "comparisons": load.asked,
        "lanes": kept.lanes,
        "tokens": kept.tokens,
        "lost tokens": kept.lost,
        "lanes out of order": kept.shuffled,
        "lanes without a good end": kept.broken,
        "errors at the page": load.errors.total(),
        "recorded late p50 ms": percentile(kept.late, 0.5),
        "recorded late p95 ms": percentile(kept.late, 0.95),
        "recorded late p99 ms": percentile(kept.late, 0.99),
        "at the page late p50 ms": percentile(load.late, 0.5),
        "at the page late p95 ms": percentile(load.late, 0.95),
        "stamps that reached the page, share": load.seen / max(1, kept.lanes * len(load.stamps)),
        "memory at first MB": float(weight[0]),
        "memory at most MB": float(weight.max()),
        "memory at last MB": float(weight[-1]),
        "memory, MB a minute in the second half": float(np.polyfit(at[later], weight[later], 1)[0]) * 60,
    }


def run(levels: Sequence[int], minutes: float, rate: int) -> None:
    loads = [Load(evaluators, minutes, rate) for evaluators in levels]
    found = [measure(load) for load in loads]
    table(
        f"soak: evaluators x {LANES} lanes x {rate} tokens/s for {minutes:g} min",
        [f"{load.evaluators} evaluators" for load in loads],
        [[name, *(each[name] for each in found)] for name in found[0]],
    )
    for load in loads:
        for error, times in load.errors.most_common(5):
            print(f"{load.evaluators} evaluators: {times} x {error}")


def main(quick: bool) -> None:
    run([5] if quick else [5, 10], 0.5 if quick else 1, 50)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Many evaluators at once.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--evaluators", type=int, nargs="+", default=[50])
    parser.add_argument("--rate", type=int, default=50, help="tokens a second of each lane")
    chosen = parser.parse_args()
    run(chosen.evaluators, chosen.minutes, chosen.rate)
