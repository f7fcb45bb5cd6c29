"""From starting the process to a page one can type into, beside a bare Gradio page; and what is imported on the way."""

import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import IO

from playwright.sync_api import Browser

from benchmarks.chromium import chromium
from benchmarks.figures import medians, memory, table, tree
from benchmarks.page import app, load
from benchmarks.servers import Server, serving

HEAVY = ("pandas", "numpy", "PIL", "mistralai", "xllamacpp", "sqlalchemy", "alembic", "matplotlib", "huggingface_hub")
SLOWEST = 8
Start = Callable[..., AbstractContextManager[Server]]


def bare(*options: str, errors: IO[str] | None = None) -> AbstractContextManager[Server]:
    return serving(*options, "-m", "benchmarks.bare", errors=errors)


def timed(start: Start, browser: Browser) -> dict[str, float]:
    with start() as server:
        page, _ = load(browser, server.url)
        usable = time.perf_counter()
        page.context.close()
        return {
            "first 200 s": server.ready - server.started,
            "usable page s": usable - server.started,
            "memory MB": memory(tree(server.pid)),
        }


def imports(start: Start) -> Counter[str]:
    """Microseconds spent importing each package until the first 200, its own modules only."""
    spent: Counter[str] = Counter()
    with tempfile.TemporaryFile("w+") as errors:
        with start("-X", "importtime", errors=errors):
            pass
        errors.seek(0)
        for own, package in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\w+)", errors.read(), re.MULTILINE):
            spent[package] += int(own)
    return spent


def main(quick: bool) -> None:
    with serving("-m", "tests.fake") as fake, chromium() as browser:
        starts: dict[str, Start] = {"app": partial(app, fake.url), "bare Gradio": bare}
        packages = {name: imports(start) for name, start in starts.items()}  # warms the disk for what is timed next
        rounds = [{name: timed(start, browser) for name, start in starts.items()} for _ in range(1 if quick else 3)]
    ours, least = (medians([each[name] for each in rounds]) for name in starts)
    table(
        "start, warm disk (aim: ratio at most 1.15)",
        [*starts, "ratio"],
        [[key, ours[key], least[key], ours[key] / least[key]] for key in ours],
    )
    slowest = [package for package, _ in packages["app"].most_common(SLOWEST)]
    table(
        "imported before the first 200, ms",
        list(starts),
        [
            [package, *(spent[package] / 1000 if package in spent else "not" for spent in packages.values())]
            for package in dict.fromkeys([*slowest, *HEAVY])
        ],
    )
