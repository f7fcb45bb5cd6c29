"""Answers made elsewhere, to be rated here: a table with a row for each prompt, or with one for each answer."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from backends.prompt import Prompt, UserTurn
from storage.errors import TransferError
from storage.imports import elsewhere
from storage.imports.columns import at_place, text
from storage.imports.elsewhere import Said

Row = tuple[str, Mapping[str, Any]]
"""Where it stands, and its cells by column."""


def is_long(columns: Iterable[str]) -> bool:
    return {"prompt", "lane", "answer"} <= set(columns)


def is_wide(columns: Iterable[str]) -> bool:
    return "prompt" in columns and any(name.startswith("answer_") for name in columns)


def wide(rows: Iterable[Row]) -> Iterator[Row]:
    """Columns `prompt`, `answer_a`, `answer_b` and so on; `system`, and `model_a` (else it is `a`), where they are.

    An empty cell is no answer. Raises TransferError.
    """
    for where, row in rows:
        sides = [name.removeprefix("answer_") for name in row if name.startswith("answer_") and row[name]]
        with at_place(where):
            models = [(row.get(f"model_{side}") or side, f"_{side}") for side in sides]
            yield where, _kept(row, [_said(row, model, f"answer{end}", end) for model, end in models])


def long(rows: Iterable[Row]) -> Iterator[Row]:
    """Columns `prompt`, `lane` and `answer`, and `system` where it is.

    The rows of one prompt may stand anywhere: all are read before anything is made of them. Raises TransferError.
    """
    together: dict[tuple[Any, Any], dict[str, Row]] = {}
    for where, row in rows:
        with at_place(where):
            of_prompt = together.setdefault((row.get("system"), text(row, "prompt")), {})
            if earlier := of_prompt.get(text(row, "lane")):
                raise TransferError(f"lane {row['lane']!r} has answered this prompt before, at {earlier[0]}.")
            of_prompt[row["lane"]] = where, row
    for lanes in together.values():
        (where, first), *_ = lanes.values()
        with at_place(where):
            yield where, _kept(first, [_said(row, lane, "answer", "") for lane, (_, row) in lanes.items()])


def _said(row: Mapping[str, Any], model: str, answer: str, end: str) -> Said:
    """Of the columns of one answer, which end alike; those for its settings need not be there."""
    reasoning, artifact, effort = (row.get(f"{name}{end}") or "" for name in ("reasoning", "artifact", "effort"))
    return Said(model, _prompt(row), text(row, answer), reasoning, artifact, effort)


def _prompt(row: Mapping[str, Any]) -> Prompt:
    return Prompt(row.get("system") or "", (UserTurn(text(row, "prompt")),))


def _kept(row: Mapping[str, Any], said: list[Said]) -> dict[str, Any]:
    prompt = _prompt(row)
    name = orjson.dumps(
        [prompt.system, text(row, "prompt"), *([each.model, each.text, each.reasoning] for each in said)]
    )
    return elsewhere.kept(name.decode(), datetime.now(UTC), prompt, said)
