"""Reads which prompts one model answered at both efforts, and how these answers were rated against each other.

What is sealed for a viewer is left out: what its lanes took would tell them apart.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, select

from backends import routing
from backends.routing import Suggestion
from storage.rows import IDS, grouped, prompts_of
from storage.schema import answers, battles, comparisons
from storage.shipped import ORIGIN
from storage.showing import sealed_for

MOST = 5_000  # pairs, the newest
AT_ONCE = 100  # prompts read at once: some are long

Winner = Literal["none", "high", "neither"]


class Place(NamedTuple):
    """Of two lanes of a comparison, as asked."""

    comparison_id: str
    first: int
    second: int


class Vote(NamedTuple):
    winner: Winner
    blind: bool


@dataclass(frozen=True, slots=True)
class Spent:
    """Of one answer: microseconds from sending its request, tokens generated, US dollars; None where not known."""

    first: int | None
    answer: int | None
    total: int | None
    tokens: int | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt answered at both efforts. `of` is the lane without its effort; `tag` the type of request, for which the
    rule of thumb says `rule`; `answers` the ids of the two, as first asked; `crowded`: they slowed each other down."""

    comparison_id: str
    title: str
    of: str
    tag: str
    rule: str
    none: Spent
    high: Spent
    votes: tuple[Vote, ...]
    answers: tuple[str, str]
    crowded: bool


def pairs(connection: Connection, viewer: str) -> tuple[Pair, ...]:
    """The newest first. Both lanes were over, with a whole answer, to the very same prompt."""
    rows = connection.execute(_PAIRS, {"viewer": viewer}).all()
    rated = connection.execute(_BATTLES, {"ids": list({row.id for row in rows})}).all() if rows else ()
    votes = grouped((Place(row.comparison_id, row.position_a, row.position_b), row) for row in rated)
    tags = _tagged(connection, {row.prompt_id for row in rows})
    return tuple(_pair(row, votes, tags[row.prompt_id]) for row in rows)


def _pair(row: sa.Row[Any], rated: Mapping[Place, Sequence[sa.Row[Any]]], tag: Suggestion) -> Pair:
    first, second = sorted((row.none_position, row.high_position))
    at = {"model_a": first, "model_b": second}
    return Pair(
        comparison_id=row.id,
        title=row.title,
        of=" · ".join(dict.fromkeys(filter(None, (row.backend, row.model, row.artifact)))),
        tag=tag.reason,
        rule=tag.effort,
        none=_spent(row, "none"),
        high=_spent(row, "high"),
        votes=tuple(
            Vote(_winner(at.get(each.winner), row.high_position), each.blind)
            for each in rated.get(Place(row.id, first, second), ())
        ),
        answers=(row.none_copied_from_id or row.none_id, row.high_copied_from_id or row.high_id),
        crowded=row.none_crowded or row.high_crowded,
    )


def _winner(position: int | None, high: int) -> Winner:
    return "neither" if position is None else "high" if position == high else "none"


def _spent(row: sa.Row[Any], effort: str) -> Spent:
    told = {name: row._mapping[f"{effort}_{name}"] for name in _OF_EACH}
    sent, read, said = told["sent_us"], told["prompt_tokens"], told["completion_tokens"]
    since = {name: None if None in (sent, at) else at - sent for name, at in told.items() if name.endswith("_us")}
    paid = (read, row.price_in), (said, row.price_out)
    known = all(None not in each for each in paid)
    return Spent(
        first=since["first_us"],
        answer=since["first_text_us"],
        total=since["end_us"],
        tokens=said,
        cost=sum(count * price for count, price in paid) / 1e6 if known else None,
    )


def _tagged(connection: Connection, prompt_ids: Collection[str]) -> dict[str, Suggestion]:
    ids = [*prompt_ids]
    some = (ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE))
    read = (prompts_of(connection, each).items() for each in some)
    return {prompt_id: routing.suggest(prompt) for each in read for prompt_id, prompt in each}


# made once: to build these takes longer than to run them
_OF_EACH = (
    "id",
    "position",
    "copied_from_id",
    "crowded",
    "sent_us",
    "first_us",
    "first_text_us",
    "end_us",
    "prompt_tokens",
    "completion_tokens",
)
_none, _high = answers.alias("none"), answers.alias("high")
_SAME = ("comparison_id", "prompt_id", "backend", "kind", "address_hash", "model", "artifact", "sample")
_PAIRS = (
    select(
        comparisons.c.id,
        comparisons.c.title,
        *(_none.c[name] for name in ("prompt_id", "backend", "model", "artifact", "price_in", "price_out")),
        *(each.c[name].label(f"{each.name}_{name}") for each in (_none, _high) for name in _OF_EACH),
    )
    .join(_none, _none.c.comparison_id == comparisons.c.id)
    .join(_high, sa.and_(*(_none.c[name] == _high.c[name] for name in _SAME)))
    .where(
        _none.c.effort == "none",
        _high.c.effort == "high",
        _none.c.sample == 0,
        _none.c.state == "done",
        _high.c.state == "done",
        # the temperature may differ: for high, another is advised
        _none.c.max_tokens.is_not_distinct_from(_high.c.max_tokens),
        comparisons.c.origin != ORIGIN,
        ~sealed_for(bindparam("viewer", type_=sa.Text())),
    )
    .order_by(comparisons.c.number.desc(), _none.c.position, _high.c.position)
    .limit(MOST)
)
_BATTLES: sa.Select[Any] = select(
    battles.c.comparison_id, battles.c.position_a, battles.c.position_b, battles.c.winner, battles.c.blind
).where(battles.c.comparison_id.in_(IDS))
