"""Writes what is kept in a shape that other tools read, beside a running app or without one."""

import argparse
import os
import sys
from datetime import datetime
from pathlib import Path

from tqdm import tqdm

from storage.comparison import Filter
from storage.database import images_beside, reading
from storage.exports import VIEWS, export
from storage.exports.items import Scope, count
from storage.exports.save import save
from storage.images import ImageStore
from storage.rubric import load

FILTERS = {
    "words": "words, quoted phrases and prefix*, as in the History",
    "backend": "a lane's backend",
    "artifact": "a lane's artifact",
    "effort": "a lane's effort",
    "flag": "the code of a flag of a lane",
    "evaluator": "who has rated it",
    "tag": "a tag of a rating",
    "rated": "yes or no",
    "origin": "shipped or imported",
    "since": "from this day or moment on",
    "before": "before this day or moment",
}


def add(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "views:\n" + "\n".join(f"  {each.name:<15} {each.about}" for each in VIEWS.values())
    parser.add_argument("view", choices=VIEWS, metavar="VIEW", help="what to write: see below")
    parser.add_argument("--out", default="-", help="a folder, a file with the view's ending, or - for standard output")
    parser.add_argument("--demo", action="store_true", help="also what demo and simulated models answered")
    parser.add_argument("--names", action="store_true", help="people's own names instead of pseudonyms")
    parser.add_argument("--no-reasoning", action="store_true", help="without the lanes' reasoning")
    parser.add_argument("--no-images", action="store_true", help="without the images' bytes")
    parser.add_argument("--after", type=int, metavar="N", help="only comparisons whose number is above N")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N comparisons, the oldest first")
    parser.add_argument("--resume", action="store_true", help="go on with an export that was broken off")
    wanted = parser.add_argument_group("which comparisons")
    for name, what in FILTERS.items():
        moment = name in ("since", "before")
        wanted.add_argument(f"--{name}", type=_moment if moment else str, default=None if moment else "", help=what)


def run(given: argparse.Namespace) -> None:
    """Raises StorageError, RubricError."""
    view, scope, engine = VIEWS[given.view], _scope(given), reading(given.database)
    files = None if given.no_images else ImageStore(given.images or images_beside(given.database))
    if given.out == "-":
        sys.stdout.buffer.writelines(export(view, engine, scope, files))
        sys.stdout.buffer.flush()
        return
    if given.resume and not view.lines:
        print(f"{view.name} can't be continued: it begins anew.", file=sys.stderr)
    with tqdm(total=count(engine, scope), desc=view.name, unit=" comparisons", disable=None) as bar:

        def done(read: int) -> None:
            bar.update(read - bar.n)

        path = save(view, engine, scope, files, Path(given.out), resume=given.resume, done=done)
    print(f"{path} is written.", file=sys.stderr)


def _scope(given: argparse.Namespace) -> Scope:
    return Scope(
        wanted=Filter(**{name: getattr(given, name) for name in FILTERS}),
        after=given.after,
        limit=given.limit,
        demo=given.demo,
        reasoning=not given.no_reasoning,
        names=given.names,
        rubric=load(Path(os.environ.get("RUBRIC", "rubric.toml"))),
    )


def _moment(text: str) -> datetime:
    """Without a zone it is of the clock here."""
    return datetime.fromisoformat(text).astimezone()
