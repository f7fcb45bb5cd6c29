"""Everything kept, in the shapes that other tools read: one view, one file. All stream from one consistent snapshot."""

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain

from sqlalchemy import Engine

from storage.exports import (
    battles,
    csv,
    dpo,
    dpo_vision,
    jsonl,
    kto,
    llm_comparator,
    openai_dpo,
    parquet,
    rankings,
    xlsx,
)
from storage.exports.items import ALL, Item, Scope, items
from storage.exports.view import Left, View
from storage.images import ImageStore

_MADE = (jsonl, parquet, dpo, dpo_vision, kto, battles, rankings, openai_dpo, csv, xlsx, llm_comparator)
VIEWS: dict[str, View] = {each.VIEW.name: each.VIEW for each in _MADE}


def export(
    view: View, engine: Engine, scope: Scope = ALL, files: ImageStore | None = None, left: Left | None = None
) -> Iterator[bytes]:
    """The parts of the file; begins to read at once. Raises StorageError, where too many run already."""
    batches = items(engine, scope, recordings=view.recordings, rounds=view.rounds)
    begun = chain([next(batches, [])], batches)
    return _parts(view, begun, batches, scope, files, left or Left())


def _parts(
    view: View,
    begun: Iterator[list[Item]],
    rest: Generator[list[Item]],
    scope: Scope,
    files: ImageStore | None,
    left: Left,
) -> Iterator[bytes]:
    with closing(rest):  # its snapshot and its turn
        yield from view.write(map(left.seen, begun), scope, files, left)
