"""What tables and exports are made of, from the code itself: `python -m docs.schema` writes it into `data.md`, between
the marks that stand there."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Table

from storage.exports import VIEWS
from storage.schema import metadata

FILE = Path(__file__).parent / "data.md"
BLOCK = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)

LAYERS = {
    "Generations": {
        "prompts": "what is asked, each once: its id is the hash of its text",
        "images": "of which only the description is here: the bytes are files, named by hash",
        "prompt_images": "which prompt has which images",
        "answers": "a lane as it was sent, and what its recording folds into: state, counts, times",
        "texts": "its long texts, apart so that no list reads them: requests as sent, reasoning, answer, tool calls",
        "recording_chunks": "every event as it came, with its microsecond: zlib, joined by `seq`",
        "flags": "what is odd about it",
    },
    "Comparisons": {
        "comparisons": "one prompt to several lanes, and how they were run",
        "showings": "how it was shown to one browser: order, blind or not, when that ended",
        "hints": "which comparison tells of which: sealed ones stay sealed together",
    },
    "Ratings": {
        "ratings": "one judgement each: see [rating.md](rating.md)",
        "battles": "each pair of lanes by each rating that counts: what statistics read, and follows from the ratings",
    },
    "Checks and measurements": {
        "checks": "what a backend was found to do, probe by probe, with the server's version",
        "unfinished": "a check that runs, or was stopped or cut off: what it has found so far",
        "measurements": "load, long context or effort, on one's own prompts: what was planned, how it ended",
        "samples": "what a measurement has found so far, one request each",
    },
    "Beside them": {
        "facets": "what the History filters by, kept by triggers",
        "locks": "who has what of the rating queue open",
        "presets": "lanes under a name",
        "replicas": "the apps that run on this database, each seen lately",
        "logouts": "sessions that were logged out, until they would have ended anyway",
    },
}
DRAWN = ("Generations", "Comparisons", "Ratings")


def filled(text: str) -> str:
    """The text with all as it is now between its marks."""
    return BLOCK.sub(lambda found: found[1] + "\n".join(_BLOCKS[found[2]]()) + "\n" + found[3], text)


def _drawing() -> Iterator[str]:
    yield "```mermaid"
    yield "erDiagram"
    names = [name for layer in DRAWN for name in LAYERS[layer]]
    for table in map(metadata.tables.get, names):
        assert table is not None
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
            if key.column.table.name in names and key.column.table is not table:
                one = "|o" if key.parent.nullable else "||"
                many = "||" if [*table.primary_key] == [key.parent] else "o{"
                yield f"  {key.column.table.name} {one}--{many} {table.name} : {key.parent.name}"
    yield "```"


def _tables() -> Iterator[str]:
    for layer, tables in LAYERS.items():
        yield f"| {layer} | | |"
        yield "|---|---|---|"
        for name, about in tables.items():
            yield f"| `{name}` | {about} | {', '.join(_columns(metadata.tables[name]))} |"
        yield ""


def _columns(table: Table) -> Iterator[str]:
    for column in table.columns:
        yield f"**{column.name}**" if column.primary_key else column.name


def _exports() -> Iterator[str]:
    told: dict[object, str] = {}
    for view in VIEWS.values():
        if same := told.get(view.fields):
            yield f"`{view.name}` (`{view.suffix}`): {view.about} The fields are those of `{same}`."
        else:
            told[view.fields] = view.name
            yield "<details>"
            yield f"<summary><code>{view.name}</code> ({view.suffix}): {view.about}</summary>"
            yield ""
            yield "| field | type | meaning |"
            yield "|---|---|---|"
            yield from (f"| `{each.name}` | {each.type} | {each.meaning} |" for each in view.fields)
            yield ""
            yield "</details>"
        yield ""


_BLOCKS: dict[str, Callable[[], Iterator[str]]] = {"drawing": _drawing, "tables": _tables, "exports": _exports}

if __name__ == "__main__":
    FILE.write_text(filled(FILE.read_text(encoding="utf-8")), encoding="utf-8")
