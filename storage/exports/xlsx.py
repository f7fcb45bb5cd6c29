"""The table for people as an Excel workbook. No cell is a formula or a link."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xlsxwriter import Workbook

from storage.exports import pairs
from storage.exports.items import Item, Scope
from storage.exports.view import Left, View
from storage.images import ImageStore

ROWS = 1_048_575  # of a sheet, beneath its head
EXACT = 2**53  # the largest whole number that a cell holds to its last digit
PART = 1 << 20  # bytes
WIDE = {"system": 30, "prompt": 50, "comment": 30, "text": 50, "reasoning": 30}  # letters


def write(batches: Iterable[list[Item]], scope: Scope, _: ImageStore | None, left: Left) -> Iterator[bytes]:
    """All of it comes when everything is read: until then it is in a temporary folder."""
    head = [each.name for each in pairs.columns(scope)]
    with TemporaryDirectory(prefix="lanewise-") as folder:
        path = Path(folder, "out.xlsx")
        book = Workbook(path, {"constant_memory": True, "tmpdir": folder, "use_zip64": True})
        sheet = _sheet(book, head, 1)
        for number, row in enumerate(pairs.rows(batches, scope, left)):
            if number and number % ROWS == 0:
                sheet = _sheet(book, head, number // ROWS + 1)
            left.out["the rest of a text longer than 32,767 letters: a cell holds no more"] += _fill(
                sheet, number % ROWS + 1, row
            )
        book.close()
        with path.open("rb") as file:
            while part := file.read(PART):
                yield part


def _sheet(book: Any, head: Sequence[str], number: int) -> Any:
    sheet, bold = book.add_worksheet(f"ratings {number}"), book.add_format({"bold": True})
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, ROWS, len(head) - 1)
    for column, name in enumerate(head):
        sheet.set_column(column, column, WIDE.get(name.removesuffix("_a").removesuffix("_b"), 14))
        sheet.write_string(0, column, name, bold)
    return sheet


def _fill(sheet: Any, row: int, cells: Sequence[Any]) -> int:
    """How many texts were cut."""
    cut = 0
    for column, cell in enumerate(cells):
        if isinstance(cell, bool):
            sheet.write_boolean(row, column, cell)
        elif isinstance(cell, int | float) and abs(cell) <= EXACT:
            sheet.write_number(row, column, cell)
        elif cell not in (None, ""):
            cut += sheet.write_string(row, column, str(cell)) == -2
    return cut


VIEW = View(
    name="xlsx",
    suffix=".xlsx",
    media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    about="The same table for people as an Excel workbook.",
    fields=pairs.columns(),
    write=write,
    options=("reasoning", "names"),
)
