"""Deletes comparisons, or what an evaluator said, for good. Where no app may be running, it says so."""

import argparse
import sys
from datetime import UTC, datetime

from tqdm import tqdm

from storage import deletion
from storage.database import Database, images_beside
from storage.errors import StorageError
from storage.images import ImageStore
from storage.rows import has
from storage.schema import comparisons


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="without asking first")
    what = parser.add_subparsers(required=True, dest="what", metavar="WHAT")
    one = what.add_parser("comparison", help="these, and what goes on from them or shows their answers again")
    one.add_argument("ids", nargs="+", metavar="ID")
    one = what.add_parser("evaluator", help="all ratings and skips under this name")
    one.add_argument("name", metavar="NAME")
    one = what.add_parser("before", help="all comparisons made before a day or moment, and what goes on from them")
    one.add_argument("moment", type=datetime.fromisoformat, metavar="DATE")


def run(given: argparse.Namespace) -> None:
    files = ImageStore(given.images or images_beside(given.database))
    database = Database(given.database)
    try:
        if given.what == "evaluator":
            _agreed(given, f"all ratings by {given.name!r}")
            print(f"Deleted {deletion.evaluator(database, given.name)} ratings.")
            return
        asked = _asked(database, given)
        with database.engine.connect() as connection:
            ids = deletion.with_heirs(connection, asked)
        more = len(ids) - len(asked)
        _agreed(given, f"{len(asked)} comparisons" + f" and {more} that hold their words" * bool(more))
        with tqdm(total=len(ids), unit=" comparisons", disable=None) as bar:
            deletion.comparisons_of(database, files, ids, bar.update)
        print(f"Deleted {len(ids)} comparisons.")
    finally:
        database.close()


def _asked(database: Database, given: argparse.Namespace) -> list[str]:
    with database.engine.connect() as connection:
        if given.what == "before":
            moment: datetime = given.moment
            return deletion.made_before(connection, moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        asked = [*dict.fromkeys(given.ids)]
        if missing := [each for each in asked if not has(connection, comparisons, each)]:
            raise StorageError(f"There is no comparison {missing[0]!r}: its id stands in its address, behind run=.")
        return asked


def _agreed(given: argparse.Namespace, what: str) -> None:
    if given.yes:
        return
    if not sys.stdin.isatty():
        raise StorageError(f"This would delete {what}, for good: say --yes if that is meant.")
    if input(f"Delete {what}, for good? Type yes: ").strip() != "yes":
        raise StorageError("Nothing was deleted.")
