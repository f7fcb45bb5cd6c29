"""What the history costs beside a plain query for a page's rows: its pages, filters, searches, and its size."""

import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine

from benchmarks.figures import table
from storage import search
from storage.comparison import EVERYTHING, Filter
from storage.database import Database

BATCH = 2_000
ROWS = 25
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN = "SELECT * FROM comparisons ORDER BY created_at DESC, id DESC LIMIT 26"
SCAN = "SELECT count(*) FROM texts WHERE text LIKE '%only once%'"
VOCABULARY, LENGTH = 20_000, 50  # words, and words of a paragraph
LANES = (("vllm", "FP8", "high"), ("api", "", "none"), ("nim", "NVFP4", "high"))
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

ANSWERS = (
    "answers (id, comparison_id, position, prompt_id, kind, address_hash, model, state, reported_model, server, "
    "finish_reason, failure_kind, failure_message, pieces, end_us, backend, artifact, effort)"
)


def paragraphs(rng: random.Random) -> list[str]:
    """Of words as seldom as their numbers are high."""
    words = [f"w{number}" for number in range(VOCABULARY)]
    weights = list(accumulate(1 / (number + 1) for number in range(VOCABULARY)))
    return [" ".join(rng.choices(words, cum_weights=weights, k=LENGTH)) for _ in range(4_000)]


def rows(count: int) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """What one comparison after another adds to the tables."""
    rng = random.Random(1)
    said = paragraphs(rng)
    for number in range(count):
        own, at = f"{number:032x}", (BEGAN + timedelta(minutes=number)).replace(tzinfo=None).isoformat(" ")
        body = f'{{"system":"","turns":[{{"role":"user","text":"{rng.choice(said)}","images":[]}}],"tools":[]}}'
        lanes = list(LANES[: 2 + number % 2]) + [("local", "Q4", "none")] * (number % 10_000 == 7)
        ids = [f"{number:030x}{place:02x}" for place in range(len(lanes))]
        yield {
            "prompts (id, body)": [(own, body)],
            "comparisons (id, created_at, prompt_id, title, blind)": [(own, at, own, "w0 title", number % 100 == 3)],
            ANSWERS: [
                (each, own, place, own, "vllm", "", "m", "done", *[""] * 5, 3, 9, *lane)
                for place, (each, lane) in enumerate(zip(ids, lanes, strict=True))
            ],
            "texts (answer_id, request, calls, text, reasoning)": [
                (each, "", "[]", f"{_said(rng, said, 2)} {'only once' * (number == 5)}", _said(rng, said, 4 * place))
                for place, each in enumerate(ids)
            ],
            "flags (answer_id, code, detail, comparison_id)": [
                (ids[0], "truncated" if number % 1_000 == 9 else "no_usage", "", own)
            ]
            * (number % 3 == 0),
            "ratings (id, comparison_id, evaluator, ranking, all_bad, tags, comment, created_at)": [
                (
                    own,
                    own,
                    rng.choice(("Ann", "Bob")),
                    "[[0],[1]]",
                    False,
                    rng.choice(('["clear"]', '["wrong"]')),
                    "",
                    at,
                )
            ]
            * (number % 4 == 0),
        }


def _said(rng: random.Random, said: list[str], count: int) -> str:
    return " ".join(rng.choices(said, k=count))


def fill(engine: Engine, count: int) -> None:
    """A database as it was before it could be searched."""
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        source = rows(count)
        while batch := list(islice(source, BATCH)):
            for name in batch[0]:
                values = [row for each in batch for row in each[name]]
                if values:
                    marks = ", ".join("?" * len(values[0]))
                    connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", values)


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
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lanewise.db"
        engine = create_engine(f"sqlite:///{path}")
        fill(engine, count)
        engine.dispose()
        plain_size = path.stat().st_size
        started = time.perf_counter()
        database = Database(f"sqlite:///{path}")
        migrated = time.perf_counter() - started
        with database.engine.connect() as connection:
            plain = taken(lambda: connection.exec_driver_sql(PLAIN).all(), repeats)
            middle = connection.exec_driver_sql(
                "SELECT number FROM comparisons LIMIT 1 OFFSET ?", (count // 2,)
            ).scalar()
            found = {
                "the first page": measured(connection, EVERYTHING, repeats),
                "a page in the middle": measured(connection, EVERYTHING, repeats, middle),
                **{name: measured(connection, wanted, repeats) for name, wanted in (FILTERS | SEARCHES).items()},
                "what can be chosen": taken(lambda: search.choices(connection, "viewer"), repeats),
                "a search without an index": taken(lambda: connection.exec_driver_sql(SCAN).all(), 1),
            }
        database.close()
        grown = path.stat().st_size
    table(
        f"ms of the history at {count:,} comparisons (aim: below 200), and times a plain query ({plain:.2g} ms)",
        ["ms", "ratio"],
        [[name, each, each / plain] for name, each in found.items()],
    )
    table(
        "the database, without its recordings, before and after it could be searched",
        ["MB before", "MB after", "ratio", "s to migrate"],
        [["", plain_size / 2**20, grown / 2**20, grown / plain_size, migrated]],
    )
