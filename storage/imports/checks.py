"""Checks of backends, as `python -m backends.check --json FILE` writes them: one, or a list."""

from pathlib import Path
from typing import Any

import orjson

from backends.check.result import Check
from storage.checks import whole
from storage.errors import TransferError
from storage.imports.columns import at_place


def found(path: Path) -> list[Check]:
    """Raises TransferError."""
    try:
        given = orjson.loads(path.read_bytes())
    except OSError as error:
        raise TransferError(f"{path.name} can't be read ({error.strerror or error}).") from error
    except orjson.JSONDecodeError as error:
        raise TransferError(f"{path.name} is no JSON ({error}).") from error
    rows = given if isinstance(given, list) else [given]
    return [_check(row, f"{path.name}, check {number}") for number, row in enumerate(rows, 1)]


def _check(row: Any, where: str) -> Check:
    with at_place(where):
        try:
            return whole(row)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TransferError(f"it is no check of a backend ({error!r}).") from error
