"""The data card beside an export: how it was made, what is in it and what was left out and why.

It is the README of a Hugging Face data set, whose front matter tells readers the columns' types.
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import fields as names_of
from datetime import UTC, datetime
from pathlib import Path

import orjson

from storage.comparison import Filter
from storage.exports import features
from storage.exports.items import Scope
from storage.exports.view import Left, View

_LOADERS = {".jsonl": "json", ".parquet": "parquet", ".csv": "csv"}  # of `datasets`, by suffix
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def version() -> str:
    """Of the code."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def card(view: View, scope: Scope, left: Left, file: str, now: datetime | None = None) -> str:
    """For the finished export in `file`, a name beside the card's; "" where it was only sent."""
    name = file or view.name + view.suffix
    made = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        "\n".join(["---", *_front_matter(view, left, name), "---"]),
        f"# {name}",
        f"{view.about} Made on {made} by Lanewise {version()}.",
        "## Rows",
        _table(("what", "how many"), {"comparisons read": left.read, **left.written}.items()),
        "## Left out",
        _table(("why", "how many"), left.out.items()) or "Nothing.",
        "## How",
        "\n".join(f"- {sentence}" for sentence in _policy(view, scope)),
        "## Fields",
        _table(("field", "type", "meaning"), view.fields),
    ]
    if view.suffix in _LOADERS:
        parts.append(_read(view, name))
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(view: View, left: Left, file: str) -> Iterator[str]:
    """Its values are written as JSON, which is YAML too."""
    yield "license: other  # nobody but you can say what it may be used for"
    yield f"pretty_name: {_json(f'Lanewise {view.name}')}"
    yield f"tags: {_json(['lanewise', 'human-feedback', 'preference', view.name])}"
    rows = max(left.written.values(), default=0)
    yield f"size_categories: {_json([next((size for most, size in _SIZES if rows < most), 'n>1M')])}"
    if view.suffix not in _LOADERS:
        return
    yield "configs:"
    yield f"- {_json({'config_name': view.name, 'data_files': file})}"
    if view.suffix == ".jsonl":  # nothing in the file tells its types
        yield "dataset_info:"
        yield f"- config_name: {_json(view.name)}"
        yield "  features:"
        yield from (f"  - {_json(each)}" for each in features.front_matter(view.fields))


def _policy(view: View, scope: Scope) -> Iterator[str]:
    yield from view.policy
    if "demo" in view.options:
        kept = "are in it too, marked by `demo`" if scope.demo else "are left out"
        yield f"Comparisons in which a demo or simulated model answered, and those that the project ships, {kept}."
    if "reasoning" in view.options:
        yield f"The models' reasoning is {'in it' if scope.reasoning else 'left out'}."
    if "names" in view.options:
        yield (
            "People have the names that they typed."
            if scope.names
            else "People have pseudonyms, keyed hashes of the names that they typed: the same in every export."
        )
    if scope.viewer is not None:
        yield "What who exported still had to judge blind is left out."
    wanted = dict(_wanted(scope))
    asked = "; ".join(f"{name}: {value}" for name, value in wanted.items())
    yield f"Of all comparisons, these: {asked}." if wanted else "All comparisons were looked at."


def _wanted(scope: Scope) -> Iterator[tuple[str, str]]:
    for each in names_of(Filter):
        if value := getattr(scope.wanted, each.name):
            yield each.name, value.isoformat() if isinstance(value, datetime) else f"`{value}`"
    if scope.after is not None:
        yield "after number", str(scope.after)
    if scope.limit is not None:
        yield "at most", str(scope.limit)


def _read(view: View, file: str) -> str:
    guessed = (
        "\n\nThe second way takes the types from the first ten megabytes, and fails at keys that come later. Of "
        "numbers inside of objects, `datasets` keeps ten decimals; the file has them all."
    )
    return f"""## Read it

```python
from datasets import load_dataset  # 4.7 or newer

rows = load_dataset(".", {_json(view.name)}, split="train")  # in this folder: types come from this card
rows = load_dataset({_json(_LOADERS[view.suffix])}, data_files={_json(file)}, split="train")
```{guessed if view.suffix == ".jsonl" else ""}"""


def _table(head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> str:
    lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in rows if tuple(row)[-1] != 0]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines]) if lines else ""


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|").replace("\n", " ")


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
