from itertools import product
from typing import Any

import pytest

from analysis import context
from analysis.context import Duel, Tally


def sample(lane: str, outcome: str, length: int = 8000, depth: int = 50, trial: int = 0) -> dict[str, Any]:
    return {"lane": lane, "outcome": outcome, "length": length, "depth": depth, "trial": trial}


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    low, high = context.wilson(81, 263)  # Newcombe 1998, table I
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert [tuple(round(each, 4) for each in context.wilson(*given)) for given in ((0, 20), (1, 29), (15, 148))] == [
        (0.0, 0.1611),
        (0.0061, 0.1718),
        (0.0624, 0.1605),
    ]


def test_only_what_was_read_counts_for_the_share() -> None:
    outcomes = ["found", "found", "missed", "too long", "failed", "out of tokens"]
    tally = context.totals(sample("one", each, trial=trial) for trial, each in enumerate(outcomes))["one"]
    assert (tally, tally.share) == (Tally(2, 1, 1, 1, 1), 2 / 3)
    assert Tally(too_long=3).share is Tally(too_long=3).interval is None


def test_a_cell_is_of_a_lane_a_length_and_a_depth() -> None:
    samples = [sample("one", "found"), sample("one", "missed", trial=1), sample("one", "found", depth=90)]
    assert context.cells(samples) == {("one", 8000, 50): Tally(1, 1), ("one", 8000, 90): Tally(1)}
    assert context.lengths(samples) == {("one", 8000): Tally(2, 1)}


def test_two_lanes_are_compared_on_the_texts_that_both_read() -> None:
    samples = [
        *(sample("FP8", "found", trial=trial) for trial in range(12)),
        *(sample("NVFP4", "found" if trial < 2 else "missed", trial=trial) for trial in range(10)),
        sample("NVFP4", "too long", trial=10),
    ]
    found = context.duel(samples, "FP8", "NVFP4")
    assert (found.both, found.only_one, found.only_other, found.neither) == (2, 8, 0, 0)
    assert found.p == pytest.approx(2 * 0.5**8)  # all eight on one side, or all on the other
    said = context.verdict(found)
    assert "FP8 finds more than NVFP4" in said
    assert "128 times" in said


def test_mcnemars_exact_test_counts_the_splits_that_are_as_uneven() -> None:
    """Of the 64 ways in which 6 texts can fall, 14 have none or one on a side."""
    samples = [
        sample(lane, "found" if (number < 5) == (lane == "one") else "missed", trial=number)
        for lane, number in product(("one", "other"), range(6))
    ]
    assert context.duel(samples, "one", "other").p == pytest.approx(14 / 64)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Duel("A", "B", 0, 0, 0, 0, 1.0), "no text in common"),
        (Duel("A", "B", 30, 0, 0, 0, 1.0), "may still be up to 10%"),
        (Duel("A", "B", 20, 5, 0, 0, 0.0625), "too few to tell them apart"),
        (Duel("A", "B", 20, 5, 4, 0, 1.0), "may be chance"),
        (Duel("A", "B", 20, 1, 12, 0, 0.0034), "B finds more than A"),
    ],
)
def test_a_verdict_says_how_sure_it_is(found: Duel, said: str) -> None:
    assert said in context.verdict(found)


def test_where_two_lanes_differ_is_told_cell_by_cell() -> None:
    samples = [
        *(sample(lane, "found", depth=0) for lane in ("A", "B")),
        sample("A", "found", 64_000),
        sample("B", "missed", 64_000),
        sample("A", "found", 128_000),
        sample("B", "too long", 128_000),
    ]
    assert context.apart(samples, "A", "B") == [
        (64_000, 50, Tally(1), Tally(0, 1)),
        (128_000, 50, Tally(1), Tally(too_long=1)),
    ]
