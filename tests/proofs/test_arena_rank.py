"""pandas and arena-rank count the battles as the app does, and rank them."""

from collections import Counter
from typing import Any

import pytest

from tests.proofs.conftest import Exported
from tests.storage.made import ONE, THREE, TWO

pytestmark = pytest.mark.proof

OUTCOMES = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "both_bad": 0.5}


def test_pandas_counts_what_the_app_counts(exported: Exported, ranked: dict[str, Any]) -> None:
    assert {(a, b, winner): count for a, b, winner, count in ranked["pandas"]} == exported.battles
    assert ranked["rows"] == exported.battles.total() > 300
    assert {winner for _, _, winner in exported.battles} == OUTCOMES.keys()


def test_arena_rank_counts_what_the_app_counts(exported: Exported, ranked: dict[str, Any]) -> None:
    own: Counter[tuple[str, str, float]] = Counter()
    for (a, b, winner), count in exported.battles.items():
        own[a, b, OUTCOMES[winner]] += count
    assert {(a, b, outcome): count for a, b, outcome, count in ranked["arena"]} == own


def test_arena_rank_ranks_the_lanes_with_and_without_style(ranked: dict[str, Any]) -> None:
    for ratings in (ranked["ratings"], ranked["styled"]):
        assert sorted(ratings, key=ratings.__getitem__, reverse=True) == [lane.label for lane in (ONE, TWO, THREE)]


def test_the_columns_are_lmarenas_and_then_ours(ranked: dict[str, Any]) -> None:
    assert ranked["columns"][:4] == ["id", "model_a", "model_b", "winner"]
    assert {"backend_a", "artifact_b", "effort_a", "temperature_b"} < set(ranked["columns"])
