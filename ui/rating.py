"""What the rating bar shows, and what it sends: places on the page, positions everywhere else. Knows no gradio."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Any

from storage.comparison import Question, Rating
from storage.errors import RatingError
from storage.ratings import STRENGTHS, Judgement, Ranking, Reasoned
from storage.rubric import Rubric
from storage.showing import Showing
from ui.toolbox import clean
from ui.view import LETTERS


def bar(kept: Question, showing: Showing, rubric: Rubric, *, waits: bool = False) -> dict[str, Any]:
    """It `waits` where the answers are not shown yet.

    `done` once this viewer has rated and nothing more is asked. While something is withheld, nobody else's ratings go
    out.
    """
    place = {position: place for place, position in enumerate(showing.order)}
    mine = [rating for rating in kept.ratings if rating.showing_id == showing.id]
    return {
        "run": kept.id,
        "letters": list(LETTERS[: len(showing.order)]),
        "step": showing.step.value,
        "blind": showing.presentation.blind,
        "waits": waits,
        "done": not showing.sealed and bool(mine),
        "reasoned": [] if showing.hides_reasoning else sorted(place[each] for each in kept.reasoned if each in place),
        "strengths": STRENGTHS,
        "rubric": asdict(rubric),
        "ratings": [_shown(rating, place) for rating in (mine if showing.sealed else kept.ratings)],
    }


def _shown(rating: Rating, place: dict[int, int]) -> dict[str, Any]:
    order = sorted(place, key=place.__getitem__)
    return {
        "evaluator": rating.evaluator,
        "ranking": [sorted(place[each] for each in group) for group in rating.ranking],
        "all_bad": rating.all_bad,
        "skipped": rating.skipped,
        "strength": rating.strength,
        "scores": {name: [each[position] for position in order] for name, each in rating.scores.items()},
        "tags": rating.tags,
        "comment": rating.comment,
        "traces": {
            "ranking": [sorted(place[each] for each in group) for group in rating.traces.ranking],
            "marks": {mark: sorted(place[each] for each in lanes) for mark, lanes in rating.traces.marks.items()},
        },
        "blind": rating.blind,
    }


def judgement(sent: dict[str, Any], order: Sequence[int], early: bool) -> Judgement:
    """What the bar sent, of which anything may be missing. Raises RatingError where it can't be read."""
    read = _Reader(sent, order)
    traces = _Reader(read("traces", _is_table) or {}, order)
    return Judgement(
        ranking=read.ranking("ranking"),
        all_bad=bool(sent.get("all_bad")),
        skipped=clean(read("skipped", _is_text) or ""),
        strength=read("strength", _is_whole),
        scores={clean(name): read.by_position(name, each) for name, each in (read("scores", _is_table) or {}).items()},
        tags=tuple(map(clean, read("tags", _is_texts) or ())),
        comment=clean(read("comment", _is_text) or ""),
        traces=Reasoned(
            traces.ranking("ranking"),
            {clean(mark): traces.positions(mark, each) for mark, each in (traces("marks", _is_table) or {}).items()},
        ),
        early=early,
        seconds=read("seconds", _is_number),
        read=read.positions("read", sent.get("read") or []),
        opened=read.positions("opened", sent.get("opened") or []),
    )


class _Reader:
    """`order` are the positions by place. Whoever sends it may send anything."""

    def __init__(self, sent: dict[str, Any], order: Sequence[int]) -> None:
        self._sent, self._order = sent, order

    def __call__(self, field: str, fits: Callable[[Any], bool]) -> Any:
        value = self._sent.get(field)
        if value is not None and not fits(value):
            raise _unreadable(field)
        return value

    def ranking(self, field: str) -> Ranking:
        groups = self(field, lambda value: isinstance(value, list)) or []
        return tuple(self.positions(field, group) for group in groups)

    def positions(self, field: str, places: Any) -> tuple[int, ...]:
        known = range(len(self._order))
        if not isinstance(places, list) or not all(type(each) is int and each in known for each in places):
            raise _unreadable(field)
        return tuple(self._order[place] for place in places)

    def by_position(self, field: str, scores: Any) -> tuple[int | None, ...]:
        if not isinstance(scores, list) or not all(each is None or type(each) is int for each in scores):
            raise _unreadable(field)
        if len(scores) != len(self._order):
            raise _unreadable(field)
        return tuple(score for _, score in sorted(zip(self._order, scores, strict=True), key=itemgetter(0)))


def _unreadable(field: str) -> RatingError:
    return RatingError(f"what was sent as {field!r} can't be read; reload the page and rate again.")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_whole(value: object) -> bool:
    return type(value) is int


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < 1e9  # finite, and a float takes it
