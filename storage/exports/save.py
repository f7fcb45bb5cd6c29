"""Writes an export as files: whole and beside its data card, or not at all. One in lines goes on where it broke off."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson
from sqlalchemy import Engine

from storage.errors import StorageError
from storage.exports import export
from storage.exports.card import card
from storage.exports.items import Item, Scope
from storage.exports.view import Left, View
from storage.images import ImageStore

PACE = 1.0  # seconds from one note of how far it is to the next

Done = Callable[[int], None]


class Cursor(NamedTuple):
    """How far an export is: its first `bytes` are of all comparisons up to `number`; `of` is what it is made of."""

    of: str
    number: int
    bytes: int
    left: Left


def save(
    view: View,
    engine: Engine,
    scope: Scope,
    files: ImageStore | None,
    out: Path,
    *,
    resume: bool = False,
    done: Done = lambda _: None,
) -> Path:
    """The file that was written: `out`, where its name ends as the view's, else one in the folder `out`.

    `done` is told how many comparisons were read, and can stop it all by raising. Raises StorageError.
    """
    path = out if out.suffix == view.suffix else out / f"{view.name}{view.suffix}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        begun = _cursor(path, f"{view.name} {scope}") if resume and view.lines else None
        left = _written(view, engine, scope, files, path, begun, done)
        _put(_card(path, view, out), card(view, scope, left, path.name).encode())
        os.replace(_part(path), path)
        _note(path).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror}.") from error
    return path


def _written(
    view: View,
    engine: Engine,
    scope: Scope,
    files: ImageStore | None,
    path: Path,
    begun: Cursor | None,
    done: Done,
) -> Left:
    """The tally of the whole, which is in the part file. One that can go on leaves a note there of how far it is."""
    left, rest = (begun.left, _rest(scope, begun)) if begun else (Left(), scope)
    noted, last = time.monotonic(), begun.number if begun else None
    with open(_part(path), "r+b" if begun else "wb") as file:
        file.seek(file.truncate(begun.bytes if begun else 0))

        def before(batch: list[Item]) -> None:
            nonlocal noted, last
            if view.lines and last is not None and time.monotonic() - noted >= PACE:
                _settle(file)
                _put(_note(path), _packed(Cursor(f"{view.name} {scope}", last, file.tell(), left)))
                noted = time.monotonic()
            last = batch[-1].row.number if batch else last
            done(left.read)

        file.writelines(export(view, engine, rest, files, left, before))
        _settle(file)
    done(left.read)
    return left


def _rest(scope: Scope, begun: Cursor) -> Scope:
    limit = None if scope.limit is None else scope.limit - begun.left.read
    return replace(scope, after=begun.number, limit=limit)


def _settle(file: BinaryIO) -> None:
    """What was written outlasts a loss of power."""
    file.flush()
    os.fsync(file.fileno())


def _cursor(path: Path, of: str) -> Cursor | None:
    """None where there is nothing to go on with. Raises StorageError."""
    try:
        found = orjson.loads(_note(path).read_bytes())
        cursor = Cursor(found["of"], found["number"], found["bytes"], Left.restored(found["left"]))
        if _part(path).stat().st_size < cursor.bytes:
            return None
    except (FileNotFoundError, KeyError, ValueError):
        return None
    if cursor.of != of:
        raise StorageError(f"{path} was begun with other options: give the same ones, or begin anew without --resume.")
    return cursor


def _packed(cursor: Cursor) -> bytes:
    left = cursor.left
    return orjson.dumps(cursor._asdict() | {"left": {"read": left.read, "written": left.written, "out": left.out}})


def _card(path: Path, view: View, out: Path) -> Path:
    """The README of a folder, or beside a single file; that of another export in the folder stays."""
    beside = path.with_name(f"{path.stem}.card.md")
    if path == out:
        return beside
    readme = path.with_name("README.md")
    others = readme.exists() and f"# {path.name}\n" not in readme.read_text(encoding="utf-8")
    return beside if others else readme


def _put(path: Path, data: bytes) -> None:
    unfinished = _part(path)
    unfinished.write_bytes(data)
    os.replace(unfinished, path)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.cursor")
