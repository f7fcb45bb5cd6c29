"""The index of texts and the filters, filled in one go and checked. Migrations 0004 and 0006 make them, and triggers
keep them from then on.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DatabaseError

from storage.schema import comparisons

STEP = 500  # comparisons indexed by one statement

_FILTERS = "SELECT kind, value, number FROM facetted JOIN comparisons ON comparisons.id = comparison_id"
_INDEX = {
    "sqlite": "INSERT INTO searchable_fts (rowid, prompt, answers, reasoning) SELECT searchable.* FROM searchable "
    "WHERE rowid BETWEEN :first AND :last",
    "postgresql": "SELECT index_texts(rowid) FROM searchable WHERE rowid BETWEEN :first AND :last",
}


def fill(connection: Connection, done: Callable[[int], None]) -> None:
    """Where nothing has been indexed yet; `done` is told how many more comparisons are."""
    connection.execute(text(f"INSERT INTO facets (kind, value, number) {_FILTERS} WHERE true ON CONFLICT DO NOTHING"))
    numbers = connection.scalars(select(comparisons.c.number).order_by(comparisons.c.number)).all()
    for start in range(0, len(numbers), STEP):
        some = numbers[start : start + STEP]
        connection.execute(text(_INDEX[connection.dialect.name]), {"first": some[0], "last": some[-1]})
        done(len(some))


def wrong(connection: Connection) -> Iterator[str]:
    """What the filters, or on PostgreSQL the index, have that they should not have, or lack."""
    kept = "SELECT kind, value, number FROM facets"
    for what, rows, others in (("lack", _FILTERS, kept), ("have too much", kept, _FILTERS)):
        for row in connection.execute(text(f"{rows} EXCEPT {others}")):
            yield f"The filters {what}: {row.kind} {row.value!r} of the comparison with number {row.number}."
    if connection.dialect.name == "postgresql":
        said, indexed = "SELECT rowid FROM searchable", "SELECT rowid FROM searchable_fts"
        for what, rows, others in (("lacks", said, indexed), ("has too much", indexed, said)):
            for number in connection.scalars(text(f"{rows} EXCEPT {others}")):
                yield f"The index of texts {what}: the comparison with number {number}."


def matches(connection: Connection) -> bool:
    """Does SQLite's index have the words that are kept, and no others? To SQLite this is a write, and may take long."""
    try:
        connection.execute(text("INSERT INTO searchable_fts (searchable_fts, rank) VALUES ('integrity-check', 1)"))
    except DatabaseError as error:
        if not getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_CORRUPT"):
            raise
        return False
    return True
