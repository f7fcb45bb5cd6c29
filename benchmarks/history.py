"""What the history costs beside a plain query for a page's rows: its pages, filters, searches, and its size."""

import statistics
import time
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from benchmarks.figures import table
from benchmarks.generated import BEGAN, made
from storage import search
from storage.comparison import EVERYTHING, Filter
from storage.database import Database

ROWS = 25
PLAIN = "SELECT * FROM comparisons ORDER BY created_at DESC, id DESC LIMIT 26"
SCAN = "SELECT count(*) FROM texts WHERE text LIKE '%only once%'"
SEARCHES = {
    "a word that nearly all have": Filter("w0"),
    "two such words": Filter("w0 w1"),
    "a phrase of two such words": Filter('"w0 w1"'),
    "a prefix of a thousand words": Filter("w12*"),
    "an ordinary word": Filter("w300"),
    "three ordinary words": Filter("w300 w400 w500"),
    "a word that one has": Filter("once"),
    "a word that none has": Filter("never"),
    "a word that all have, with a seldom flag": Filter("w0", flag="truncated"),
}
FILTERS = {
    "a backend that all have": Filter(backend="vllm"),
    "a backend that few have": Filter(backend="local"),
    "two that never meet": Filter(backend="api", flag="odd_finish"),
    "four that many have": Filter(backend="vllm", effort="high", rated="no", artifact="FP8"),
    "an evaluator and a tag": Filter(evaluator="Ann", tag="clear"),
    "a seldom flag and an effort": Filter(effort="high", flag="truncated"),
    "an early day": Filter(rated="yes", before=BEGAN + timedelta(days=1)),
}


def taken(work: Any, repeats: int) -> float:
    """Milliseconds, the median of some repeats after a first one."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def measured(connection: Connection, wanted: Filter, repeats: int, before: int | None = None) -> float:
    return taken(lambda: search.page(connection, before, ROWS, wanted, "viewer"), repeats)


def main(quick: bool) -> None:
    count, repeats = (5_000, 3) if quick else (100_000, 7)
    kept = made(count)
    database = Database(kept.url)
    with database.engine.connect() as connection:
        plain = taken(lambda: connection.exec_driver_sql(PLAIN).all(), repeats)
        middle = connection.exec_driver_sql("SELECT number FROM comparisons LIMIT 1 OFFSET ?", (count // 2,)).scalar()
        found = {
            "the first page": measured(connection, EVERYTHING, repeats),
            "a page in the middle": measured(connection, EVERYTHING, repeats, middle),
            **{name: measured(connection, wanted, repeats) for name, wanted in (FILTERS | SEARCHES).items()},
            "what can be chosen": taken(lambda: search.choices(connection, "viewer"), repeats),
            "a search without an index": taken(lambda: connection.exec_driver_sql(SCAN).all(), 1),
        }
    database.close()
    grown = kept.path.stat().st_size
    table(
        f"ms of the history at {count:,} comparisons (aim: below 200), and times a plain query ({plain:.2g} ms)",
        ["ms", "ratio"],
        [[name, each, each / plain] for name, each in found.items()],
    )
    table(
        "the database, with its recordings, before and after it could be searched",
        ["MB before", "MB after", "ratio", "s to migrate"],
        [["", kept.plain / 2**20, grown / 2**20, grown / kept.plain, kept.migrated]],
    )
