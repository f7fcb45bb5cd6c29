"""The table for people: one row for each pair of lanes of each evaluator's rating to count."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import Row

from backends.flags import Flag
from storage.comparison import Rating, current, evidence
from storage.exports import fields
from storage.exports.items import ALL, Item, Scope
from storage.exports.view import Field, Left
from storage.ratings import pairs
from storage.showing import Showing

_ASKED = ("created_at", "origin", "follows_id", "schedule", "warm_up", "samples", "demo")
_WORDS = ("reasoning",)  # columns that an export without reasoning lacks
_HIDDEN = ("id", "comparison_id", "prompt_id", "sample", "request", "flags")

SHARED = (
    Field("comparison_id", "string", "the comparison"),
    *(fields.COMPARISON[name] for name in _ASKED),
    Field("system", "string", "the system text"),
    Field("prompt", "string", "what is asked: the last turn"),
    Field("images", "string", "hashes of the images, with blanks between"),
)
JUDGEMENT = (
    fields.RATING["evaluator"],
    Field("rated_at", "timestamp", "when it was judged, in UTC"),
    Field("winner", "string", "`model_a`, `model_b`, `tie` or `both_bad`"),
    fields.RATING["strength"],
    Field("tags", "string", "words chosen for it, with commas between"),
    *(fields.RATING[name] for name in ("comment", "traces", "blind", "early", "seconds")),
    Field("changed_later", "boolean", "the evaluator judged again after the reveal; this is the blind one"),
    fields.RATING["showing_id"],
    fields.SHOWING["pace"],
    Field("traces_shown", "string", "whose reasoning was shown blind"),
)
JUDGED = (
    Field("shown_as", "integer", "its place as shown, from 1 at the left"),
    Field("read", "boolean", "its answer was seen to its end"),
    Field("opened", "boolean", "its reasoning was opened"),
    Field("scores", "object", "its scores by dimension, as JSON"),
)
LANE = tuple(each for name, each in fields.LANE.items() if name not in _HIDDEN)
FLAGS = Field("flags", "string", "codes of what is odd about it, with blanks between")


def columns(scope: Scope = ALL) -> tuple[Field, ...]:
    side = (*JUDGED, *_lane(scope), FLAGS)
    sides = (each._replace(name=f"{each.name}_{letter}") for letter in "ab" for each in side)
    return (*SHARED, *JUDGEMENT, *sides)


def rows(batches: Iterable[list[Item]], scope: Scope, left: Left) -> Iterator[list[Any]]:
    """Cells by column; times are ISO texts. What is sealed has none, and a skipped rating no pairs."""
    lane_columns = [each.name for each in _lane(scope)]
    for item in chain.from_iterable(batches):
        if item.sealed:
            left.out["sealed: still to be rated blind by who exports"] += 1
        elif not item.ratings:
            left.out["not rated"] += 1
        else:
            for row in _rows(item, lane_columns, left):
                yield row
                left.written["rows"] += 1


def _lane(scope: Scope) -> list[Field]:
    return [each for each in LANE if scope.reasoning or each.name not in _WORDS]


def _rows(item: Item, lane_columns: Sequence[str], left: Left) -> Iterator[list[Any]]:
    row, body = item.row, orjson.loads(item.prompt)
    asked = [item.demo if name == "demo" else getattr(row, name) for name in _ASKED]
    images = " ".join(image.sha256 for image in item.images[row.prompt_id])
    shared = [row.id, row.created_at.isoformat(), *asked[1:], body["system"], body["turns"][-1]["text"], images]
    figures = [_figures(lane, lane_columns, item.flags[lane.id]) for lane in item.lanes]
    shown = {each.id: each for each in item.showings}
    latest = {each.id for each in current(item.ratings)}
    counted = evidence(item.ratings)
    left.out["superseded by a later rating"] += len(item.ratings) - len(counted)
    for rating in counted:
        if rating.skipped:
            left.out["skipped by the evaluator"] += 1
        how = shown.get(rating.showing_id or "")
        yield from _judged(shared, figures, rating, rating.id not in latest, how)


def _figures(lane: Row[Any], lane_columns: Sequence[str], odd: Iterable[Flag]) -> list[Any]:
    return [*(getattr(lane, name) for name in lane_columns), " ".join(flag.code for flag in odd)]


def _judged(
    shared: list[Any], figures: Sequence[list[Any]], rating: Rating, changed: bool, shown: Showing | None
) -> Iterator[list[Any]]:
    order = list(shown.order) if shown else list(range(len(figures)))
    for a, b, winner in pairs(rating.ranking, rating.all_bad):
        judgement: list[Any] = [rating.evaluator, rating.created_at.isoformat(), winner, rating.strength]
        judgement += [", ".join(rating.tags), rating.comment, orjson.dumps(rating.traces).decode()]
        judgement += [rating.blind, rating.early, rating.seconds, changed]
        how = shown and shown.presentation
        judgement += [shown.id, how.pace.value, how.traces.value] if shown and how else [None] * 3
        sides = ([*_side(rating, order.index(lane), lane), *figures[lane]] for lane in (a, b))
        yield [*shared, *judgement, *chain(*sides)]


def _side(rating: Rating, place: int, lane: int) -> list[Any]:
    """How one lane was shown, from 1 at the left, and judged."""
    scores = {dimension: each[lane] for dimension, each in rating.scores.items()}
    return [place + 1, lane in rating.read, lane in rating.opened, orjson.dumps(scores).decode()]
