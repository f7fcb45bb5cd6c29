"""Copies for several commands, with progress bars."""

from pathlib import Path

from sqlalchemy import Connection, select
from tqdm import tqdm

from storage import copies
from storage.images import ImageStore
from storage.schema import images
from storage.sqlite import snapshot


def file(source: Path, target: Path) -> None:
    """An SQLite database, as it is now. Raises StorageError."""
    with tqdm(desc="database", unit=" pages", disable=None) as bar:

        def done(pages: int, total: int) -> None:
            bar.total = total
            bar.update(pages - bar.n)

        snapshot(source, target, done)


def copy(source: Connection, target: Connection) -> dict[str, int]:
    """Every row; how many each table has. Raises StorageError."""
    with tqdm(total=copies.size(source), unit=" rows", disable=None) as bar:

        def done(what: str, more: int) -> None:
            bar.set_description(what, refresh=False)
            bar.update(more)

        return copies.copy(source, target, done)


def pictures(connection: Connection, source: ImageStore, target: ImageStore) -> int:
    """Brings the images that this database names to `target`; how many neither place has whole."""
    names = connection.scalars(select(images.c.sha256).order_by(images.c.sha256)).all()
    with tqdm(total=len(names), desc="images", unit=" images", disable=None) as bar:
        return copies.pictures(names, source, target, bar.update)
