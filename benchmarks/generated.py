"""A database of many comparisons, as if years had passed: generated once, then taken from `.benchmarks`."""

import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zlib import compress, crc32

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine

from backends import recording
from backends.events import Event, Finished, ReasoningDelta, Stamped, TextDelta
from storage.database import Database, newest

CACHE = Path(__file__).parent.parent / ".benchmarks"
BATCH = 2_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
VOCABULARY, LENGTH = 20_000, 50  # words, and words of a paragraph
GAP = 20_000  # microseconds between two words
LANES = (("vllm", "FP8", "high"), ("api", "", "none"), ("nim", "NVFP4", "high"))

ANSWERS = (
    "answers (id, comparison_id, position, prompt_id, kind, address_hash, model, state, reported_model, server, "
    "finish_reason, failure_kind, failure_message, pieces, end_us, backend, artifact, effort)"
)


class Made(NamedTuple):
    """`plain` are its bytes before it could be searched, `migrated` the seconds that it took to become so."""

    path: Path
    plain: int
    migrated: float

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"


def made(count: int) -> Made:
    """With so many comparisons. Whoever writes takes a copy."""
    kept = CACHE / f"{count}-{newest()}-{crc32(Path(__file__).read_bytes()):08x}"
    if not (kept / "made.json").exists():
        print(f"making a database of {count:,} comparisons: some minutes, once ...", flush=True)
        for older in CACHE.glob(f"{count}-*"):
            shutil.rmtree(older)
        kept.mkdir(parents=True)
        (kept / "made.json").write_text(json.dumps(_make(kept / "lanewise.db", count)))
    return Made(kept / "lanewise.db", **json.loads((kept / "made.json").read_text()))


@contextmanager
def copied(count: int) -> Iterator[Made]:
    original = made(count)
    with TemporaryDirectory(dir=CACHE) as folder:
        yield original._replace(path=Path(shutil.copy(original.path, folder)))


def _make(path: Path, count: int) -> dict[str, float]:
    engine = create_engine(f"sqlite:///{path}")
    _fill(engine, count)
    engine.dispose()
    plain, started = path.stat().st_size, time.perf_counter()
    Database(f"sqlite:///{path}").close()
    return {"plain": plain, "migrated": time.perf_counter() - started}


def _fill(engine: Engine, count: int) -> None:
    """As it was before it could be searched."""
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        source = _rows(count)
        while batch := list(islice(source, BATCH)):
            for name in batch[0]:
                values = [row for each in batch for row in each[name]]
                if values:
                    marks = ", ".join("?" * len(values[0]))
                    connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", values)


@cache
def paragraphs() -> list[list[str]]:
    """Of words as seldom as their numbers are high."""
    rng = random.Random(1)
    words = [f"w{number} " for number in range(VOCABULARY)]
    weights = list(accumulate(1 / (number + 1) for number in range(VOCABULARY)))
    return [rng.choices(words, cum_weights=weights, k=LENGTH) for _ in range(4_000)]


def _said(chosen: list[int]) -> str:
    return "".join("".join(paragraphs()[each]) for each in chosen)


def _rows(count: int) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """What one comparison after another adds to the tables."""
    rng = random.Random(2)
    for number in range(count):
        own, at = f"{number:032x}", (BEGAN + timedelta(minutes=number)).replace(tzinfo=None).isoformat(" ")
        asked = _said(_chosen(rng, 1))
        body = f'{{"system":"","turns":[{{"role":"user","text":"{asked}","images":[]}}],"tools":[]}}'
        lanes = list(LANES[: 2 + number % 2]) + [("local", "Q4", "none")] * (number % 10_000 == 7)
        ids = [f"{number:030x}{place:02x}" for place in range(len(lanes))]
        spoken = [(_chosen(rng, 4 * place), _chosen(rng, 2)) for place in range(len(lanes))]
        lengths = [LENGTH * (len(reasoning) + len(text)) for reasoning, text in spoken]
        last = "only once" * (number == 5)
        yield {
            "prompts (id, body)": [(own, body)],
            "comparisons (id, created_at, prompt_id, title, blind)": [(own, at, own, "w0 title", number % 100 == 3)],
            ANSWERS: [
                (each, own, place, own, "vllm", "", "m", "done", "", "", "stop", "", "", length, length * GAP, *lane)
                for place, (each, lane, length) in enumerate(zip(ids, lanes, lengths, strict=True))
            ],
            "texts (answer_id, request, calls, text, reasoning)": [
                (each, "", "[]", _said(text) + last, _said(reasoning))
                for each, (reasoning, text) in zip(ids, spoken, strict=True)
            ],
            "recording_chunks (answer_id, seq, data)": [
                (each, seq, data)
                for each, (reasoning, text) in zip(ids, spoken, strict=True)
                for seq, data in enumerate(_recorded(reasoning, text, last))
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


def _chosen(rng: random.Random, count: int) -> list[int]:
    return rng.choices(range(len(paragraphs())), k=count)


def _recorded(reasoning: list[int], text: list[int], last: str) -> Iterator[bytes]:
    """The chunks of an answer that comes word by word, stored a paragraph at a time."""
    kinds = [ReasoningDelta] * len(reasoning) + [TextDelta] * len(text)
    for slot, (kind, paragraph) in enumerate(zip(kinds, reasoning + text, strict=True)):
        yield _chunk(kind, paragraph, slot)
    end = len(kinds) * LENGTH * GAP
    ending: list[Event] = [TextDelta(last)] * bool(last) + [Finished("stop")]
    yield compress(recording.dump(Stamped(end, event) for event in ending))


@cache
def _chunk(kind: type[ReasoningDelta | TextDelta], paragraph: int, slot: int) -> bytes:
    words = enumerate(paragraphs()[paragraph], slot * LENGTH)
    return compress(recording.dump(Stamped(place * GAP, kind(word)) for place, word in words))
