"""Copies all that is kept, with its images, into a new folder, beside a running app or without one.

The folder has an SQLite database, whatever kind of database this one is: open it with what reads SQLite, or bring it
back with `restore`.
"""

import argparse
import os
import sys
from pathlib import Path
from shutil import copyfile, rmtree
from tempfile import mkdtemp

from sqlalchemy import Engine

from storage.commands import bars
from storage.database import claimed, images_beside, reading, server
from storage.errors import StorageError
from storage.exports import pseudonyms
from storage.images import ImageStore
from storage.sqlite import Sqlite, settle

DATABASE, IMAGES = "lanewise.db", "images"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to make")


def run(given: argparse.Namespace) -> None:
    """Raises StorageError, OSError."""
    out: Path = given.out
    if out.exists():
        raise StorageError(f"{out} is there already: name a new folder.")
    engine, kept = reading(given.database), ImageStore(given.images or images_beside(given.database))
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(mkdtemp(prefix=f"{out.name}.", suffix=".part", dir=out.parent))
    try:
        copied = _database(given.database, engine, part / DATABASE)
        with copied.connect() as connection:
            lost = bars.pictures(connection, kept, ImageStore(part / IMAGES))
        copied.dispose()
        settle(part / DATABASE)
        if (key := pseudonyms.beside(engine.url)).is_file():
            copyfile(key, part / key.name)
        _flush(part)
        part.rename(out)
    except BaseException:
        rmtree(part, ignore_errors=True)
        raise
    if lost:
        print(f"{lost} images are not in it, as they were not there whole: `verify` names them.", file=sys.stderr)
    print(f"{out} is written: `python -m storage restore {out}` brings it back.", file=sys.stderr)


def _database(url: str, engine: Engine, target: Path) -> Engine:
    """One snapshot of it, as an SQLite file."""
    place = server(url)
    if isinstance(place, Sqlite):
        bars.file(place.path, target)
    else:
        with engine.connect() as source, claimed(f"sqlite:///{target}") as copy:
            bars.copy(source, copy)
        target.with_name(f"{target.name}.lock").unlink()
    return reading(f"sqlite:///{target}")


def _flush(folder: Path) -> None:
    """So that what has its final name is whole, also when the power goes; files are on the disk already."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
