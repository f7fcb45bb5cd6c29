"""Lanes kept under a name. What a lane's settings mean is not known here: they are checked where they are used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from storage.errors import PresetError
from storage.schema import presets

LONGEST = 80  # characters of a name


@dataclass(frozen=True, slots=True)
class Preset:
    name: str
    lanes: tuple[dict[str, Any], ...]


def kept(connection: Connection) -> tuple[Preset, ...]:
    """By name."""
    rows = connection.execute(select(presets.c.name, presets.c.lanes).order_by(presets.c.name))
    return tuple(Preset(name, tuple(lanes)) for name, lanes in rows)


def keep(connection: Connection, name: str, lanes: Sequence[Mapping[str, Any]]) -> Preset:
    """In place of one that had this name. Raises PresetError."""
    name = " ".join(name.split())
    if not name:
        raise PresetError("Give the preset a name.")
    if len(name) > LONGEST:
        raise PresetError(f"A preset's name has at most {LONGEST} characters, and this one has {len(name)}.")
    preset = Preset(name, tuple(dict(lane) for lane in lanes))
    drop(connection, name)
    connection.execute(insert(presets).values(name=name, lanes=list(preset.lanes), created_at=datetime.now(UTC)))
    return preset


def drop(connection: Connection, name: str) -> None:
    connection.execute(delete(presets).where(presets.c.name == name))
