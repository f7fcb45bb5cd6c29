"""Checks of backends, as files bring them in; the other commands know of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from backends.check.result import Check, dumped
from storage.database import claimed
from storage.errors import StorageError, TransferError
from storage.imports import checks as imported
from storage.schema import checks
from storage.store import Store
from tests.storage.commands.conftest import Command, says
from tests.storage.made import checked


def written(path: Path, *given: Check) -> Path:
    path.write_text(json.dumps([dumped(each) for each in given]))
    return path


async def test_what_the_command_has_written_is_imported_once(
    store: Store,
    command: Command,
    tmp_path: Path,
) -> None:
    file = written(tmp_path / "checks.json", checked(), checked("two"))
    await store.keep_check(checked())
    store.close()
    assert command("import", file) == (0, ["checks.json: 1 checks imported, 1 were there already."])
    assert command("import", file) == (0, ["checks.json: 0 checks imported, 2 were there already."])
    assert command("verify") == (0, ["Nothing is wrong."])
    assert command("backup", tmp_path / "copy")[0] == 0
    copied = f"sqlite:///{tmp_path / 'copy' / 'lanewise.db'}"
    assert command("verify", database=copied) == (0, ["Nothing is wrong."])
    assert command("delete", "--yes", "before", "2027-01-01")[0] == 0
    assert json.loads(command("stats", "--json")[1][0])["checks"] == 2


GOOD: dict[str, Any] = json.loads(json.dumps(dumped(checked())))
BAD = [
    "[{",
    "7",
    [{}],
    [GOOD | {"at": "yesterday"}],
    [GOOD | {"version": 19}],
    [GOOD | {"backend": ""}],
    [GOOD | {"more": 1}],
    [GOOD, GOOD | {"findings": [GOOD["findings"][0] | {"verdict": "fine"}]}],
    [GOOD, GOOD | {"findings": [GOOD["findings"][0] | {"seconds": "long"}]}],
    [GOOD, GOOD | {"findings": [GOOD["findings"][0] | {"exchanges": [{"sent": 1, "came": ""}]}]}],
]


@pytest.mark.parametrize("given", BAD, ids=range(len(BAD)))
def test_what_is_no_check_is_refused_with_its_place(given: Any, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text(given if isinstance(given, str) else json.dumps(given))
    with pytest.raises(TransferError, match=r"given\.json"):
        imported.found(tmp_path / "given.json")


@pytest.mark.parametrize("wrong", [{"failed": 7}, {"body": {"backend": "one"}}], ids=["told", "damaged"])
async def test_damage_is_found(store: Store, url: str, command: Command, wrong: Any) -> None:
    await store.keep_check(checked())
    (brief,) = await store.checks_of("one")
    store.close()
    with claimed(url) as connection:
        connection.execute(update(checks).values(**wrong))
    status, said = command("verify")
    assert (status, says(said, f"The check {brief.id} of 'one'")) == (1, True)
    if "body" in wrong:
        again = Store.open(url)
        with pytest.raises(StorageError, match="can't be read"):
            await again.check(brief.id)
        again.close()
