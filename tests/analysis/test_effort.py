from dataclasses import dataclass, field, replace

import pytest

from analysis import effort
from analysis.effort import Winner


@dataclass(frozen=True)
class Vote:
    winner: Winner
    blind: bool = True


@dataclass(frozen=True)
class Spent:
    first: int | None = None
    answer: int | None = None
    total: int | None = None
    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True)
class Pair:
    tag: str = "planning"
    none: Spent = Spent()
    high: Spent = Spent()
    votes: tuple[Vote, ...] = ()
    answers: tuple[str, str] = ("", "")
    crowded: bool = False


@dataclass
class Pairs:
    """Makes pairs, each of two answers of its own."""

    made: list[Pair] = field(default_factory=list)

    def add(self, **given: object) -> "Pairs":
        self.made.append(Pair(**({"answers": (f"n{len(self.made)}", f"h{len(self.made)}")} | given)))  # type: ignore[arg-type]
        return self


def test_nine_of_ten_is_sure_as_the_coins_tell() -> None:
    """With a uniform prior, the posterior of 9 in 10 is below a half as often as 10 or 11 of 11 coins fall on heads."""
    found = effort.advice([1.0] * 9 + [0.0])
    assert (found.effort, found.sure) == ("high", pytest.approx(1 - 12 / 2**11))
    assert found.words == "high: people prefer it (99 % sure)"


def test_five_that_agree_are_enough_and_four_are_not() -> None:
    assert effort.advice([0.0] * 5).effort == "none"
    assert effort.advice([0.0] * 5).sure == pytest.approx(1 - 1 / 2**6)
    assert effort.advice([0.0] * 4).words == "can't be told yet: rate 1 more at least"


def test_without_ratings_it_says_how_many_it_takes() -> None:
    found = effort.advice([])
    assert (found.effort, found.words) == ("", "can't be told yet: rate 5 more at least")


def test_many_ties_mean_that_none_will_do() -> None:
    found = effort.advice([0.5] * 80)
    assert found.effort == "either"
    assert found.words.startswith("either: take none, it costs less (9")
    assert effort.advice([0.5] * 80, dearer=False).words.startswith("either: high does not cost more")
    assert effort.advice([0.5] * 80, dearer=None).words.startswith("either: neither is much better")


def test_what_is_open_says_how_many_more_it_takes_and_they_decide_it() -> None:
    scores = [1.0, 1.0, 0.0, 1.0, 0.5, 1.0, 0.0]
    found = effort.advice(scores)
    assert found.effort == ""
    more = int(found.words.removeprefix("can't be told yet: rate about ").removesuffix(" more"))
    mean = sum(scores) / len(scores)
    assert effort.advice([*scores, *[mean] * more]).effort == "high"
    assert effort.advice([*scores, *[mean] * (more - 1)]).effort == ""


def test_ratios_are_geometric_means_of_pairs() -> None:
    found = effort.ratio([2.0, 8.0])
    assert found is not None
    assert (found.mean, found.low, found.high, found.of) == (pytest.approx(4.0), None, None, 2)
    assert effort.ratio([]) is None


def test_an_interval_lies_around_its_mean_and_is_the_same_each_time() -> None:
    quotients = [2.0, 3.0, 2.5, 4.0, 1.5, 2.2, 3.1]
    found = effort.ratio(quotients)
    assert found is not None
    assert found == effort.ratio(quotients)
    low, high = found.low or 0, found.high or 0
    assert 1.5 < low < found.mean < high < 4.0


def test_equal_ratios_have_no_spread() -> None:
    found = effort.ratio([3.0] * 6)
    assert found is not None
    assert (found.low, found.mean, found.high) == pytest.approx((3.0, 3.0, 3.0))


def test_blind_ratings_count_before_those_that_knew_the_lanes() -> None:
    open_, blind = Vote("none", blind=False), Vote("high")
    assert effort.preference([(open_, open_), (blind, open_)]) == effort.Preference(1, 0, 0, True, (1.0,))
    assert effort.preference([(open_, open_), ()]) == effort.Preference(0, 0, 2, False, (0.0,))


def test_a_comparison_counts_once_however_many_rate_it() -> None:
    votes = (Vote("high"), Vote("high"), Vote("neither"), Vote("none"))
    assert effort.preference([votes]) == effort.Preference(2, 1, 1, True, (0.625,))


def test_rows_are_by_type_of_request_and_all_together() -> None:
    none, high = Spent(100, 120, 1_000_000, 50, 0.001), Spent(100, 900, 4_000_000, 400, 0.008)
    pairs = Pairs()
    for _ in range(6):
        pairs.add(tag="planning", none=none, high=high, votes=(Vote("high"),))
    for _ in range(2):
        pairs.add(tag="a quick summary", none=none, high=replace(high, total=2_000_000), votes=(Vote("none"),))
    planning, summary, together = effort.rows(pairs.made)
    assert (planning.tag, planning.pairs, planning.advice.effort) == ("planning", 6, "high")
    assert planning.ratios["total time"].mean == pytest.approx(4)
    assert planning.ratios["cost"].mean == pytest.approx(8)
    assert (summary.tag, summary.advice.effort) == ("a quick summary", "")
    assert (together.tag, together.pairs, together.preference.high) == ("all together", 8, 6)


def test_answers_shown_twice_are_measured_once_and_rated_each_time() -> None:
    twice = Pair(none=Spent(tokens=10), high=Spent(tokens=20), votes=(Vote("high"),), answers=("n", "h"))
    (row,) = effort.rows([twice, twice])
    assert (row.pairs, row.ratios["tokens"].of, row.preference.high) == (1, 1, 2)


def test_times_of_lanes_that_slowed_each_other_down_are_left_out() -> None:
    spent = Spent(first=1, answer=2, total=4, tokens=8)
    (row,) = effort.rows(Pairs().add(none=spent, high=spent, crowded=True).made)
    assert (row.crowded, set(row.ratios)) == (1, {"tokens"})
