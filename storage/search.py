"""Lists comparisons, newest first: by words and by what they are filtered by. No list reads a recording, and only the
snippets of the rows shown read texts.

What is sealed for a viewer is found by nothing that tells its lanes apart.
"""

import re
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, column, func, select, table

from backends.answer import State
from storage import lanes, words
from storage.comparison import Filter, Page, Piece, Row, RowLane, Snippet, current
from storage.rows import IDS, answers_of, flags_of, images_of, ratings_of
from storage.schema import comparisons, facets, number, showings
from storage.showing import sealed_among, sealed_for

KINDS = ("backend", "artifact", "effort", "flag", "evaluator", "tag", "rated", "origin")
TELLING = ("backend", "artifact", "effort", "flag", "evaluator", "tag")  # of lanes, or of how they were rated

TEXTS = {"prompt": "prompt", "answers": "answer", "reasoning": "reasoning"}  # in which a hit may be, and its source
LANES = 0xF0000  # the letter before the first lane's answer; the others' follow
BEFORE, LENGTH = 60, 220  # characters of a snippet: before its first hit, and in all

_LANE = re.compile("[\U000f0000-\U000f00ff]")
_BLANKS = re.compile(r"\s+")

_searchable = table("searchable", column("rowid"), *map(column, TEXTS))
_index = table("searchable_fts", column("rowid"), column("searchable_fts"))
_ORDERS = select(showings.c.comparison_id, showings.c.order).where(
    showings.c.comparison_id.in_(IDS), showings.c.viewer == bindparam("viewer")
)


def page(connection: Connection, before: int | None, limit: int, wanted: Filter, viewer: str) -> Page:
    listing = found(wanted, viewer, before).limit(limit + 1)
    rows = connection.execute(_with_texts(listing) if wanted.words.strip() else listing).all()
    shown = rows[:limit]
    sealed = sealed_among(connection, [row.id for row in shown], viewer)
    told = [row.id for row in shown if row.id not in sealed]
    asked, judged = answers_of(connection, told), ratings_of(connection, told)
    odd = flags_of(connection, [lane.id for lane in chain(*asked.values())])
    orders = _orders(connection, told, viewer)
    pattern = words.hit(wanted.words)
    shown_images = images_of(connection, [row.prompt_id for row in shown])
    listed = tuple(
        Row(
            id=row.id,
            created_at=row.created_at,
            follows=row.follows_id,
            title=row.title,
            prompt_id=row.prompt_id,
            images=tuple(image.sha256 for image in shown_images[row.prompt_id]),
            lanes=tuple(
                RowLane(
                    lanes.restored(lane).label,
                    State(lane.state),
                    tuple(each.code for each in odd[lane.id]),
                    lane.copied_from_id or lane.id,
                )
                for lane in asked[row.id]
            ),
            ratings=current(judged[row.id]),
            order=orders.get(row.id) or tuple(range(len(asked[row.id]))),
            sealed=row.id in sealed,
            origin=row.origin,
            snippets=_snippets(row, pattern, [*TEXTS][: 1 if row.id in sealed else None]) if pattern else (),
        )
        for row in shown
    )
    return Page(listed, shown[-1].number if len(rows) > limit else None)


def _orders(connection: Connection, ids: Sequence[str], viewer: str) -> dict[str, tuple[int, ...]]:
    """The lanes' positions as this viewer was shown them."""
    rows = connection.execute(_ORDERS, {"ids": [*ids], "viewer": viewer})
    return {row.comparison_id: tuple(row.order) for row in rows}


def found(wanted: Filter, viewer: str | None, before: int | None = None, after: int | None = None) -> sa.Select[Any]:
    """The rows of `comparisons` that this viewer finds, None for who sees all: those below a number, newest first, or
    those `after` one, oldest first."""
    chosen = [(kind, value) for kind in KINDS if (value := getattr(wanted, kind))]
    rows = select(comparisons)
    order: sa.ColumnElement[int] = comparisons.c.number
    if wanted.words.strip():
        order = _index.c.rowid
        # the sum keeps the planner from looking up every comparison in the index of words, which has its hits in order
        rows = rows.select_from(_index.join(comparisons, comparisons.c.number == order + 0))
        rows = rows.where(*_matching(wanted.words, viewer))
    elif chosen:
        order, first = facets.c.number, chosen.pop(0)
        rows = rows.join(facets, (comparisons.c.number == order) & _is(facets, *first))
    for each in chosen:
        other = facets.alias()
        rows = rows.where(sa.exists().where(_is(other, *each), other.c.number == order))
    if viewer is not None and any(getattr(wanted, kind) for kind in TELLING):
        rows = rows.where(~sealed_for(viewer))
    if wanted.since:
        rows = rows.where(order >= _bounded(number(wanted.since)))
    if wanted.before:
        rows = rows.where(order < _bounded(number(wanted.before)))
    if before is not None:
        rows = rows.where(order < _bounded(before))
    if after is not None:
        return rows.where(order > _bounded(after)).order_by(order)
    return rows.order_by(order.desc())


def _bounded(number: int) -> int:
    """As a column can hold it: a year may be half typed."""
    return max(-lanes.MOST, min(number, lanes.MOST))


def _is(rows: sa.FromClause, kind: str, value: str) -> sa.ColumnElement[bool]:
    return (rows.c.kind == kind) & (rows.c.value == value)


def _matching(said: str, viewer: str | None) -> list[sa.ColumnElement[bool]]:
    if not words.terms(said):
        return [sa.false()]
    if viewer is None:
        return [words.found(_index, said)]
    prompt = _index.alias("prompt")
    in_prompt = sa.exists().where(words.found(prompt, said, prompt_only=True), prompt.c.rowid == comparisons.c.number)
    return [words.found(_index, said), ~sealed_for(viewer) | in_prompt]


def ids(connection: Connection, wanted: Filter, viewer: str) -> tuple[str, ...]:
    """Of all that this viewer finds."""
    return tuple(connection.scalars(found(wanted, viewer).with_only_columns(comparisons.c.id)))


def choices(connection: Connection, viewer: str) -> dict[str, tuple[str, ...]]:
    """What can be chosen of each kind, without what only sealed comparisons have that tells their lanes apart."""
    return {kind: tuple(connection.scalars(_values(kind, viewer))) for kind in KINDS}


def _values(kind: str, viewer: str) -> sa.Select[Any]:
    """Each value once: from one to the next in the index, not through all its rows."""
    value, of_kind = facets.c.value, facets.c.kind == kind
    seen = select(func.min(value).label("value")).where(of_kind).cte("seen", recursive=True)
    later = select(func.min(value)).where(of_kind, value > seen.c.value).scalar_subquery()
    seen = seen.union_all(select(later).where(seen.c.value.is_not(None)))
    values = select(seen.c.value).where(seen.c.value.is_not(None))
    if kind not in TELLING:
        return values
    numbered = facets.join(comparisons, comparisons.c.number == facets.c.number)
    told = sa.exists().select_from(numbered).where(of_kind, value == seen.c.value, ~sealed_for(viewer))
    return values.where(told)


def _with_texts(rows: sa.Select[Any]) -> sa.Select[Any]:
    """The same with the texts that words were found in: read of no more rows than are fetched."""
    of = _searchable.c.rowid == comparisons.c.number
    return rows.add_columns(*(select(_searchable.c[name]).where(of).scalar_subquery().label(name) for name in TEXTS))


def _snippets(row: sa.Row[Any], pattern: re.Pattern[str], sources: Sequence[str]) -> tuple[Snippet, ...]:
    snippets = (_snippet(TEXTS[name], row._mapping[name] or "", pattern) for name in sources)
    return tuple(each for each in snippets if each)


def _snippet(source: str, text: str, pattern: re.Pattern[str]) -> Snippet | None:
    """What stands around the first hit, on one line."""
    folded = words.folded(text)
    hit = pattern.search(folded)
    if hit is None:
        return None
    at, lane, start = hit.start(), 0, 0
    for letter in _LANE.finditer(text, 0, at):
        lane, start = ord(letter[0]) - LANES, letter.end() + 1
    begin = max(start, at - BEFORE)
    following = _LANE.search(text, at)
    end = following.start() if following else len(text)
    last = min(begin + LENGTH, end)
    places = [place for each in pattern.finditer(folded, begin, last) for place in each.span()]
    said = [text[one:other] for one, other in pairwise([begin, *places, last])]
    said[0] = ("… " if begin > start else "") + said[0]
    said[-1] = said[-1].rstrip() if last == end else f"{said[-1]} …"
    pieces = [Piece(_BLANKS.sub(" ", each), bool(number % 2)) for number, each in enumerate(said)]
    return Snippet(source, lane, tuple(piece for piece in pieces if piece.text))
