"""One export in a process of its own: `python -m benchmarks.exporting DATABASE VIEW` prints its bytes, seconds and peak
memory as JSON. The view `bare` is the baseline: the same texts and recordings by SQLite's own module, as JSON lines.
"""

import json
import resource
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import orjson

from storage import exports
from storage.database import reading

LANES = """SELECT answers.id, reasoning, text FROM comparisons
JOIN answers ON comparison_id = comparisons.id JOIN texts ON texts.answer_id = answers.id ORDER BY number, position"""
CHUNKS = "SELECT data FROM recording_chunks WHERE answer_id = ? ORDER BY seq"


def bare(path: str) -> Iterator[bytes]:
    connection = sqlite3.connect(path)
    for answer_id, reasoning, text in connection.execute(LANES):
        events = b"".join(zlib.decompress(data) for (data,) in connection.execute(CHUNKS, (answer_id,)))
        recording = orjson.Fragment(b"[" + events.strip().replace(b"\n", b",") + b"]")
        told = {"id": answer_id, "reasoning": reasoning, "text": text, "recording": recording}
        yield orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def peak() -> float:
    """MB of memory, at most so far."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # what getrusage says there is no less than what the process had that started this one
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 2**10


def main(path: str, view: str) -> None:
    engine = reading(f"sqlite:///{path}")
    began, started, spent = peak(), time.perf_counter(), time.process_time()
    parts = bare(path) if view == "bare" else exports.export(exports.VIEWS[view], engine)
    size = sum(map(len, parts))
    figures = {
        "MB": size / 1e6,
        "seconds": time.perf_counter() - started,
        "of CPU": time.process_time() - spent,
        "MB before": began,
        "MB at most": peak(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
