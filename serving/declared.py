"""TOML tables as dataclasses: every key is one of its fields, of its type. It knows no recipe."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class DeclarationError(ValueError):
    """What is wrong in a file, and where."""


def files(folder: Path, kind: type[T]) -> Iterator[T]:
    """Each file of the folder, in the order of their names."""
    for path in sorted(folder.glob("*.toml")):
        yield read(path, kind)


def read(path: Path, kind: type[T]) -> T:
    """Raises DeclarationError, naming the file and the key."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DeclarationError(f"{path.name} can't be read: {error}.") from error
    try:
        return made(kind, found, "")
    except ValueError as error:
        raise DeclarationError(f"{path.name}: {error}.") from error


def made(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    types = get_type_hints(kind)
    known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise ValueError(f"unknown key `{where}{key}`; allowed are {', '.join(known)}")
    for name, each in known.items():
        if name not in table and each.default is MISSING and each.default_factory is MISSING:
            raise ValueError(f"`{where}{name}` is missing")
    return kind(**{key: _fitting(types[key], value, f"{where}{key}") for key, value in table.items()})


def _fitting(wanted: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin is UnionType:  # something, or None where it is left out
        return _fitting(inner[0], value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"`{where}` must be a list")
        return tuple(_fitting(inner[0], each, f"{where}.{n}") for n, each in enumerate(value, 1))
    if origin is Mapping or is_dataclass(wanted):
        if not isinstance(value, dict):
            raise ValueError(f"`{where}` must be a table")
        if is_dataclass(wanted):
            return made(wanted, value, f"{where}.")  # type: ignore[arg-type]
        return {key: _fitting(inner[1], each, f"{where}.{key}") for key, each in value.items()}
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise ValueError(f"`{where}` must be {WORDS[wanted]}")
    return value
