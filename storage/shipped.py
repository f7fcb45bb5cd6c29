"""The project's own recordings, for a database in which nothing was asked yet: its page is alive before any backend is.

They are kept as an export, and exported again they are the very same lines: `origin` tells them from a person's own.
"""

from pathlib import Path

from sqlalchemy import Connection, exists, select

from storage.images import ImageStore
from storage.imports.kept import parsed
from storage.imports.own import Bringing
from storage.rows import has
from storage.schema import comparisons

FILE = Path(__file__).parent / "shipped.jsonl"
ORIGIN = "shipped"
FIRST = "shipped-code"  # what who comes first is shown


def ship(connection: Connection, files: ImageStore) -> None:
    """Adds those that are not there yet, unless something was asked or imported here."""
    if not _asked(connection):
        bringing = Bringing(files)
        for line in FILE.read_bytes().splitlines():
            bringing.bring(connection, parsed(line))


def welcome(connection: Connection) -> str:
    """The one to show who comes first, "" as soon as something was asked here."""
    return FIRST if has(connection, comparisons, FIRST) and not _asked(connection) else ""


def _asked(connection: Connection) -> bool:
    return bool(connection.scalar(select(exists().where(comparisons.c.origin != ORIGIN))))
