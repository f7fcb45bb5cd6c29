"""Copies all that is kept: rows from one database into an empty one of any kind, images from one place to another."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, Connection, Table, func, select, text

from storage import index
from storage.errors import StorageError
from storage.images import ImageStore, mime
from storage.schema import comparisons, facets, metadata, replicas

# the filters follow from the rest, and apps that run elsewhere are no part of what is kept
TABLES = tuple(table for table in metadata.sorted_tables if table not in (facets, replicas))
BATCH = 200  # rows: those with recordings or texts are long

Done = Callable[[str, int], None]
"""Is told how many more of what are done."""


def size(source: Connection) -> int:
    """What `done` is told of in all while it is copied."""
    counted = counts(source)
    return sum(counted.values()) + counted[comparisons.name]


def counts(connection: Connection) -> dict[str, int]:
    """Of the rows of each table that is copied."""
    return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES}


def copy(source: Connection, target: Connection, done: Done) -> dict[str, int]:
    """Every row, in the transaction of `target`; how many each table has. Raises StorageError where there are some."""
    if any(counts(target).values()):
        raise StorageError("There is something in the database to copy into: name an empty one.")
    with _without_triggers(target):
        for table in TABLES:
            for rows in _rows(source, table):
                target.execute(_insert(table), rows)
                done(table.name, len(rows))
    index.fill(target, lambda more: done("index", more))
    there, here = counts(source), counts(target)
    if differing := [name for name in there if there[name] != here[name]]:
        raise StorageError(f"Not all was copied of: {', '.join(differing)}. Nothing was kept of it: try again.")
    return here


def pictures(names: Iterable[str], source: ImageStore, target: ImageStore, done: Callable[[int], object]) -> int:
    """Brings images over that are not there; how many neither place has whole."""
    lost = 0
    for name in names:
        if not target.has(name):
            target.delete(name)  # it is damaged, if it is there at all
            if source.has(name):
                data = source.read(name)
                target.restore(name, mime(data), data)
            else:
                lost += 1
        done(1)
    return lost


def _rows(source: Connection, table: Table) -> Iterator[list[Mapping[str, Any]]]:
    """JSON as the text that it is: reading and writing it anew could change or refuse it."""
    columns = [sa.cast(each, sa.Text).label(each.name) if _is_json(each) else each for each in table.c]
    found = source.execute(select(*columns), execution_options={"yield_per": BATCH})
    for rows in found.mappings().partitions():
        yield [dict(row) for row in rows]


def _insert(table: Table) -> sa.Insert:
    columns = (sa.column(each.name, sa.types.NullType() if _is_json(each) else each.type) for each in table.c)
    return sa.insert(sa.table(table.name, *columns))


def _is_json(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, JSON)


@contextmanager
def _without_triggers(connection: Connection) -> Iterator[None]:
    """Rows may come before those of the same table that they name, and nothing is indexed one by one."""

    def run(statement: str) -> None:
        connection.exec_driver_sql(statement)

    if connection.dialect.name == "sqlite":
        run("PRAGMA defer_foreign_keys=ON")
        made = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in made:
            run(f"DROP TRIGGER {name}")
        yield
        for _, statement in made:
            run(statement)
        return
    keys = [(table, key) for table in TABLES for key in table.foreign_key_constraints if key.referred_table is table]
    for table in TABLES:
        run(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")
    for table, key in keys:
        run(f"ALTER TABLE {table.name} ALTER CONSTRAINT {key.name} DEFERRABLE INITIALLY DEFERRED")
    yield
    run("SET CONSTRAINTS ALL IMMEDIATE")
    for table, key in keys:
        run(f"ALTER TABLE {table.name} ALTER CONSTRAINT {key.name} NOT DEFERRABLE")
    for table in TABLES:
        run(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")
