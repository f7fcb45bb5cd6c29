"""Lanes kept under a name."""

import pytest

from storage.errors import PresetError
from storage.store import Store

FAST = {"backend": "vllm", "effort": "none", "temperature": None, "seed": 7}
DEEP = {"backend": "vllm", "effort": "high", "temperature": 0.7, "seed": None}


async def test_lanes_are_kept_as_they_were_and_listed_by_name(store: Store) -> None:
    await store.keep_preset("two", [FAST, DEEP])
    await store.keep_preset("one", [DEEP])
    assert [(each.name, each.lanes) for each in await store.presets()] == [("one", (DEEP,)), ("two", (FAST, DEEP))]


async def test_a_name_is_one_preset(store: Store) -> None:
    await store.keep_preset("mine", [FAST])
    assert (await store.keep_preset("  mine ", [DEEP])).name == "mine"
    (only,) = await store.presets()
    assert only.lanes == (DEEP,)


async def test_a_deleted_preset_is_gone_and_deleting_it_again_is_no_trouble(store: Store) -> None:
    await store.keep_preset("mine", [FAST])
    for _ in range(2):
        await store.drop_preset("mine")
    assert await store.presets() == ()


async def test_presets_outlive_the_app(store: Store, url: str) -> None:
    await store.keep_preset("mine", [FAST])
    store.close()
    again = Store.open(url)
    assert [each.name for each in await again.presets()] == ["mine"]
    again.close()


@pytest.mark.parametrize(("name", "words"), [("  ", "Give the preset a name"), ("x" * 81, "at most 80")])
async def test_a_name_that_is_none_is_refused(store: Store, name: str, words: str) -> None:
    with pytest.raises(PresetError, match=words):
        await store.keep_preset(name, [FAST])
