"""One evaluator's judgement of a comparison: what is a whole one, and the pairs that follow from it. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

from storage.errors import RatingError
from storage.rubric import Rubric

Winner = Literal["model_a", "model_b", "tie", "both_bad"]
Ranking = tuple[tuple[int, ...], ...]
"""Groups of lane positions, best first; lanes in one group are tied: ((1,), (0, 2))."""

STRENGTHS = ("slightly", "clearly", "much")
"""How much better, from 1."""

MAX_EVALUATOR = 80
MAX_TAGS = 20
MAX_TAG = 40
MAX_COMMENT = 4000

MOVED_ON = "More was shown since you judged this: rate again to change it."


@dataclass(frozen=True, slots=True)
class Reasoned:
    """How the lanes' reasoning was judged, after their answers: a ranking of those with some, and what marks each."""

    ranking: Ranking = ()
    marks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an evaluator says of the answers, and how it came about; all lanes are positions.

    `skipped` is why nothing was judged. `strength` is how much better one of two is. `scores` are by dimension, one
    for each position. `early`: a lane was still answering. `seconds` from when there was something to judge; `read`:
    whose answer was seen to its end; `opened`: whose reasoning was.
    """

    ranking: Ranking = ()
    all_bad: bool = False
    skipped: str = ""
    strength: int | None = None
    scores: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    comment: str = ""
    traces: Reasoned = Reasoned()
    early: bool = False
    seconds: float | None = None
    read: tuple[int, ...] = ()
    opened: tuple[int, ...] = ()


def checked(given: Judgement, rubric: Rubric, lanes: int, reasoned: Collection[int], longest: float) -> Judgement:
    """The judgement as it is kept. `reasoned` are the positions with reasoning; none has looked longer than `longest`
    seconds. Raises RatingError."""
    given = replace(
        given,
        comment=commented(given.comment),
        seconds=given.seconds if given.seconds is not None and 0 <= given.seconds <= longest else None,
        read=_among(given.read, lanes),
        opened=_among(given.opened, lanes),
    )
    if given.skipped:
        return _skipped(given, rubric)
    ranking = whole(given.ranking, given.all_bad, lanes)
    if given.strength is not None and (lanes != 2 or len(ranking) != 2 or given.all_bad):
        raise RatingError("Only of two lanes, of which one is better, can be said how much.")
    if given.strength is not None and given.strength not in range(1, len(STRENGTHS) + 1):
        raise RatingError(f"How much better is a number from 1 to {len(STRENGTHS)}: {', '.join(STRENGTHS)}.")
    return replace(
        given,
        ranking=ranking,
        scores=_scored(given.scores, rubric, lanes),
        tags=tagged(given.tags),
        traces=_reasoned(given.traces, rubric, reasoned),
    )


def _among(given: Sequence[int], lanes: int) -> tuple[int, ...]:
    return tuple(sorted(set(given) & set(range(lanes))))


def _skipped(given: Judgement, rubric: Rubric) -> Judgement:
    if given.skipped not in rubric.skips:
        raise RatingError(f"{given.skipped!r} is no reason to skip; choose one of: {', '.join(rubric.skips)}.")
    if given.ranking or given.all_bad or given.strength or given.scores or given.tags or given.traces != Reasoned():
        raise RatingError("What is skipped is not judged: rate it or skip it.")
    return given


def _scored(
    scores: Mapping[str, tuple[int | None, ...]], rubric: Rubric, lanes: int
) -> dict[str, tuple[int | None, ...]]:
    """Without dimensions in which nothing was scored."""
    scales = {each.name: each.scale for each in rubric.dimensions}
    for name, each in scores.items():
        if name not in scales:
            raise RatingError(f"The rubric has no dimension {name!r}: reload the page.")
        if len(each) != lanes:
            raise RatingError(f"{name} needs a score for each of the {lanes} lanes, or none for a lane.")
        if any(score is not None and score not in range(1, len(scales[name]) + 1) for score in each):
            raise RatingError(f"{name} is scored from 1 to {len(scales[name])}: {', '.join(scales[name])}.")
    return {name: each for name, each in scores.items() if any(each)}


def _reasoned(given: Reasoned, rubric: Rubric, reasoned: Collection[int]) -> Reasoned:
    marked = {position for each in given.marks.values() for position in each}
    if unknown := given.marks.keys() - set(rubric.marks):
        raise RatingError(f"Reasoning is not marked {', '.join(map(repr, sorted(unknown)))}: reload the page.")
    placed = [position for group in given.ranking for position in group]
    if not marked <= set(reasoned) or (placed and sorted(placed) != sorted(reasoned)):
        raise RatingError("Of the reasoning, judge each lane that has some, once, and no other.")
    ranking = tuple(tuple(sorted(group)) for group in given.ranking if group)
    return Reasoned(ranking, {mark: tuple(sorted(set(each))) for mark, each in given.marks.items() if each})


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
