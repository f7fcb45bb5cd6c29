"""Everything kept, in the shapes that other tools read: one view, one file. All stream from one consistent snapshot."""

from collections.abc import Callable, Iterator
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
    view: View,
    engine: Engine,
    scope: Scope = ALL,
    files: ImageStore | None = None,
    left: Left | None = None,
    before: Callable[[list[Item]], None] = lambda _: None,
) -> Iterator[bytes]:
    """The parts of the file; begins to read at once. `before` each batch is written, and all that came earlier is, it
    is called with it. Raises StorageError, where too many run already.
    """
    batches, tally = items(engine, scope, recordings=view.recordings, rounds=view.rounds), left or Left()
    begun = chain([next(batches, [])], batches)

    def seen(batch: list[Item]) -> list[Item]:
        before(batch)
        tally.read += len(batch)
        return batch

    def parts() -> Iterator[bytes]:
        with closing(batches):  # its snapshot and its turn
            yield from view.write(map(seen, begun), scope, files, tally)

    return parts()
