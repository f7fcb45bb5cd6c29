"""An app killed in the middle (kill -9): what had arrived is there, marked; nothing acknowledged is lost."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from multiprocessing import get_context
from random import Random
from secrets import randbits
from threading import Event, Thread

import pytest
from sqlalchemy import ColumnElement, Connection, Table, make_url, select

from backends.answer import Answer, State, fold
from backends.runner import INTERRUPTED
from storage import replicas
from storage.comparison import current, evidence
from storage.database import images_beside, reading
from storage.errors import StorageError
from storage.images import ImageStore
from storage.queries import comparison
from storage.ratings import pairs
from storage.rows import ratings_of, recordings
from storage.schema import answers, battles, comparisons, ratings, texts
from storage.store import Store
from tests.storage import endless
from tests.storage.exported import parts

PROCESSES = get_context("forkserver")  # each begins with all that is imported: that takes longer than they live
PROCESSES.set_forkserver_preload([endless.__name__])
KILLS = {"sqlite": 50, "postgresql": 10}
LONGEST = 0.4  # seconds that an app lives on after its first rating


class App:
    """A process that answers and rates without end; `comparisons` and `ratings` are those that it said are stored."""

    def __init__(self, url: str) -> None:
        self._hears, says = PROCESSES.Pipe(duplex=False)
        self._process = PROCESSES.Process(target=endless.run, args=(url, says))
        self._process.start()
        says.close()
        self.comparisons: list[str] = []
        self.ratings: list[str] = []
        self._rated = Event()
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with self._hears, suppress(EOFError, OSError):  # it was killed between two words, or within one
            while True:
                kind, stored = self._hears.recv()
                (self.ratings if kind == "rating" else self.comparisons).append(stored)
                if kind == "rating":
                    self._rated.set()

    def live(self, seconds: float) -> None:
        """From its first rating on."""
        assert self._rated.wait(120)
        self._process.join(seconds)
        assert self._process.exitcode is None

    def kill(self) -> None:
        self._process.kill()
        self._process.join(60)
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
        if len(app.ratings) > 5:
            engine = reading(url)
            with engine.connect() as connection:
                found = comparison(connection, ImageStore(images_beside(url)), app.comparisons[0])
            engine.dispose()
            assert found is not None
            kept = [len(lane.recording) for lane in found.lanes]
            if min(kept) >= events:
                return kept
        time.sleep(0.05)
    raise AssertionError("nothing was kept")


def reopened(url: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """As the next app opens it; where apps share a database, when the dead one has not been seen for long."""
    monkeypatch.setattr(replicas, "GONE", timedelta(0))
    return Store.open(url)


def test_a_killed_app_loses_nothing_that_it_acknowledged(url: str, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = until_kept(url, app, 300)
    if url.startswith("sqlite"):
        with pytest.raises(StorageError, match="in use by another Lanewise"):
            Store.open(url)
    app.kill()
    store = reopened(url, monkeypatch)  # the lock went with the process
    found = asyncio.run(store.read(app.comparisons[0]))
    store.close()
    assert found is not None
    for lane, before in zip(found.lanes, kept, strict=True):
        assert lane.answer.state == State.INTERRUPTED
        assert lane.recording[-1].event == INTERRUPTED
        assert len(lane.recording) - 1 >= before
        assert in_order(lane.answer)
    assert [each.evaluator for each in current(found.ratings)].count("Ann") == 1


def test_an_export_runs_beside_the_app(url: str, app: App) -> None:
    until_kept(url, app, 10)
    assert app.comparisons[0].encode() in b"".join(parts("jsonl", reading(url)))


def test_of_apps_killed_at_random_moments_nothing_is_lost_and_nothing_is_half(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(seed := randbits(32))
    print("seed", seed)
    said: set[str] = set()
    known: set[str] = set()
    marked = 0
    for _ in range(KILLS[make_url(url).get_backend_name()]):
        app = App(url)
        try:
            app.live(chance.uniform(0, LONGEST))
        finally:
            app.kill()
        said.update(app.comparisons, app.ratings)
        store = reopened(url, monkeypatch)
        with store.engine.connect() as connection:
            unhurt(connection)
            comparison_ids = {*connection.scalars(select(comparisons.c.id))}
            assert said <= comparison_ids | {*connection.scalars(select(ratings.c.id))}
            new = sorted(comparison_ids - known)
            marked += whole_or_marked(connection, new)
            assert fought(connection, new) == following(connection, new)
            known = comparison_ids
        store.close()
    assert marked
    print(f"{len(said)} comparisons and ratings acknowledged, {marked} lanes marked")


def unhurt(connection: Connection) -> None:
    """A server looks after its own files."""
    if connection.dialect.name == "sqlite":
        run = connection.exec_driver_sql
        assert run("PRAGMA integrity_check").scalars().all() == ["ok"]
        assert run("PRAGMA foreign_key_check").all() == []
        # raises where the index has not what the texts have
        run("INSERT INTO searchable_fts (searchable_fts, rank) VALUES ('integrity-check', 1)")
        connection.rollback()


def whole_or_marked(connection: Connection, comparison_ids: Sequence[str]) -> int:
    """How many lanes have the mark. All others have all their words, and each is what its recording folds into."""
    rows = connection.execute(select(answers, texts.c.text).join(texts).where(_of(answers, comparison_ids))).all()
    events = recordings(connection, [row.id for row in rows])
    for row in rows:
        answer = fold(events[row.id])
        assert (row.state, row.text, row.end_us) == (answer.state, answer.text, answer.times.end)
        assert in_order(answer)
        if answer.state == State.DONE:
            assert len(answer.text.split()) == endless.WORDS
        else:
            assert events[row.id][-1].event == INTERRUPTED
    return sum(row.state == State.INTERRUPTED for row in rows)


def in_order(answer: Answer) -> bool:
    words = answer.text.split()
    return words == [f"word{number}" for number in range(len(words))]


def fought(connection: Connection, comparison_ids: Sequence[str]) -> set[tuple[object, ...]]:
    columns = battles.c
    wanted = select(columns.rating_id, columns.position_a, columns.position_b, columns.winner)
    return {*map(tuple, connection.execute(wanted.where(_of(battles, comparison_ids))))}


def following(connection: Connection, comparison_ids: Sequence[str]) -> set[tuple[object, ...]]:
    rated = ratings_of(connection, comparison_ids)
    counted = chain.from_iterable(map(evidence, rated.values()))
    return {(rating.id, *pair) for rating in counted for pair in pairs(rating.ranking, rating.all_bad)}


def _of(table: Table, comparison_ids: Sequence[str]) -> ColumnElement[bool]:
    return table.c.comparison_id.in_(comparison_ids)
