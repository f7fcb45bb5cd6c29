"""Brings files in: own exports (jsonl, parquet) as they were, LMArena battles, answers made elsewhere to be rated here;
and checks of backends, as `python -m backends.check --json` writes them.

The app must not run meanwhile: one program at a time writes a database.
"""

import argparse
from pathlib import Path

from tqdm import tqdm

from storage import imports
from storage.imports import checks
from storage.store import Store


def add(parser: argparse.ArgumentParser) -> None:
    shapes = "; ".join(f"{name}: {what}" for name, what in imports.SHAPES.items())
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a .jsonl, .parquet or .csv file; a .json file of checks"
    )
    parser.add_argument("--as", dest="shape", choices=imports.SHAPES, help=f"what they are ({shapes})")
    parser.add_argument(
        "--queue", type=int, default=0, metavar="N", help="put them into the queue, for N ratings of each"
    )


def run(given: argparse.Namespace) -> None:
    """Raises RatingError, StorageError, TransferError."""
    store = Store.open(given.database, given.images)
    try:
        for path in given.files:
            if path.suffix.lower() == ".json":
                found = checks.found(path)
                new = store.bring_checks(found)
                print(f"{path.name}: {new} checks imported, {len(found) - new} were there already.")
                continue
            with tqdm(desc=path.name, unit=" comparisons", disable=None) as bar:
                brought = store.bring(imports.found(path, store.images, given.shape), given.queue, bar.update)
            print(f"{path.name}: {brought.brought} comparisons imported, {brought.there} were there already.")
            if brought.sealed:
                print(f"{brought.sealed} are sealed in it: only what was asked is told of them, so they were left out.")
    finally:
        store.close()
