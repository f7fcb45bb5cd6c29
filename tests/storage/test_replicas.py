"""Several apps on one database: each runs its own comparisons, sees those of the others, and inherits from the dead."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from backends.answer import State
from storage import replicas
from storage.errors import StorageError
from storage.recorder import Recorder
from storage.store import Store
from tests.storage.made import ONE, TWO, Gated, asking, judged
from tests.storage.postgres import Server


@pytest.fixture
def two(postgres: Server, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    url = postgres.make()
    stores = Store.open(url, tmp_path.as_uri()), Store.open(url, tmp_path.as_uri())
    yield stores
    for store in stores:
        store.close()


async def states(store: Store, comparison_id: str) -> list[State]:
    return [each.answer.state for each in await store.answered(comparison_id)]


async def until(store: Store, comparison_id: str, state: State) -> None:
    async with asyncio.timeout(60):
        while await states(store, comparison_id) != [state, state]:  # noqa: ASYNC110 - another app sends no word
            await asyncio.sleep(0.05)


async def test_what_one_app_runs_another_sees_and_leaves_alone(two: tuple[Store, Store]) -> None:
    one, other = two
    gated, prompt = Gated(), asking("Hello")
    recorder = Recorder(one, gated)
    run = await recorder.compare(prompt, [(ONE, prompt), (TWO, prompt)])
    await until(other, run, State.ANSWERING)
    await other.beat()
    question = await other.question(run)
    assert question is not None
    assert not question.over
    gated.go.set()
    await recorder.saved(run)
    assert await states(other, run) == [State.DONE, State.DONE]
    question = await other.question(run)
    assert question is not None
    assert question.over
    await other.rate(run, "Ann", judged([0], [1]))
    assert [each.evaluator for each in (await one.page()).rows[0].ratings] == ["Ann"]


async def test_what_an_app_that_is_gone_had_begun_gets_an_end(
    two: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    gated, prompt = Gated(), asking("Hello")
    recorder = Recorder(one, gated)
    run = await recorder.compare(prompt, [(ONE, prompt), (TWO, prompt)])
    await until(other, run, State.ANSWERING)
    monkeypatch.setattr(replicas, "GONE", timedelta(0))  # the other one has not been seen for that long
    await other.beat()
    assert await states(other, run) == [State.INTERRUPTED, State.INTERRUPTED]
    gated.go.set()  # it was only slow: what it says now has come too late
    await recorder.saved(run)
    assert await states(one, run) == [State.INTERRUPTED, State.INTERRUPTED]
    assert recorder.live(run) is None


async def test_of_a_place_in_the_queue_that_two_apps_want_one_gets_it(two: tuple[Store, Store]) -> None:
    one, other = two
    prompt = asking("Hello")
    recorder = Recorder(one, gated := Gated())
    gated.go.set()
    items = [await recorder.compare(prompt, [(ONE, prompt), (TWO, prompt)], maker="maker") for _ in range(4)]
    for item in items:
        await recorder.saved(item)
    await one.enqueue(items, 1)
    asked = [store.next_item(f"viewer {number}", f"name {number}") for number, store in enumerate([one, other] * 6)]
    got = [item for item in await asyncio.gather(*asked) if item]
    assert sorted(got) == sorted(items)


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be reached"):
        Store.open("postgresql+psycopg://name:secret@127.0.0.1:1/lanewise", tmp_path.as_uri())


def test_no_message_tells_the_password(postgres: Server, tmp_path: Path) -> None:
    address = postgres.make().replace("postgres:@", "postgres:secret@").replace("lanewise_", "nothing_")
    with pytest.raises(StorageError, match="no such database") as told:
        Store.open(address, tmp_path.as_uri())
    assert "secret" not in str(told.value)
