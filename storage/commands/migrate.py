"""Copies all that is kept into an empty database of another kind, or elsewhere: all of it, or nothing.

No app may run on the one that is copied: what it writes meanwhile would be left behind.
"""

import argparse
import sys
from pathlib import Path
from shutil import copyfile

from storage import replicas
from storage.commands import bars
from storage.database import claimed, images_beside, reading, server
from storage.errors import InUse
from storage.exports import pseudonyms
from storage.images import ImageStore


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("to", metavar="TO_URL", help="an empty database, like postgresql+psycopg://name@host/lanewise")
    parser.add_argument("--images-to", metavar="ADDRESS", help="copy the images too, to this folder or bucket")


def run(given: argparse.Namespace) -> None:
    """Raises StorageError, OSError."""
    engine, origin, goal = reading(given.database), server(given.database), server(given.to)
    with origin.claim(), engine.connect() as source:
        if origin.shared and replicas.here(source):
            raise InUse(f"Apps are running on {origin.name}: close them, and try again a minute later.")
        lost = 0
        if given.images_to:
            kept = ImageStore(given.images or images_beside(given.database))
            lost = bars.pictures(source, kept, ImageStore(given.images_to))
        with claimed(given.to) as target:
            copied = bars.copy(source, target)
    _keep_pseudonyms(pseudonyms.beside(origin.url), pseudonyms.beside(goal.url))
    for name, rows in copied.items():
        print(f"{name:<28}{rows:>18,}")
    print(f"All of it is in {goal.name}: both databases have as many rows of each.", file=sys.stderr)
    if lost:
        print(f"{lost} images were not there whole and are not copied: `verify` names them.", file=sys.stderr)


def _keep_pseudonyms(key: Path, other: Path) -> None:
    """People then have the same ones in exports of both."""
    if key.is_file() and not other.exists():
        copyfile(key, other)
        other.chmod(0o600)
