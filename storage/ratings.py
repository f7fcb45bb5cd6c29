"""Rankings of lanes: what is a whole one, and the pairs that follow from it. Pure."""

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

from storage.errors import RatingError

Winner = Literal["model_a", "model_b", "tie", "both_bad"]
Ranking = tuple[tuple[int, ...], ...]
"""Groups of lane positions, best first; lanes in one group are tied: ((1,), (0, 2))."""

MAX_EVALUATOR = 80
MAX_TAGS = 20
MAX_TAG = 40
MAX_COMMENT = 4000


def pairs(ranking: Ranking, all_bad: bool) -> list[tuple[int, int, Winner]]:
    """Who won each pair of lanes: the lower position is model_a."""
    place = {lane: rank for rank, group in enumerate(ranking) for lane in group}
    return [(a, b, _winner(place[a], place[b], all_bad)) for a, b in combinations(sorted(place), 2)]


def _winner(a: int, b: int, all_bad: bool) -> Winner:
    if all_bad:
        return "both_bad"
    if a == b:
        return "tie"
    return "model_a" if a < b else "model_b"


def whole(ranking: Sequence[Sequence[int]], all_bad: bool, lanes: int) -> Ranking:
    """The ranking with every lane in it once; one that is all bad needs no order. Raises RatingError."""
    if all_bad and not ranking:
        return (tuple(range(lanes)),)
    placed = [lane for group in ranking for lane in group] if _groups(ranking) else []
    if sorted(placed) != list(range(lanes)) or not all(ranking):
        raise RatingError(f"Place each of the {lanes} lanes once, from best to worst.")
    return tuple(tuple(sorted(group)) for group in ranking)


def _groups(ranking: object) -> bool:
    # whoever sends it may send anything: 0.0 and False equal 0 too
    return isinstance(ranking, list | tuple) and all(
        isinstance(group, list | tuple) and all(type(lane) is int for lane in group) for group in ranking
    )


def named(evaluator: str) -> str:
    """The evaluator's name without blanks around it. Raises RatingError."""
    name = evaluator.strip()
    if not 0 < len(name) <= MAX_EVALUATOR:
        raise RatingError(f"Say who rates: a name of 1 to {MAX_EVALUATOR} letters.")
    return name


def tagged(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags without blanks around them, each once. Raises RatingError."""
    distinct = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(distinct) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in distinct):
        raise RatingError(f"At most {MAX_TAGS} tags of {MAX_TAG} letters each.")
    return distinct


def commented(comment: str) -> str:
    """The comment without blanks around it. Raises RatingError."""
    if len(comment := comment.strip()) > MAX_COMMENT:
        raise RatingError(f"The comment has {len(comment)} letters: shorten it to {MAX_COMMENT}.")
    return comment
