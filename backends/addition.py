"""A backend more in the file of declarations: appended to its text, or nothing is changed."""

import json
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        """One process alone writes there."""
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


_writing = Lock()


class AdditionError(Exception):
    """Why nothing was written, in words for the page."""


def append(path: Path, entry: dict[str, Any]) -> None:
    """Puts the entry at the end; comments and entries stay as they are. Raises AdditionError."""
    path = path.resolve()  # a link stays one
    try:
        with _alone(path):
            before = path.read_bytes() if path.exists() else b""
            after = _joined(path.name, before, entry)
            _replace(path, after)
    except OSError as error:
        raise AdditionError(f"{path.name} can't be written: {error.strerror or error}.") from error


def written(entry: dict[str, Any]) -> str:
    """The entry as TOML, whose strings, numbers and lists of strings are written as JSON's are."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
    return "\n".join(["[[backend]]", *lines, ""])


def _joined(name: str, kept: bytes, entry: dict[str, Any]) -> bytes:
    """The whole text, which has been read again: what was there, and the entry, are in it and nothing else."""
    try:
        before = kept.decode()
        had = tomllib.loads(before).get("backend", [])
    except ValueError as error:
        raise AdditionError(f"{name} can't be read, so nothing is added: {error}.") from error
    if not isinstance(had, list):
        raise AdditionError(f"{name} has no list of backends: write [[backend]], with two brackets, above each.")
    if any(isinstance(each, dict) and each.get("name") == entry["name"] for each in had):
        raise AdditionError(f"{name} has a backend {entry['name']!r} already.")
    after = (f"{before.rstrip()}\n\n" if before.strip() else "") + written(entry)
    try:
        whole = after.encode()
        if tomllib.loads(after).get("backend") == [*had, entry]:
            return whole
    except ValueError:
        pass
    raise AdditionError(f"The entry can't be written to {name} as it is: take plainer words.")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other thread or process writes meanwhile."""
    with _writing, open(path.with_name(f".{path.name}.lock"), "a") as lock:
        _lock(lock.fileno())
        yield


def _replace(path: Path, text: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, path.stat().st_mode & 0o7777 if path.exists() else 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
