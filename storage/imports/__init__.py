"""Brings files in: own exports, as they were; battles of arenas; answers made elsewhere, to be rated here."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

from storage.errors import TransferError
from storage.images import ImageStore
from storage.imports import answers, battles, sources
from storage.imports.columns import at_place
from storage.imports.kept import unpacked
from storage.imports.sources import Row

Shape = Literal["kept", "battles", "answers"]
SHAPES: dict[Shape, str] = {
    "kept": "an own export, jsonl or parquet, as it was",
    "battles": "LMArena battles",
    "answers": "answers made elsewhere",
}


def found(path: Path, files: ImageStore, shape: Shape | None = None) -> Iterator[Row]:
    """What a file has, as comparisons to bring, each with its place; its columns tell its `shape` unless it is given.

    Raises TransferError.
    """
    rows = sources.rows(path)
    first = next(rows, None)
    if first is None:
        raise TransferError(f"{path.name} has no rows.")
    shape = shape or _shape(path, set(first[1]))
    whole = chain([first], rows)
    match shape:
        case "kept":
            yield from _own(whole)
        case "battles":
            yield from _battles(whole, files)
        case "answers":
            yield from answers.long(whole) if answers.is_long(first[1]) else answers.wide(whole)


def _shape(path: Path, columns: set[str]) -> Shape:
    if "lanes" in columns or "sealed" in columns:
        return "kept"
    if columns >= battles.COLUMNS:
        return "battles"
    if answers.is_long(columns) or answers.is_wide(columns):
        return "answers"
    raise TransferError(
        f"{path.name} has none of the columns that can be imported: an own export in jsonl or parquet, battles with "
        f"{', '.join(sorted(battles.COLUMNS))}, or answers with prompt, answer_a, answer_b or prompt, lane, answer."
    )


def _own(rows: Iterable[Row]) -> Iterator[Row]:
    for where, row in rows:
        with at_place(where):
            kept = unpacked(row)
        yield where, kept


def _battles(rows: Iterable[Row], files: ImageStore) -> Iterator[Row]:
    for where, row in rows:
        with at_place(where):
            kept = list(battles.kept(row, files))
        yield from ((where, each) for each in kept)
