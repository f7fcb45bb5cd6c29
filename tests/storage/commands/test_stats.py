"""What is kept is counted, for people and for programs."""

import json

from storage.store import Store
from tests.storage.commands.conftest import Command, filled, says


async def test_what_is_kept_is_counted(store: Store, command: Command) -> None:
    await filled(store)
    status, said = command("stats", "--json")
    counted = json.loads(said[0])
    assert status == 0
    assert counted["comparisons"] == len((await store.page()).rows)
    assert (counted["ratings"], counted["evaluators"]) == (5, 3)
    assert counted["battles"] == 3 + 3 + 3
    assert counted["images"] == len(list(store.images.names()))
    assert counted["database_bytes"] > 100_000
    assert sum(counted["flags"].values()) > 0
    _, table = command("stats")
    assert says(table, rf"^comparisons +{counted['comparisons']}$")
    assert says(table, r"^flag \S+ +\d+$")


def test_a_database_that_is_empty_has_nothing(store: Store, command: Command) -> None:
    counted = json.loads(command("stats", "--json")[1][0])
    assert (counted["comparisons"], counted["image_bytes"], counted["flags"]) == (0, 0, {})
