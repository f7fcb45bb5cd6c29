"""Measurements and their samples. What a plan or a sample says is not known here: whoever measures decides."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from storage.errors import RunLost
from storage.schema import measurements, replicas, samples

Ending = Literal["done", "stopped", "failed", "interrupted"]
Body = Mapping[str, Any]  # of JSON

AT_ONCE = 100  # in a list


@dataclass(frozen=True, slots=True)
class Measurement:
    """`state` is `running` or an `Ending`; `maker`, the viewer who began it; `samples`, how many there are so far. The
    plan is as it was begun, with a `problem` in words where one ended it."""

    id: str
    kind: str
    title: str
    maker: str
    state: str
    created_at: datetime
    ended_at: datetime | None
    plan: dict[str, Any]
    samples: int


def begin(connection: Connection, kind: str, title: str, maker: str, plan: Body, replica: str) -> str:
    row = {"id": uuid.uuid4().hex, "kind": kind, "title": title, "maker": maker, "replica": replica}
    more = {"created_at": datetime.now(UTC), "state": "running", "plan": dict(plan)}
    connection.execute(insert(measurements).values(row | more))
    return row["id"]


def append(connection: Connection, measurement_id: str, first: int, bodies: Sequence[Body]) -> None:
    """Samples numbered from `first`; those that are there already stay. Raises RunLost where it has ended."""
    running = select(measurements.c.id).where(measurements.c.id == measurement_id, measurements.c.state == "running")
    if connection.scalar(running) is None:
        raise RunLost(f"measurement {measurement_id} was ended by another app, or is gone")
    # a write of which nobody knows whether it was done comes again
    there = connection.scalar(_counted(samples.c.measurement_id == measurement_id)) or 0
    rows = [
        {"measurement_id": measurement_id, "number": number, "body": dict(body)}
        for number, body in enumerate(bodies, first)
        if number >= there
    ]
    if rows:
        connection.execute(insert(samples), rows)


def end(connection: Connection, measurement_id: str, state: Ending, problem: str = "") -> None:
    """Nothing happens where it has ended already."""
    own = measurements.c.id == measurement_id, measurements.c.state == "running"
    if (plan := connection.scalar(select(measurements.c.plan).where(*own))) is not None:
        plan |= {"problem": problem} if problem else {}
        connection.execute(update(measurements).where(*own).values(state=state, ended_at=datetime.now(UTC), plan=plan))


def interrupt(connection: Connection) -> None:
    """Ends every one that is run by no app that is here; what it has found stays."""
    lost = measurements.c.replica.not_in(select(replicas.c.id))
    ended = {"state": "interrupted", "ended_at": datetime.now(UTC)}
    connection.execute(update(measurements).where(measurements.c.state == "running", lost).values(ended))


def listed(connection: Connection, kind: str = "", limit: int = AT_ONCE) -> tuple[Measurement, ...]:
    """The newest first; of all kinds unless one is named."""
    wanted = _found().order_by(measurements.c.created_at.desc(), measurements.c.id).limit(limit)
    rows = connection.execute(wanted.where(measurements.c.kind == kind) if kind else wanted)
    return tuple(map(_measurement, rows))


def measurement(connection: Connection, measurement_id: str) -> Measurement | None:
    row = connection.execute(_found().where(measurements.c.id == measurement_id)).one_or_none()
    return None if row is None else _measurement(row)


def samples_of(connection: Connection, measurement_id: str) -> tuple[dict[str, Any], ...]:
    """In the order in which they came."""
    own = samples.c.measurement_id == measurement_id
    return tuple(connection.scalars(select(samples.c.body).where(own).order_by(samples.c.number)))


def drop(connection: Connection, measurement_id: str) -> None:
    """With its samples; one that runs ends with it."""
    connection.execute(delete(samples).where(samples.c.measurement_id == measurement_id))
    connection.execute(delete(measurements).where(measurements.c.id == measurement_id))


def _counted(wanted: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(samples).where(wanted)


def _found() -> Select[Any]:
    own = _counted(samples.c.measurement_id == measurements.c.id).correlate(measurements).scalar_subquery()
    return select(measurements, own.label("samples"))


def _measurement(row: Row[Any]) -> Measurement:
    return Measurement(
        row.id,
        row.kind,
        row.title,
        row.maker,
        row.state,
        row.created_at,
        row.ended_at,
        row.plan,
        row.samples,
    )
