"""Reads battles with pandas and ranks them with arena-rank; what it found is its result, as JSON in a file.

It runs in the environment of requirements-arena.txt, not in the project's.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
from arena_rank.models.bradley_terry import BradleyTerry
from arena_rank.models.contextual_bradley_terry import ContextualBradleyTerry
from arena_rank.utils.data_utils import ContextualPairDataset, PairDataset

MARKS = ("header_count", "list_count", "bold_count")


def main(path: Path) -> dict[str, Any]:
    battles = pd.read_parquet(path)
    return {
        "columns": battles.columns.tolist(),
        "rows": len(battles),
        "pandas": battles.groupby(["model_a", "model_b", "winner"]).size().reset_index().to_numpy().tolist(),
        "arena": counted(PairDataset.from_pandas(battles)),
        "ratings": ratings(PairDataset.from_pandas(battles)),
        "styled": styled(battles),
    }


def counted(battles: PairDataset) -> list[list[Any]]:
    """How often who met whom with which outcome (1 is a win of the first, 0.5 a tie)."""
    counts: Counter[tuple[str, str, float]] = Counter()
    for (a, b), outcome, count in zip(
        battles.pairs.tolist(), battles.outcomes.tolist(), battles.counts.tolist(), strict=True
    ):
        counts[battles.competitors[a], battles.competitors[b], outcome] += int(count)
    return [[*key, count] for key, count in counts.items()]


def ratings(battles: PairDataset) -> dict[str, float]:
    model = BradleyTerry(battles.n_competitors)
    model.fit(battles)
    return dict(zip(battles.competitors, model.params["ratings"].tolist(), strict=True))


def styled(battles: pd.DataFrame) -> dict[str, float]:
    """Ratings where length and marks are accounted for, from the counts in `conv_metadata`."""
    style = pd.json_normalize(battles["conv_metadata"].tolist())
    difference = {"tokens": style["sum_assistant_a_tokens"] - style["sum_assistant_b_tokens"]}
    for mark in MARKS:
        side = {name: style.filter(like=f"{mark}_{name}").sum(axis=1) for name in "ab"}
        difference[mark] = side["a"] - side["b"]
    table = battles.assign(**difference)
    data = ContextualPairDataset.from_pandas(table, feature_cols=list(difference))
    model = ContextualBradleyTerry(data.n_competitors, data.n_features)
    model.fit(data)
    return dict(zip(data.competitors, model.params["ratings"].tolist(), strict=True))


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    out.write_text(json.dumps(main(source)), encoding="utf-8")
