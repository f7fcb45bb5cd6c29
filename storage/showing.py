"""How one comparison is shown to one viewer: in which order, and what is withheld until it is rated.

A viewer is a browser, known by its cookie; nothing here knows cookies. Comparisons that share an answer tell of each
other: while one is sealed for a viewer the others are, and whoever sees one uncovered knows of them all.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from random import Random

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from storage.plan import Pace, Presentation, Traces
from storage.rows import IDS
from storage.schema import answers, comparisons, hints, showings


class Step(StrEnum):
    """What a viewer is to judge next, where nothing has told the lanes apart yet."""

    ANSWERS = "answers"
    REASONING = "reasoning"  # which had been hidden while the answers were judged, and is shown from then on
    OPEN = "open"  # nothing is withheld, so nothing is judged blind any more


@dataclass(frozen=True, slots=True)
class Showing:
    """`order` are the lanes' positions as this viewer sees them, from the left: the shuffle that `seed` gives where it
    is blind. `rated_at` is when the answers were, if the reasoning is judged after them. `revealed_by` says what ended
    the blindness: `rating` or `choice`."""

    id: str
    comparison_id: str
    viewer: str
    presentation: Presentation
    seed: int
    order: tuple[int, ...]
    created_at: datetime
    rated_at: datetime | None = None
    revealed_at: datetime | None = None
    revealed_by: str = ""

    @property
    def sealed(self) -> bool:
        """Must nothing that tells the lanes apart reach this viewer?"""
        return self.presentation.blind and self.revealed_at is None

    @property
    def step(self) -> Step:
        if not self.sealed:
            return Step.OPEN
        return Step.REASONING if self.rated_at else Step.ANSWERS

    @property
    def hides_reasoning(self) -> bool:
        """Until the answers are rated."""
        return self.step is Step.ANSWERS and self.presentation.traces is Traces.HIDDEN


def shuffled(lanes: int, seed: int) -> tuple[int, ...]:
    order = list(range(lanes))
    Random(seed).shuffle(order)
    return tuple(order)


def found(connection: Connection, comparison_id: str, viewer: str) -> Showing | None:
    row = connection.execute(_FOUND, {"of": comparison_id, "viewer": viewer}).one_or_none()
    return None if row is None else restored(row)


def begin(connection: Connection, comparison_id: str, viewer: str, *, blind: bool = False) -> Showing | None:
    """The showing of this comparison to this viewer, made where there is none; None where there is no comparison.

    Who made a comparison sees it as it was planned. To anybody else one that waits in the rating queue is blind too, or
    one that they ask for `blind`, if they know nothing of it; and so is, to everybody, one that tells of what is sealed
    for them.
    """
    if kept := found(connection, comparison_id, viewer):
        return kept
    row = connection.execute(_TO_SHOW, {"of": comparison_id, "viewer": viewer}).one_or_none()
    if row is None:
        return None
    is_sealed = row.sealed or (blind and row.unknown)
    planned = Presentation(row.blind, Pace(row.pace), Traces(row.traces))
    presentation = planned if row.blind or not is_sealed else Presentation(True, Pace.TOGETHER, Traces.HIDDEN)
    seed = secrets.randbits(32)
    showing = Showing(
        id=secrets.token_hex(16),
        comparison_id=comparison_id,
        viewer=viewer,
        presentation=presentation,
        seed=seed,
        order=shuffled(row.lanes, seed) if presentation.blind else tuple(range(row.lanes)),
        created_at=datetime.now(UTC),
    )
    connection.execute(
        _SHOWING,
        {
            "id": showing.id,
            "comparison_id": comparison_id,
            "viewer": viewer,
            "blind": presentation.blind,
            "pace": presentation.pace.value,
            "traces": presentation.traces.value,
            "seed": seed,
            "order": showing.order,
            "created_at": showing.created_at,
        },
    )
    return showing


def rated(connection: Connection, seen: Showing, *, reasoned: bool) -> None:
    """Takes a sealed showing on after a rating: to the reasoning where it was hidden and there is some, or to the end
    of the blindness."""
    if seen.hides_reasoning and reasoned:
        connection.execute(_RATED, {"of": seen.id, "rated_at": datetime.now(UTC)})
    else:
        reveal(connection, seen.comparison_id, seen.viewer, "rating")


def reveal(connection: Connection, comparison_id: str, viewer: str, by: str) -> None:
    """Ends the blindness, also of what this one tells of; what was revealed before stays as it was."""
    told = connection.scalars(_TOLD, {"of": comparison_id}).all()
    for other in sealed_among(connection, told, viewer):
        begin(connection, other, viewer)
    theirs = {"ids": [comparison_id, *told], "of": viewer}
    connection.execute(_REVEAL, {**theirs, "revealed_at": datetime.now(UTC), "revealed_by": by})


def relate(connection: Connection, comparison_id: str) -> None:
    """Keeps of which comparisons this new one tells, and which tell of it: those that have an answer of the other, as a
    lane or in the history of a lane."""
    copied = select(answers.c.copied_from_id).where(answers.c.comparison_id == comparison_id)
    same = or_(answers.c.id.in_(copied), answers.c.copied_from_id.in_(copied))
    sharing = set(connection.scalars(select(answers.c.comparison_id).where(same))) - {comparison_id}
    followed = select(comparisons.c.follows_id).where(comparisons.c.id.in_({comparison_id, *sharing}))
    before = set(connection.scalars(followed.where(comparisons.c.follows_id.is_not(None))))
    before.update(connection.scalars(select(hints.c.of_id).where(hints.c.comparison_id.in_(before))))
    after = set(connection.scalars(select(comparisons.c.id).where(comparisons.c.follows_id.in_(sharing))))
    after.update(connection.scalars(select(hints.c.comparison_id).where(hints.c.of_id.in_(after))))
    told = {(comparison_id, other) for other in sharing | before}
    if pairs := told | {(other, comparison_id) for other in (sharing | after) - {comparison_id}}:
        connection.execute(insert(hints), [{"comparison_id": one, "of_id": other} for one, other in pairs])


def sealed_for(viewer: str | sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    """Of a row of `comparisons`: must what tells its lanes apart be withheld from this viewer?"""
    told = comparisons.alias("told")
    theirs = (hints.c.comparison_id == comparisons.c.id) & (hints.c.of_id == told.c.id)
    tells = sa.exists().where(theirs, func.coalesce(_shown(told, viewer), _unseen(told, viewer)))
    return func.coalesce(_shown(comparisons, viewer), _unseen(comparisons, viewer) | tells)


def _shown(of: sa.FromClause, viewer: str | sa.BindParameter[str]) -> sa.ScalarSelect[bool]:
    """Is its showing to this viewer sealed? Null where there is none."""
    mine = (showings.c.comparison_id == of.c.id) & (showings.c.viewer == viewer)
    return select(showings.c.blind & showings.c.revealed_at.is_(None)).where(mine).scalar_subquery()


def _unseen(of: sa.FromClause, viewer: str | sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    """Is it by itself sealed for who was not shown it yet? It is in the queue for those who know nothing of it."""
    return of.c.blind | ((of.c.overlap > 0) & _unknown(of, viewer))


def _unknown(of: sa.FromClause, viewer: str | sa.BindParameter[str]) -> sa.ColumnElement[bool]:
    """Did this viewer neither make it nor see uncovered what tells of it?"""
    telling = hints.alias("telling")
    uncovered = (showings.c.viewer == viewer) & or_(~showings.c.blind, showings.c.revealed_at.is_not(None))
    known = sa.exists().where(
        telling.c.of_id == of.c.id, showings.c.comparison_id == telling.c.comparison_id, uncovered
    )
    return (of.c.maker != viewer) & ~known


def sealed_among(connection: Connection, comparison_ids: Collection[str], viewer: str) -> set[str]:
    """Those of the comparisons that are sealed for this viewer."""
    sealed = connection.scalars(_SEALED, {"ids": [*comparison_ids], "viewer": viewer}) if comparison_ids else ()
    return set(sealed)


def restored(row: sa.Row[tuple[object, ...]]) -> Showing:
    return Showing(
        id=row.id,
        comparison_id=row.comparison_id,
        viewer=row.viewer,
        presentation=Presentation(row.blind, Pace(row.pace), Traces(row.traces)),
        seed=row.seed,
        order=tuple(row.order),
        created_at=row.created_at,
        rated_at=row.rated_at,
        revealed_at=row.revealed_at,
        revealed_by=row.revealed_by,
    )


# made once: to build these takes longer than to run them
_OF: sa.BindParameter[str] = bindparam("of")
_VIEWER: sa.BindParameter[str] = bindparam("viewer", type_=sa.Text())
_FOUND = select(showings).where(showings.c.comparison_id == _OF, showings.c.viewer == _VIEWER)
_TO_SHOW = select(
    comparisons.c.blind,
    comparisons.c.pace,
    comparisons.c.traces,
    sealed_for(_VIEWER).label("sealed"),
    _unknown(comparisons, _VIEWER).label("unknown"),
    select(func.count())
    .where(answers.c.comparison_id == comparisons.c.id, answers.c.sample == 0)
    .scalar_subquery()
    .label("lanes"),
).where(comparisons.c.id == _OF)
_SHOWING = insert(showings)
_RATED = update(showings).where(showings.c.id == _OF)
_TOLD = select(hints.c.of_id).where(hints.c.comparison_id == _OF)
_REVEAL = update(showings).where(  # `viewer` would be the column's new value
    showings.c.viewer == _OF, showings.c.comparison_id.in_(IDS), showings.c.blind, showings.c.revealed_at.is_(None)
)
_SEALED = select(comparisons.c.id).where(comparisons.c.id.in_(IDS), sealed_for(_VIEWER))
