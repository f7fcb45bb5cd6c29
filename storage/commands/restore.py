"""Puts a backup in place of a database that no app uses. The one that was there is moved aside, not deleted.

Into PostgreSQL it is copied, if there is nothing in that database yet.
"""

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path
from shutil import copyfile

from sqlalchemy import make_url
from sqlalchemy.pool import NullPool

from storage.commands import bars
from storage.commands.backup import DATABASE, IMAGES
from storage.database import claimed, images_beside, newest, reading, revision, server, told
from storage.errors import StorageError
from storage.exports import pseudonyms
from storage.images import ImageStore
from storage.lock import Lock
from storage.sqlite import Sqlite, damage


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what `backup` has made")


def run(given: argparse.Namespace) -> None:
    """Raises StorageError, OSError."""
    backup: Path = given.folder / DATABASE
    if not backup.is_file():
        raise StorageError(f"{given.folder} is no backup: there is no {DATABASE} in it.")
    place, kept = server(given.database), ImageStore(given.images or images_beside(given.database))
    key, source = pseudonyms.beside(place.url), ImageStore(given.folder / IMAGES)
    if isinstance(place, Sqlite):
        lost = _replace(place.path, backup, source, kept)
    else:
        with reading(f"sqlite:///{backup}").connect() as saved:
            lost = bars.pictures(saved, source, kept)
            with claimed(given.database) as connection:
                bars.copy(saved, connection)
    if (saved_key := given.folder / key.name).is_file():
        if key.exists() and key.read_bytes() != saved_key.read_bytes():
            _aside(key)
        copyfile(saved_key, key)
        key.chmod(0o600)
    if lost:
        print(f"{lost} images are neither in the backup nor here: `verify` names them.", file=sys.stderr)
    print(f"Database {place.name} is what it was when {given.folder} was made.", file=sys.stderr)


def _replace(path: Path, backup: Path, source: ImageStore, kept: ImageStore) -> int:
    """How many images are lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    lock = Lock(path)
    try:
        part.unlink(missing_ok=True)
        bars.file(backup, part)
        lost = _checked(part, backup, source, kept)
        for suffix in ("-wal", "-shm", ""):  # its journal first: it would be taken for the new one's
            _aside(path, suffix)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
        lock.release()
    return lost


def _checked(part: Path, backup: Path, source: ImageStore, kept: ImageStore) -> int:
    """The images of a database that is whole are brought here."""
    engine = Sqlite(make_url(f"sqlite:///{part}")).engine(poolclass=NullPool)
    with told(str(backup)), engine.connect() as connection:
        if wrong := damage(connection):
            raise StorageError(f"The backup {backup} is damaged, and nothing was changed here: {wrong[0]}")
        made = revision(connection)
        if made is None or made > newest():
            raise StorageError(f"{backup} is no database of Lanewise, or of a newer one: update this one first.")
        return bars.pictures(connection, source, kept)


def _aside(path: Path, suffix: str = "") -> None:
    file = path.with_name(path.name + suffix)
    if file.exists():
        file.rename(path.with_name(f"{path.name}.{datetime.now():%Y%m%d-%H%M%S}{suffix}"))
