"""The columns that say of which lane an answer is and how it was judged: the same in every view that has them."""

from typing import Any

from storage import lanes
from storage.comparison import Rating
from storage.exports import fields
from storage.exports.items import Item
from storage.exports.verdicts import Lane
from storage.exports.view import Field
from storage.showing import Showing

_LANE = ["backend", "kind", "model", "reported_model", "artifact", "effort", "temperature", "max_tokens", "seed"]
_LANE += ["replays", "finish_reason", "prompt_tokens", "completion_tokens", "reasoning_tokens"]

LANE = (
    Field("answer_id", "string", "the answer"),
    Field("lane", "string", "as the app names it: backend, model, artifact, effort"),
    *(fields.LANE[name] for name in _LANE),
    Field("flags", "list of strings", "codes of what is odd about it"),
    Field("shown_as", "integer", "its place as the evaluator saw it, from 1 at the left; null: not known"),
)
_JUDGEMENT = ("evaluator", "blind", "early", "strength", "seconds")
JUDGEMENT = (
    Field("comparison_id", "string", "the comparison"),
    Field("rating_id", "string", "the rating: all pairs of one are one act of judging"),
    Field("rated_at", "timestamp", "when it was judged, in UTC"),
    *(fields.RATING[name] for name in _JUDGEMENT),
    Field("pace", "string", "when blind answers appeared: `together`, `equal pace`, `as it comes`; null: not known"),
    Field("traces_shown", "string", "whose reasoning was shown: `hidden`, `shown`, `as it comes`; null: not known"),
    Field("demo", "boolean", "a demo or simulated model answered: only where it was asked for"),
)


def judgement(item: Item, rating: Rating) -> dict[str, Any]:
    shown = _shown(item, rating)
    return {
        "comparison_id": item.row.id,
        "rating_id": rating.id,
        "rated_at": rating.created_at,
        **{name: getattr(rating, name) for name in _JUDGEMENT},
        "pace": shown and shown.presentation.pace.value,
        "traces_shown": shown and shown.presentation.traces.value,
        "demo": item.demo,
    }


def lane(item: Item, rating: Rating, row: Lane, name: str = "{}") -> dict[str, Any]:
    """The columns of one lane, each called by `name` (`chosen_{}`)."""
    shown = _shown(item, rating)
    told = {
        "answer_id": row.id,
        "lane": label(row),
        **{column: getattr(row, column) for column in _LANE},
        "flags": [flag.code for flag in item.flags[row.id]],
        "shown_as": shown and shown.order.index(row.position) + 1,
    }
    return {name.format(column): value for column, value in told.items()}


def _shown(item: Item, rating: Rating) -> Showing | None:
    return next((each for each in item.showings if each.id == rating.showing_id), None)


def label(row: Lane) -> str:
    return lanes.restored(row).label


def named(name: str) -> tuple[Field, ...]:
    """The fields of `lane` under the same names."""
    return tuple(each._replace(name=name.format(each.name)) for each in LANE)
