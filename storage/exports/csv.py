"""The table for people as CSV, and how any table is written so. No cell is a formula."""

import re
from collections.abc import Iterable, Iterator, Sequence
from csv import writer
from io import StringIO
from itertools import chain
from typing import Any

from storage.exports import pairs
from storage.exports.items import Item, Scope
from storage.exports.view import Left, View
from storage.images import ImageStore

_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠\t\r]")


def write(batches: Iterable[list[Item]], scope: Scope, _: ImageStore | None, left: Left) -> Iterator[bytes]:
    yield from written(chain([[each.name for each in pairs.columns(scope)]], pairs.rows(batches, scope, left)))


def written(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    yield "\ufeff".encode()  # without the mark, Excel takes UTF-8 for something else
    yield from map(line, rows)


def line(cells: Sequence[Any]) -> bytes:
    out = StringIO(newline="")
    writer(out).writerow([f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell for cell in cells])
    return out.getvalue().encode()


MEDIA_TYPE = "text/csv; charset=utf-8"
VIEW = View(
    name="csv",
    suffix=".csv",
    media_type=MEDIA_TYPE,
    about="A table for people: a row for each pair of answers and each evaluator's rating that counts.",
    fields=pairs.columns(),
    write=write,
    options=("reasoning", "names"),
)
