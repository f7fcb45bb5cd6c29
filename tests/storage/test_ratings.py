"""Rankings and the pairs that follow from them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import RatingError, RubricError
from storage.ratings import Judgement, Ranking, Reasoned, checked, commented, named, pairs, tagged, whole
from storage.rubric import DEFAULT, Dimension, Rubric, load


@st.composite
def rankings(draw: st.DrawFn) -> Ranking:
    places = draw(st.lists(st.integers(0, 5), min_size=1, max_size=6))
    return tuple(tuple(lane for lane, place in enumerate(places) if place == wanted) for wanted in sorted(set(places)))


def test_two_lanes_give_one_pair() -> None:
    assert pairs(((0,), (1,)), False) == [(0, 1, "model_a")]
    assert pairs(((1,), (0,)), False) == [(0, 1, "model_b")]
    assert pairs(((0, 1),), False) == [(0, 1, "tie")]
    assert pairs(((0, 1),), True) == [(0, 1, "both_bad")]


def test_a_ranking_with_ties_gives_every_pair() -> None:
    assert pairs(((1,), (0, 2)), False) == [(0, 1, "model_b"), (0, 2, "tie"), (1, 2, "model_a")]


def test_one_lane_alone_gives_no_pair() -> None:
    assert pairs(((0,),), False) == []


@given(rankings())
def test_pairs_are_complete_and_agree_with_the_order(ranking: Ranking) -> None:
    order = {lane: place for place, group in enumerate(ranking) for lane in group}
    found = pairs(ranking, False)
    assert [(a, b) for a, b, _ in found] == [(a, b) for a in range(len(order)) for b in range(a + 1, len(order))]
    for a, b, winner in found:
        assert winner == {-1: "model_a", 0: "tie", 1: "model_b"}[(order[a] > order[b]) - (order[a] < order[b])]


@given(rankings(), st.booleans())
def test_a_whole_ranking_is_taken_as_it_is(ranking: Ranking, all_bad: bool) -> None:
    assert whole([list(group) for group in ranking], all_bad, sum(map(len, ranking))) == ranking


def test_all_bad_needs_no_order() -> None:
    assert whole([], True, 3) == ((0, 1, 2),)


@pytest.mark.parametrize("ranking", [[], [[0]], [[0], [0, 1, 2]], [[0, 1, 2], []], [[0, 1, 3]], [[-1, 0, 1]]])
def test_a_ranking_must_place_each_lane_once(ranking: list[list[int]]) -> None:
    with pytest.raises(RatingError, match="each of the 3 lanes once"):
        whole(ranking, False, 3)


def test_names_tags_and_comments_are_trimmed() -> None:
    assert named("  Ann ") == "Ann"
    assert tagged([" clear ", "", "clear", "short"]) == ("clear", "short")
    assert commented(" Fine.\n") == "Fine."


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_rating_needs_a_name(name: str) -> None:
    with pytest.raises(RatingError, match="who rates"):
        named(name)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(RatingError, match="tags"):
        tagged(["x" * 41])
    with pytest.raises(RatingError, match="tags"):
        tagged([str(number) for number in range(21)])
    with pytest.raises(RatingError, match="4001 letters"):
        commented("x" * 4001)


@pytest.mark.parametrize("ranking", [[[0.0], [1.0]], [[False], [True]], [["0"], ["1"]], [0, 1], 5, "01"])
def test_what_is_no_list_of_lists_of_lanes_is_refused(ranking: Any) -> None:
    with pytest.raises(RatingError):
        whole(ranking, False, 2)


RUBRIC = Rubric((Dimension("Right", ("no", "yes")),), skips=("unsure",), marks=("faithful",))


@pytest.mark.parametrize(
    ("judgement", "words"),
    [
        (Judgement(skipped="tired"), "no reason to skip"),
        (Judgement(skipped="unsure", tags=("clear",)), "not judged"),
        (Judgement(((0, 1),), strength=1), "one is better"),
        (Judgement(((0,), (1,)), strength=4), "1 to 3: slightly, clearly, much"),
        (Judgement(((0,), (1,)), scores={"Fun": (1, 1)}), "no dimension 'Fun'"),
        (Judgement(((0,), (1,)), scores={"Right": (3, None)}), "1 to 2: no, yes"),
        (Judgement(((0,), (1,)), traces=Reasoned(marks={"faithful": (0,)})), "each lane that has some"),
        (Judgement(((0,), (1,)), traces=Reasoned(marks={"loud": (1,)})), "not marked 'loud'"),
    ],
)
def test_what_is_no_judgement_is_refused_in_words(judgement: Judgement, words: str) -> None:
    with pytest.raises(RatingError, match=words):
        checked(judgement, RUBRIC, 2, [1], 60)


def test_what_can_not_have_been_seen_is_not_kept() -> None:
    found = checked(Judgement(((0,), (1,)), seconds=61, read=(1, 1, 7), opened=(0,)), RUBRIC, 2, [1], 60)
    assert (found.seconds, found.read, found.opened) == (None, (1,), (0,))


def test_the_projects_own_rubric_is_read_where_there_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "rubric.toml") == load(DEFAULT)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tags = 5", "`tags` must be a list"),
        ("colour = 1", "unknown key `colour`"),
        ("[[dimension]]\nname = 'x'", "no `scale`"),
        ("[[dimension]]\nname = 'x'\nscale = ['one']", "2 to 10 different words"),
        ("tags = [", "rubric.toml"),
    ],
)
def test_a_rubric_that_can_not_be_read_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "rubric.toml").write_text(text)
    with pytest.raises(RubricError, match=words):
        load(tmp_path / "rubric.toml")
