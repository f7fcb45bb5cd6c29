"""Files of an export: whole or not at all, beside their card, and gone on with where they were broken off."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from storage.errors import StorageError
from storage.exports import VIEWS
from storage.exports import save as saving
from storage.exports.items import ALL, BATCH, Scope, count
from storage.exports.save import save
from storage.store import Store
from tests.storage.answered import answered, text
from tests.storage.exported import parts
from tests.storage.made import asking, judged

JSONL = VIEWS["jsonl"]


class Broken(Exception):
    pass


async def filled(store: Store, many: int) -> None:
    for number in range(many):
        run = await answered(store, asking(str(number)), text("yes"), text("no"))
        await store.rate(run, "Ann", judged([0], [1]))


def breaking(after: int) -> Callable[[int], None]:
    def done(read: int) -> None:
        if read >= after:
            raise Broken

    return done


@pytest.fixture
def every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is noted once a second on a disk is noted with every batch."""
    monkeypatch.setattr(saving, "PACE", 0.0)


@pytest.mark.parametrize("name", VIEWS)
async def test_a_folder_has_the_file_and_its_card(store: Store, tmp_path: Path, name: str) -> None:
    await filled(store, 2)
    view = VIEWS[name]
    path = save(view, store.engine, ALL, store.images, tmp_path / "out")
    assert path == tmp_path / "out" / f"{name}{view.suffix}"
    if name != "xlsx":  # it has the moment in it
        assert path.read_bytes() == b"".join(parts(name, store.engine, ALL, store.images))
    assert sorted(os.listdir(path.parent)) == ["README.md", path.name]
    assert "| comparisons read | 2 |" in (path.parent / "README.md").read_text(encoding="utf-8")


async def test_a_single_file_has_its_card_beside_it(store: Store, tmp_path: Path) -> None:
    await filled(store, 1)
    save(JSONL, store.engine, ALL, None, tmp_path / "mine.jsonl")
    assert [name for name in sorted(os.listdir(tmp_path)) if "mine" in name] == ["mine.card.md", "mine.jsonl"]


async def test_the_card_of_another_export_in_the_folder_stays(store: Store, tmp_path: Path) -> None:
    await filled(store, 1)
    for name in ("dpo", "battles", "dpo", "battles"):
        save(VIEWS[name], store.engine, ALL, None, tmp_path / "out")
    found = sorted(os.listdir(tmp_path / "out"))
    assert found == ["README.md", "battles.card.md", "battles.parquet", "dpo.jsonl"]
    assert "# dpo.jsonl" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


async def test_what_is_broken_off_never_has_the_final_name(store: Store, tmp_path: Path) -> None:
    await filled(store, BATCH + 1)
    out = tmp_path / "out.jsonl"
    out.write_bytes(b"old")
    with pytest.raises(Broken):
        save(JSONL, store.engine, ALL, None, out, done=breaking(BATCH))
    assert out.read_bytes() == b"old"
    assert not out.with_name("out.card.md").exists()


@pytest.mark.usefixtures("every_batch")
@pytest.mark.parametrize("limit", [None, 2 * BATCH + 3])
async def test_it_goes_on_where_it_was_broken_off(store: Store, tmp_path: Path, limit: int | None) -> None:
    await filled(store, 3 * BATCH)
    scope, out = replace(ALL, limit=limit), tmp_path / "out.jsonl"
    for after in (BATCH, 2 * BATCH):
        with pytest.raises(Broken):
            save(JSONL, store.engine, scope, None, out, resume=True, done=breaking(after))
        part = out.with_name("out.jsonl.part")
        part.write_bytes(part.read_bytes() + b'{"half of a')
    seen: list[int] = []
    save(JSONL, store.engine, scope, None, out, resume=True, done=seen.append)
    assert min(seen) >= BATCH
    assert out.read_bytes() == b"".join(parts("jsonl", store.engine, scope))
    assert f"| comparisons | {limit or 3 * BATCH} |" in out.with_name("out.card.md").read_text(encoding="utf-8")
    assert [name for name in sorted(os.listdir(tmp_path)) if "out" in name] == ["out.card.md", "out.jsonl"]


@pytest.mark.usefixtures("every_batch")
async def test_what_was_made_meanwhile_comes_along(store: Store, tmp_path: Path) -> None:
    await filled(store, BATCH + 1)
    out = tmp_path / "out.jsonl"
    with pytest.raises(Broken):
        save(JSONL, store.engine, ALL, None, out, done=breaking(BATCH))
    await filled(store, 1)
    save(JSONL, store.engine, ALL, None, out, resume=True)
    ids = [orjson.loads(line)["id"] for line in out.read_bytes().splitlines()]
    assert len(set(ids)) == len(ids) == BATCH + 2


@pytest.mark.usefixtures("every_batch")
async def test_with_other_options_it_does_not_go_on(store: Store, tmp_path: Path) -> None:
    await filled(store, BATCH + 1)
    out = tmp_path / "out.jsonl"
    with pytest.raises(Broken):
        save(JSONL, store.engine, ALL, None, out, done=breaking(BATCH))
    with pytest.raises(StorageError, match="begun with other options"):
        save(JSONL, store.engine, Scope(names=True), None, out, resume=True)


async def test_a_place_that_can_not_be_written_is_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="can't be written"):
        save(JSONL, store.engine, ALL, None, tmp_path / "file" / "out.jsonl")


async def test_all_is_counted_before_it_is_read(store: Store) -> None:
    await filled(store, 3)
    first = orjson.loads(parts("jsonl", store.engine)[0])["number"]
    scopes = [ALL, replace(ALL, limit=2), replace(ALL, after=first), replace(ALL, limit=9)]
    assert [count(store.engine, scope) for scope in scopes] == [3, 2, 2, 3]
