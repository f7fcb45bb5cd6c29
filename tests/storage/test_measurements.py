"""Measurements and their samples, kept as they come."""

from datetime import timedelta
from pathlib import Path

import pytest

from storage import copies, replicas
from storage.database import claimed, reading
from storage.errors import RunLost
from storage.store import Store
from tests.storage.postgres import Server

PLAN = {"lanes": [{"backend": "vllm", "effort": "high"}], "steps": [1, 2], "seed": None}


async def begun(store: Store, kind: str = "load", title: str = "Mine") -> str:
    return await store.begin_measurement(kind, title, "viewer", PLAN)


async def test_a_measurement_is_kept_with_its_plan_and_its_samples_in_their_order(store: Store) -> None:
    own = await begun(store)
    await store.add_samples(own, 0, [{"lane": 0, "ms": 1.5}, {"lane": 1, "error": None}])
    await store.add_samples(own, 2, [{"words": "Zürich 🙂"}])
    found = await store.measurement(own)
    assert found
    assert (found.kind, found.title, found.maker, found.state) == ("load", "Mine", "viewer", "running")
    assert (found.plan, found.samples, found.ended_at) == (PLAN, 3, None)
    assert await store.samples_of(own) == ({"lane": 0, "ms": 1.5}, {"lane": 1, "error": None}, {"words": "Zürich 🙂"})


async def test_samples_that_come_twice_are_kept_once(store: Store) -> None:
    own = await begun(store)
    await store.add_samples(own, 0, [{"n": 0}, {"n": 1}])
    await store.add_samples(own, 0, [{"n": 0}, {"n": 1}, {"n": 2}])
    assert await store.samples_of(own) == ({"n": 0}, {"n": 1}, {"n": 2})


async def test_what_has_ended_takes_no_more_samples_and_keeps_its_end(store: Store) -> None:
    own = await begun(store)
    await store.end_measurement(own, "failed", "It broke.")
    await store.end_measurement(own, "done")
    with pytest.raises(RunLost):
        await store.add_samples(own, 0, [{"n": 0}])
    found = await store.measurement(own)
    assert found
    assert found.ended_at
    assert (found.state, found.plan["problem"], found.samples) == ("failed", "It broke.", 0)


async def test_the_newest_is_listed_first_and_each_kind_by_itself(store: Store) -> None:
    ids = [await begun(store, kind, f"{number}") for number, kind in enumerate(["load", "effort", "load"])]
    assert [each.id for each in await store.measurements()] == ids[::-1]
    assert [each.title for each in await store.measurements("load")] == ["2", "0"]


async def test_what_is_deleted_is_gone_with_its_samples(store: Store) -> None:
    gone, stays = await begun(store), await begun(store)
    for each in (gone, stays):
        await store.add_samples(each, 0, [{"n": 0}])
    await store.drop_measurement(gone)
    assert await store.measurement(gone) is None
    assert await store.samples_of(gone) == ()
    assert [each.samples for each in await store.measurements()] == [1]
    with pytest.raises(RunLost):
        await store.add_samples(gone, 1, [{"n": 1}])


async def test_what_an_app_left_running_is_interrupted_at_the_next_start(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await begun(store)
    await store.add_samples(own, 0, [{"n": 0}])
    store.close()
    monkeypatch.setattr(replicas, "GONE", timedelta(0))
    again = Store.open(url)
    found = await again.measurement(own)
    assert found
    assert found.ended_at
    assert (found.state, found.samples) == ("interrupted", 1)
    again.close()


async def test_they_go_along_where_all_that_is_kept_is_copied(store: Store, url: str, tmp_path: Path) -> None:
    own = await begun(store)
    await store.add_samples(own, 0, [{"n": 0, "words": "Zürich"}])
    await store.end_measurement(own, "stopped", "It took too long.")
    before = await store.measurements(), await store.samples_of(own)
    store.close()
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    with reading(url).connect() as source, claimed(target) as connection:
        copies.copy(source, connection, lambda name, more: None)
    again = Store.open(target, tmp_path.as_uri())
    assert (await again.measurements(), await again.samples_of(own)) == before
    again.close()


async def test_another_app_leaves_alone_what_runs_and_ends_what_is_gone(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.make()
    one, other = Store.open(url, tmp_path.as_uri()), Store.open(url, tmp_path.as_uri())
    own = await begun(one)
    await other.beat()
    assert [each.state for each in await other.measurements()] == ["running"]
    monkeypatch.setattr(replicas, "GONE", timedelta(0))  # the other one has not been seen for that long
    await other.beat()
    assert [each.state for each in await one.measurements()] == ["interrupted"]
    with pytest.raises(RunLost):
        await one.add_samples(own, 0, [{"n": 0}])
    one.close()
    other.close()
