"""Rows of the tables out of what a file has: each value is checked, and what is wrong is told by its place."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Float, Integer, String, Table

from backends.answer import State
from backends.schedule import Schedule
from storage.errors import StorageError, TransferError
from storage.lanes import MOST
from storage.plan import Pace, Traces
from storage.schema import Moment

_WORDS = {"pace": Pace, "traces": Traces, "schedule": Schedule, "state": State}


def row(table: Table, kept: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """The columns of `table` that `kept` has; `at` says where it stands. Raises TransferError."""
    for column in table.c:
        if column.name not in kept and _needed(column):
            raise TransferError(f"{at}{column.name} is missing.")
    return {column.name: _value(column, kept[column.name], at) for column in table.c if column.name in kept}


def moment(value: Any, at: str) -> datetime:
    """Raises TransferError."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise TransferError(f"{at} must be a time such as 2026-01-02T03:04:05Z, not {short(value)}.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def short(value: object) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:60]}…"


def _needed(column: Column[Any]) -> bool:
    return not (column.nullable or column.default is not None or column.server_default is not None)


def _value(column: Column[Any], value: Any, at: str) -> Any:
    if value is None and column.nullable:
        return None
    if isinstance(column.type, Moment):
        return moment(value, f"{at}{column.name}")
    if not isinstance(column.type, JSON) and not _fits(column, value):
        raise TransferError(f"{at}{column.name} must be {_wanted(column)}, not {short(value)}.")
    return value


def _fits(column: Column[Any], value: Any) -> bool:
    match column.type:
        case Boolean():
            return isinstance(value, bool)
        case Integer():
            return type(value) is int and abs(value) <= MOST
        case Float():
            return type(value) in (int, float)
        case String(length=most):
            words = _WORDS.get(column.name)
            return isinstance(value, str) and len(value) <= (most or len(value)) and (not words or value in list(words))
        case _:
            return True


def _wanted(column: Column[Any]) -> str:
    match column.type:
        case Boolean():
            return "true or false"
        case Integer():
            return "a whole number"
        case Float():
            return "a number"
        case String(length=most):
            words = _WORDS.get(column.name, ())
            named = ", ".join(f"{each.value!r}" for each in words)
            return f"one of {named}" if named else f"text of at most {most} letters" if most else "text"
        case _:
            return "something else"


def text(row: Mapping[str, Any], name: str) -> str:
    """A cell that must have some. Raises TransferError."""
    found = row.get(name)
    if not isinstance(found, str) or not found.strip():
        raise TransferError(f"{name} must be text, not {short(found)}." if found else f"{name} is missing.")
    return found


@contextmanager
def at_place(where: str) -> Iterator[None]:
    """Says of what is wrong where it stands."""
    try:
        yield
    except (StorageError, TransferError) as error:
        raise TransferError(f"{where}: {error}") from error
