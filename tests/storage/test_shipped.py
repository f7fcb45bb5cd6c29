"""The project's own recordings come into a database as they are, apart from a person's own, and play to their end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from backends.answer import State
from backends.replay import Replay
from storage import shipped
from storage.comparison import Place
from storage.errors import StorageError
from storage.ratings import Judgement
from storage.recorder import Recorder
from storage.store import Store
from tests.storage.exported import parts, rows
from tests.storage.made import ONE, SAID, TWO, asking, scripted

LINES = shipped.FILE.read_bytes().splitlines(keepends=True)


def exported(store: Store) -> list[bytes]:
    return parts("jsonl", store.engine, files=store.images)


def names(lines: Sequence[bytes]) -> list[str]:
    return [orjson.loads(line)["id"] for line in lines]


def test_what_is_shipped_exports_as_it_was_shipped(store: Store) -> None:
    store.ship()
    assert sorted(exported(store)) == sorted(LINES)


def test_it_is_small_and_says_whose_it_is() -> None:
    assert sum(map(len, LINES)) < 100_000
    for line in map(orjson.loads, LINES):
        assert line["origin"] == "shipped"
        assert line["maker"] == ""
        assert line["ratings"] == []


def test_a_second_start_adds_nothing(url: str) -> None:
    for _ in range(2):
        store = Store.open(url)
        store.ship()
        assert len(exported(store)) == len(LINES)
        store.close()


async def test_one_that_is_missing_is_added_and_the_others_stay(store: Store, monkeypatch: Any, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer.jsonl"
    fewer.write_bytes(b"".join(LINES[1:]))
    with monkeypatch.context() as patch:
        patch.setattr(shipped, "FILE", fewer)
        store.ship()
    assert len(exported(store)) == len(LINES) - 1
    store.ship()
    assert sorted(exported(store)) == sorted(LINES)


async def asked_here(store: Store) -> str:
    prompt, recorder = asking("Mine"), Recorder(store, scripted(*SAID))
    run = await recorder.compare(prompt, [(ONE, prompt), (TWO, prompt)])
    await recorder.saved(run)
    return run


async def test_who_has_asked_something_gets_none(store: Store) -> None:
    run = await asked_here(store)
    store.ship()
    assert names(exported(store)) == [run]
    assert await store.welcome() == ""


async def test_the_first_is_a_welcome_until_something_is_asked(store: Store) -> None:
    assert await store.welcome() == ""
    store.ship()
    assert await store.welcome() == "shipped-code"  # not the oldest: the liveliest
    await asked_here(store)
    assert await store.welcome() == ""


async def test_the_table_for_people_has_one_only_once_it_was_rated_here(store: Store) -> None:
    store.ship()
    assert rows(store) == []
    await store.rate(run := await store.welcome(), "Ada", Judgement(((0,), (1,))))
    (row,) = rows(store)
    assert (row["comparison_id"], row["origin"], row["demo"]) == (run, "shipped", "True")


async def test_its_replay_ends_with_what_is_kept(store: Store) -> None:
    store.ship()
    for run in names(LINES):
        laps = await store.laps(run)
        playing = Replay(await store.recordings(run), [lap.start for lap in laps])
        playing.set(max(lap.end for lap in laps), speed=0)
        assert playing.over
        kept = await store.read(run)
        assert kept
        assert playing.answers() == tuple(lane.answer for lane in kept.lanes)
        assert {lane.answer.state for lane in kept.lanes} == {State.DONE}
        assert all(image.data for image in kept.prompt.turns[-1].images)  # type: ignore[union-attr]


def test_an_image_that_is_not_what_its_name_says_is_refused(store: Store) -> None:
    with pytest.raises(StorageError, match="not what its name says"):
        store.images.restore("0" * 64, "image/png", b"other")


async def test_lanes_that_are_still_answering_have_no_laps(store: Store) -> None:
    prompt = asking("Mine")
    run = await store.create(prompt, [(ONE, prompt), (TWO, prompt)])
    assert await store.laps(run) == ()
    assert await store.laps("nobody") == ()


async def test_lanes_taken_over_begin_with_the_others(store: Store) -> None:
    """Each on its own clock, from when its request was sent."""
    run = await asked_here(store)
    recorder, prompt = Recorder(store, scripted(*SAID)), asking("Mine")
    other = await recorder.compare(prompt, [(ONE, prompt), (TWO, prompt)], kept={0: Place(run, 0)}, remakes=run)
    await recorder.saved(other)
    sent = [lane.answer.times.sent for lane in (await store.read(other)).lanes]  # type: ignore[union-attr]
    assert [lap.start for lap in await store.laps(other)] == sent
    assert {lap.start for lap in await store.laps(run)} == {0}
