"""Stopping the real app while lanes run: they may end, or are marked, and what comes meanwhile hears of it."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Page, expect

from benchmarks.servers import Server, serving
from tests.ui.conftest import ANSWERS, settings
from tests.ui.test_page import ask, expect_state, until, visit


@contextmanager
def running(folder: Path, fake_url: str, grace: str) -> Iterator[Server]:
    entry = '[[backend]]\nname = "{0}"\nkind = "llamacpp"\nbase_url = "{1}"\nmodel = "{0}"\n'
    (folder / "backends.toml").write_text("\n".join(entry.format(model, fake_url) for model in ANSWERS))
    with serving("app.py", **settings(folder) | {"GRACE": grace}) as server:
        yield server


def states(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "lanewise.db")) as kept:
        newest = "SELECT id FROM comparisons ORDER BY created_at DESC LIMIT 1"
        rows = kept.execute(f"SELECT state FROM answers WHERE comparison_id = ({newest})").fetchall()
        return sorted(state for (state,) in rows)


def test_what_runs_may_end_and_nothing_new_begins(page: Page, tmp_path: Path, fake_url: str) -> None:
    with running(tmp_path, fake_url, grace="60") as app:
        process = psutil.Process(app.pid)
        visit(page, app, "holds", "unfolds")
        ask(page, "Before")
        expect_state(page, "A", "answering")
        os.kill(app.pid, signal.SIGTERM)
        until(page, lambda: httpx.get(f"{app.url}/readyz").status_code == 503)
        assert httpx.get(f"{app.url}/healthz").status_code == 200
        expect_state(page, "B", "done")
        ask(page, "After")
        expect(page.locator("#notice")).to_contain_text("being stopped")
        page.locator("#lane-A [data-act=stop]").click()  # the last that it waits for
        assert process.wait(30) == 0
    page.goto("about:blank")
    assert states(tmp_path) == ["done", "stopped"]


def test_a_second_signal_marks_what_runs_and_ends_it(page: Page, tmp_path: Path, fake_url: str) -> None:
    with running(tmp_path, fake_url, grace="300") as app:
        process = psutil.Process(app.pid)
        visit(page, app, "trickles", "trickles")
        ask(page, "For ever")
        expect_state(page, "A", "answering")
        expect_state(page, "B", "answering")
        os.kill(app.pid, signal.SIGTERM)
        until(page, lambda: httpx.get(f"{app.url}/readyz").status_code == 503)
        os.kill(app.pid, signal.SIGTERM)
        assert process.wait(30) == 0
    page.goto("about:blank")
    assert states(tmp_path) == ["interrupted", "interrupted"]
