"""Keeps the pairs that statistics count, as they follow from a comparison's ratings."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert

from storage import lanes
from storage.comparison import evidence
from storage.ratings import pairs
from storage.rows import answers_of, ratings_of, showings_of
from storage.schema import battles

_DROP, _ADD = delete(battles).where(battles.c.comparison_id == bindparam("of")), insert(battles)


def refresh(connection: Connection, comparison_id: str) -> None:
    """After a rating came or went, in its transaction."""
    connection.execute(_DROP, {"of": comparison_id})
    if rows := [*fought(connection, comparison_id)]:
        connection.execute(_ADD, rows)


def fought(connection: Connection, comparison_id: str) -> Iterator[dict[str, Any]]:
    """The rows that follow from its ratings."""
    labels = [lanes.restored(row).label for row in answers_of(connection, [comparison_id])[comparison_id]]
    orders = {row.id: row.order for row in showings_of(connection, [comparison_id])[comparison_id]}
    for rating in evidence(ratings_of(connection, [comparison_id])[comparison_id]):
        order = list(orders.get(rating.showing_id or "") or range(len(labels)))
        for a, b, winner in pairs(rating.ranking, rating.all_bad):
            yield {
                "rating_id": rating.id,
                "position_a": a,
                "position_b": b,
                "comparison_id": comparison_id,
                "evaluator": rating.evaluator,
                "winner": winner,
                "model_a": labels[a],
                "model_b": labels[b],
                "place_a": order.index(a) + 1,
                "place_b": order.index(b) + 1,
                "blind": rating.blind,
                "early": rating.early,
            }
