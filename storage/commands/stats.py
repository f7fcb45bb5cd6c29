"""Counts what is kept."""

import argparse
import json
from pathlib import Path

from sqlalchemy import Connection, distinct, func, select, text

from storage.database import reading, server
from storage.schema import answers, battles, checks, comparisons, flags, images, ratings
from storage.sqlite import Sqlite


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs: one object")


def run(given: argparse.Namespace) -> None:
    """Raises StorageError."""
    place = server(given.database)
    with reading(given.database).connect() as connection:
        counted, odd = _counted(connection), _flags(connection)
        if isinstance(place, Sqlite):
            files = place.path, Path(f"{place.path}-wal")
            size = sum(file.stat().st_size for file in files if file.exists())
        else:
            size = connection.scalar(text("SELECT pg_database_size(current_database())"))
    if given.json:
        print(json.dumps({**counted, "database_bytes": size, "flags": odd}))
        return
    for name, count in (counted | {"database_bytes": size}).items():
        print(f"{name.replace('_', ' '):<28}{count:>18,}")
    for code, count in odd.items():
        print(f"{f'flag {code}':<28}{count:>18,}")


def _counted(connection: Connection) -> dict[str, int]:
    wanted = {
        "comparisons": select(func.count()).select_from(comparisons),
        "answers": select(func.count()).select_from(answers),
        "ratings": select(func.count()).select_from(ratings),
        "evaluators": select(func.count(distinct(ratings.c.evaluator))),
        "battles": select(func.count()).select_from(battles),
        "checks": select(func.count()).select_from(checks),
        "images": select(func.count()).select_from(images),
        "image_bytes": select(func.sum(images.c.bytes)),
    }
    return {name: connection.scalar(each) or 0 for name, each in wanted.items()}


def _flags(connection: Connection) -> dict[str, int]:
    """How many answers have each, the commonest first."""
    rows = func.count()
    wanted = select(flags.c.code, rows).group_by(flags.c.code).order_by(rows.desc(), flags.c.code)
    return dict(connection.execute(wanted).all())
