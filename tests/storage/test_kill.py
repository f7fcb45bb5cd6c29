"""An app killed in the middle (kill -9): what had arrived is there, marked; nothing acknowledged is lost."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from backends.answer import State
from backends.runner import INTERRUPTED
from storage.comparison import current
from storage.database import images_beside, reading
from storage.errors import StorageError
from storage.images import ImageStore
from storage.queries import comparison
from storage.store import Store
from tests.storage.exported import parts

HERE = Path(__file__).parent


class App:
    """A process that answers and rates without end; `said` are the lines it printed."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "endless.py"), url],
            env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout:
            self.said += (line.strip() for line in self.process.stdout if line.endswith("\n"))

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)
        self._reader.join(60)


@pytest.fixture
def app(url: str) -> Iterator[App]:
    running = App(url)
    yield running
    running.kill()


def until_kept(url: str, app: App, events: int) -> list[int]:
    """Waits until both lanes have so many events on disk, reading beside the running app; how many there are."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if len(app.said) > 5:
            engine = reading(url)
            with engine.connect() as connection:
                found = comparison(connection, ImageStore(images_beside(url)), app.said[0])
            engine.dispose()
            assert found is not None
            kept = [len(lane.recording) for lane in found.lanes]
            if min(kept) >= events:
                return kept
        time.sleep(0.05)
    raise AssertionError("nothing was kept")


def test_a_killed_app_loses_nothing_that_it_acknowledged(url: str, app: App) -> None:
    kept = until_kept(url, app, 300)
    with pytest.raises(StorageError, match="in use by another Lanewise"):
        Store.open(url)
    app.kill()
    comparison_id, *rated = app.said

    store = Store.open(url)  # the lock went with the process
    found = asyncio.run(store.read(comparison_id))
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    store.close()
    assert found is not None
    for lane, before in zip(found.lanes, kept, strict=True):
        words = lane.answer.text.split()
        assert lane.answer.state == State.INTERRUPTED
        assert lane.recording[-1].event == INTERRUPTED
        assert len(lane.recording) - 1 >= before
        assert words == [f"word{number}" for number in range(len(words))]
    assert {rating.id for rating in found.ratings} >= set(rated)
    assert len(current(found.ratings)) == 1


def test_an_export_runs_beside_the_app(url: str, app: App) -> None:
    until_kept(url, app, 10)
    assert app.said[0].encode() in b"".join(parts("jsonl", reading(url)))
