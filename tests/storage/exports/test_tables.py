"""The lossless table and the tables for people, as the programs that open them see them."""

import io
import zipfile
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from pyarrow import parquet

from backends.prompt import Prompt, UserTurn
from storage.exports import VIEWS, export, pairs, xlsx
from storage.exports.items import ALL
from storage.exports.view import Left
from storage.store import Store
from tests.storage.answered import answered, text
from tests.storage.exported import NAMED, lines, parts, rows
from tests.storage.made import asking, judged, png

SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def table(store: Store, **options: Any) -> list[dict[str, Any]]:
    whole = b"".join(parts("parquet", store.engine, NAMED, store.images))
    return list(parquet.ParquetFile(io.BytesIO(whole)).read(use_threads=False).to_pylist())


def cells(workbook: bytes, sheet: int = 1) -> list[dict[str, tuple[str, str]]]:
    """(type, what is in it) of each cell that has something, by its column, row by row."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as file:
        tree = ElementTree.fromstring(file.read(f"xl/worksheets/sheet{sheet}.xml"))
    return [
        {
            cell.attrib["r"].rstrip("0123456789"): (cell.attrib.get("t", "n"), "".join(cell.itertext()))
            for cell in row
            if cell.tag == f"{SPREADSHEET}c"
        }
        for row in tree.iter(f"{SPREADSHEET}row")
    ]


def formulas(workbook: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(workbook)) as file:
        sheets = [file.read(name) for name in file.namelist() if name.startswith("xl/worksheets/sheet")]
        assert not [name for name in file.namelist() if "rels/sheet" in name]  # where links would be
    return sum(1 for sheet in sheets for _ in ElementTree.fromstring(sheet).iter(f"{SPREADSHEET}f"))


async def rated(store: Store, prompt: Prompt, *said: str) -> str:
    run = await answered(store, prompt, *map(text, said))
    await store.rate(run, "Ann", judged(*([lane] for lane in range(len(said)))))
    return run


async def test_parquet_has_what_the_lines_have(store: Store) -> None:
    await rated(store, Prompt("", (UserTurn("?", (store.images.add(png()),)),)), "yes", "no")
    await rated(store, asking("one"), "yes", "no", "perhaps")
    for row, line in zip(table(store), lines(store), strict=True):
        assert orjson.loads(row["prompt"]) == line["prompt"]
        for lane, told in zip(row["lanes"], line["lanes"], strict=True):
            assert [orjson.loads(event) for event in lane["recording"].splitlines()] == told["recording"]
            same = set(told) - {"recording", "prompt", "calls", "results"}
            assert {name: lane[name] for name in same} == {name: told[name] for name in same}
        assert [each["ranking"] for each in row["ratings"]] == [each["ranking"] for each in line["ratings"]]
        assert [each["sha256"] for each in row["image_files"]] == [each["sha256"] for each in line["images"]]
    assert table(store)[0]["images"][0]["bytes"] == png()


async def test_parquet_tells_its_readers_which_column_has_images(store: Store) -> None:
    await rated(store, asking("one"), "yes", "no")
    schema = parquet.read_schema(io.BytesIO(b"".join(parts("parquet", store.engine))))
    features = orjson.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert features["images"] == {"_type": "List", "feature": {"_type": "Image"}}
    assert features["lanes"]["feature"]["recording"] == {"_type": "Value", "dtype": "binary"}


async def test_excel_has_the_rows_that_csv_has(store: Store) -> None:
    await rated(store, asking("one"), "yes", "no", "perhaps")
    head, *found = cells(b"".join(parts("xlsx", store.engine)))
    names = {column: name for column, (_, name) in head.items()}
    told = [{names[column]: value for column, (_, value) in row.items()} for row in found]
    for row, other in zip(told, rows(store), strict=True):
        assert list(names.values()) == list(other)
        for name in ("comparison_id", "winner", "text_a", "text_b", "shown_as_b", "completion_tokens_a"):
            assert row.get(name, "") == other[name]


@pytest.mark.parametrize(
    "said", ["=1+1", "{=1+1}", "+1", "@SUM(A1)", "-2+3", "https://a.example", "internal:A1", "\t=1"]
)
async def test_no_cell_of_excel_is_a_formula_or_a_link(store: Store, said: str) -> None:
    await rated(store, asking(said), said, said)
    workbook = b"".join(parts("xlsx", store.engine))
    assert formulas(workbook) == 0
    _, row = cells(workbook)
    assert [kind for kind, value in row.values() if value == said] == ["inlineStr"] * 3


async def test_what_a_cell_can_not_hold_is_cut_and_counted(store: Store) -> None:
    await rated(store, asking("one"), "x" * 40_000, "\0\x01🙂")
    left = Left()
    workbook = b"".join(export(VIEWS["xlsx"], store.engine, left=left))
    _, row = cells(workbook)
    assert max(len(value) for _, value in row.values()) == 32_767
    assert [count for why, count in left.out.items() if "a cell holds no more" in why] == [1]
    stored = "\N{REPLACEMENT CHARACTER}" if store.engine.dialect.name == "postgresql" else "_x0000_"
    assert ("inlineStr", f"{stored}_x0001_🙂") in row.values()


async def test_more_rows_than_a_sheet_holds_go_on_in_another(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "ROWS", 2)
    await rated(store, asking("one"), "yes", "no", "perhaps")
    workbook = b"".join(parts("xlsx", store.engine))
    assert [len(cells(workbook, sheet)) for sheet in (1, 2)] == [3, 2]


async def test_without_reasoning_tables_have_no_column_for_it(store: Store) -> None:
    await rated(store, asking("one"), "yes", "no")
    scope = replace(ALL, reasoning=False)
    head, row = cells(b"".join(parts("xlsx", store.engine, scope)))
    names = [value for _, value in head.values()]
    assert names == list(rows(store, scope)[0]) == [each.name for each in pairs.columns(scope)]
    assert not [name for name in names if name in ("reasoning_a", "reasoning_b")]
    assert len(row) <= len(names)
