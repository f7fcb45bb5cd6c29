"""Reads files to import, row by row, each with the place where it stands. It knows no shape."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from storage.errors import TransferError
from storage.imports.columns import at_place
from storage.imports.kept import parsed

ROWS = 16  # of Parquet, read at once
LONGEST = 2**31 - 1  # letters of a cell

Row = tuple[str, Mapping[str, Any]]


def rows(path: Path) -> Iterator[Row]:
    """By the end of its name: JSONL, Parquet or CSV. Raises TransferError."""
    reading = {".jsonl": _jsonl, ".ndjson": _jsonl, ".parquet": _parquet, ".csv": _csv}.get(path.suffix.lower())
    if reading is None:
        raise TransferError(f"{path.name} is of no kind that can be imported: give a .jsonl, .parquet or .csv file.")
    try:
        yield from reading(path)
    except OSError as error:
        raise TransferError(f"{path.name} can't be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise TransferError(f"{path.name} is not in UTF-8: save it as that.") from error


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                with at_place(where := f"line {number}"):
                    row = parsed(line)
                yield where, row


def _parquet(path: Path) -> Iterator[Row]:
    from pyarrow import ArrowException  # here: 50 MB that only this needs
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS, use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except ArrowException as error:
        raise TransferError(f"{path.name} can't be read as Parquet ({error}).") from error


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(LONGEST)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        line = 2
        try:
            for row in reader:
                with at_place(where := f"line {line}"):
                    if None in row or None in row.values():
                        count = len(reader.fieldnames or ())
                        raise TransferError(f"it must have {count} cells, as many as the head has columns.")
                yield where, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise TransferError(f"{path.name}, line {line}: {error}.") from error
