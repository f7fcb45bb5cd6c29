"""What the store costs at many comparisons: saving, rating, paging, searching, exporting and counting, each beside the
same done by SQLite alone."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from backends.answer import fold
from backends.events import Finished, ReasoningDelta, Sent, Stamped, TextDelta
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from backends.runner import Entry
from benchmarks.figures import percentile, table
from benchmarks.generated import VOCABULARY, Made, copied, paragraphs
from storage import search
from storage.comparison import EVERYTHING, Filter
from storage.ratings import Judgement
from storage.store import Store

ROWS = 25
EVALUATORS = 16
PLAIN = "SELECT * FROM comparisons WHERE number < ? ORDER BY number DESC LIMIT 26"
PLAIN_SEARCH = "SELECT rowid FROM searchable_fts WHERE searchable_fts MATCH ? ORDER BY rowid DESC LIMIT 26"
COUNTS = "SELECT model_a, model_b, winner, count(*) FROM battles GROUP BY model_a, model_b, winner"
UNCOUNTED = """SELECT a.model, b.model, json_extract(ranking, '$[0][0]') = 0, count(*) FROM ratings
JOIN answers a ON a.comparison_id = ratings.comparison_id AND a.position = 0
JOIN answers b ON b.comparison_id = ratings.comparison_id AND b.position = 1 GROUP BY 1, 2, 3"""
TABLES = ("prompts", "comparisons", "answers", "texts", "recording_chunks", "showings")
LANES = tuple(
    Lane(Backend(name, "vllm", model="m"), "m", effort=effort) for name in "ab" for effort in ("high", "none")
)


async def timed(each: Callable[[int], Awaitable[object]], clients: int, times: int) -> tuple[list[float], float]:
    """Milliseconds of each, and how many a second; clients come one after the other's end, all at once."""
    took: list[float] = []

    async def client(number: int) -> None:
        for turn in range(times):
            started = time.perf_counter()
            await each(number * times + turn)
            took.append(1000 * (time.perf_counter() - started))

    started = time.perf_counter()
    await asyncio.gather(*map(client, range(clients)))
    return took, len(took) / (time.perf_counter() - started)


def once(work: Callable[[], object]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def often(work: Callable[[], object], times: int) -> list[float]:
    work()
    return [once(work) for _ in range(times)]


# --- saving


def said(chance: Random) -> list[Stamped]:
    """About 8 KB of reasoning and 4 KB of answer, in pieces of ten words."""
    words = [word for _ in range(54) for word in chance.choice(paragraphs())]
    pieces = ["".join(words[place : place + 10]) for place in range(0, len(words), 10)]
    kinds = [ReasoningDelta] * (len(pieces) * 2 // 3) + [TextDelta] * (len(pieces) - len(pieces) * 2 // 3)
    events = [Sent("{}"), *(kind(piece) for kind, piece in zip(kinds, pieces, strict=True)), Finished("stop")]
    return [Stamped(20_000 * place, event) for place, event in enumerate(events)]


def saving(store: Store) -> Callable[[int], Awaitable[object]]:
    """Saves a whole comparison of four lanes: once asked, once ended."""
    chance = Random(3)
    spoken = [said(chance) for _ in range(40)]
    folded = [fold(events) for events in spoken]

    async def save(number: int) -> None:
        prompt = Prompt("", (UserTurn(f"Question {number} {chance.getrandbits(64):x}"),))
        comparison_id = await store.create(prompt, [(lane, prompt) for lane in LANES])
        chosen = chance.sample(range(40), len(LANES))
        entries = [Entry(lane, event) for lane, each in enumerate(chosen) for event in spoken[each]]
        ended = {lane: folded[each] for lane, each in enumerate(chosen)}
        await store.append(comparison_id, datetime.now(UTC), entries, ended, [()] * len(LANES))

    return save


def bare_saves(path: Path, count: int) -> float:
    """The newest comparisons' rows, written anew in as many commits by SQLite's own module, without any index of texts
    or filters: how many a second."""
    kept = sqlite3.connect(path)
    rows = []
    for comparison_id, prompt_id in kept.execute(
        "SELECT id, prompt_id FROM comparisons ORDER BY number DESC LIMIT ?", (count,)
    ):
        of = {
            "prompts": ("id = ?", prompt_id),
            "comparisons": ("id = ?", comparison_id),
            "texts": ("answer_id IN (SELECT id FROM answers WHERE comparison_id = ?)", comparison_id),
            "recording_chunks": ("answer_id IN (SELECT id FROM answers WHERE comparison_id = ?)", comparison_id),
        }
        asked = ((name, of.get(name, ("comparison_id = ?", comparison_id))) for name in TABLES)
        rows.append(
            {
                name: kept.execute(f"SELECT * FROM {name} WHERE {which}", (key,)).fetchall()
                for name, (which, key) in asked
            }
        )
    with TemporaryDirectory(dir=path.parent) as folder:
        bare = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        declared = (
            f"SELECT sql FROM sqlite_master WHERE sql > '' AND type IN ('table', 'index') AND tbl_name IN {TABLES}"
        )
        for (made,) in kept.execute(declared):
            bare.execute(made)
        started = time.perf_counter()
        for each in rows:
            for some in (("prompts", "comparisons", "answers", "showings"), ("texts", "recording_chunks")):
                bare.execute("BEGIN IMMEDIATE")
                for name in some:
                    if each[name]:
                        bare.executemany(
                            f"INSERT INTO {name} VALUES ({','.join('?' * len(each[name][0]))})", each[name]
                        )
                bare.execute("COMMIT")
        took = time.perf_counter() - started
        bare.close()
    kept.close()
    return count / took


async def saves(store: Store, path: Path, quick: bool) -> None:
    count = 100 if quick else 400
    save = saving(store)
    alone, alone_rate = await timed(save, 1, count)
    crowd, crowd_rate = await timed(save, 16, count // 16)
    bare = bare_saves(path, count)
    table(
        "comparisons saved, 4 lanes of 12 KB each, in 2 commits with FULL (aim: 200/s), beside the same rows by SQLite "
        f"alone ({bare:.0f}/s)",
        ["/s", "ratio", "ms p50", "p99"],
        [
            [name, rate, rate / bare, percentile(took, 0.5), percentile(took, 0.99)]
            for name, took, rate in (("one at a time", alone, alone_rate), ("16 at a time", crowd, crowd_rate))
        ],
    )


# --- rating


async def rates(store: Store, ids: Sequence[str], quick: bool) -> None:
    """All of comparisons that have two lanes, some of them several times."""
    times = 20 if quick else 100
    chance = Random(4)

    async def rate(number: int) -> None:
        evaluator = f"evaluator {number % EVALUATORS}"
        await store.rate(
            chance.choice(ids), evaluator, Judgement(chance.choice((((0,), (1,)), ((1,), (0,)), ((0, 1),))))
        )

    alone, alone_rate = await timed(rate, 1, times)
    crowd, crowd_rate = await timed(rate, EVALUATORS, times)
    table(
        f"ratings by {EVALUATORS} at once, ms (aim: p99 below 250), beside one alone",
        ["p50", "p99", "worst", "/s"],
        [
            [name, percentile(took, 0.5), percentile(took, 0.99), max(took), rate]
            for name, took, rate in (("one alone", alone, alone_rate), ("all at once", crowd, crowd_rate))
        ],
    )


# --- reading


def reads(store: Store, numbers: Sequence[int], quick: bool) -> None:
    times = 20 if quick else 200
    chance = Random(5)
    with store.engine.connect() as connection:
        run = connection.exec_driver_sql

        def page(wanted: Filter = EVERYTHING, before: int | None = None) -> object:
            return search.page(connection, before, ROWS, wanted, "viewer")

        def rare() -> str:
            return f"w{chance.randrange(VOCABULARY * 9 // 10, VOCABULARY)}"

        found = {
            "first page": (often(page, times), often(lambda: run(PLAIN, (2**62,)).all(), times)),
            "a deep page": (
                often(lambda: page(before=chance.choice(numbers)), times),
                often(lambda: run(PLAIN, (chance.choice(numbers),)).all(), times),
            ),
            "search of a rare word": (
                often(lambda: page(Filter(rare())), times),
                often(lambda: run(PLAIN_SEARCH, (rare(),)).all(), times),
            ),
            "pairs of models counted": (
                often(lambda: run(COUNTS).all(), 5),
                [once(lambda: run(UNCOUNTED).all())],
            ),
        }
    table(
        f"reads at {len(numbers):,} comparisons, ms (aim: first page below 10, deep ones and rare words below 20), "
        "beside SQL for their rows alone; pairs beside a count over ratings",
        ["p50", "p99", "SQL p50", "ratio"],
        [
            [
                name,
                percentile(ours, 0.5),
                percentile(ours, 0.99),
                percentile(bare, 0.5),
                percentile(ours, 0.5) / percentile(bare, 0.5),
            ]
            for name, (ours, bare) in found.items()
        ],
    )


def export(path: Path, views: Sequence[str]) -> None:
    figures = {}
    for view in views:
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.exporting", str(path), view], capture_output=True, text=True, check=True
        )
        figures[view] = json.loads(ran.stdout)
    # Parquet packs what it has: its speed is that at which it takes the same lines in
    speeds = {
        view: figures["jsonl" if view == "parquet" else view]["MB"] / each["seconds"] for view, each in figures.items()
    }
    table(
        "exports (aim: JSONL 100 MB/s in 100 MB of memory, Parquet 30 MB/s), beside SQLite's own module and orjson",
        ["MB/s", "ratio", "MB", "seconds", "of CPU", "MB of memory before", "at most"],
        [
            [
                view,
                speeds[view],
                speeds[view] / speeds["bare"],
                *(each[name] for name in ("MB", "seconds", "of CPU", "MB before", "MB at most")),
            ]
            for view, each in figures.items()
        ],
    )


@contextmanager
def opened(made: Made) -> Iterator[Store]:
    store = Store.open(made.url)
    yield store
    store.close()


def main(quick: bool) -> None:
    with copied(5_000 if quick else 100_000) as made:
        with opened(made) as store:
            with store.engine.connect() as connection:
                numbers = connection.exec_driver_sql("SELECT number FROM comparisons").scalars().all()
                ids = (
                    connection.exec_driver_sql(
                        "SELECT comparison_id FROM answers GROUP BY 1 HAVING count(*) = 2 LIMIT 5000"
                    )
                    .scalars()
                    .all()
                )
            reads(store, numbers, quick)
            asyncio.run(rates(store, ids, quick))
            asyncio.run(saves(store, made.path, quick))
        export(made.path, ["bare", "jsonl", "parquet"])
