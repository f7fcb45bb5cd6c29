"""Checks that run, or ended before their end: what each has found so far, one of each backend at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from backends.check.result import Check, Finding, dumped
from storage.checks import bounded, whole
from storage.schema import replicas, unfinished

State = Literal["running", "stopped", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Partial:
    """`of` so many probes; `problem` says in words what ended it, where something did."""

    backend: str
    of: int
    findings: Sequence[Finding]
    state: State
    problem: str = ""


def keep(connection: Connection, partial: Partial, replica: str) -> None:
    """In place of what was found of this backend before."""
    drop(connection, partial.backend)
    so_far = Check(partial.backend, "", "", "", "", datetime.now(UTC), tuple(partial.findings))
    row = {"backend": partial.backend, "replica": replica, "state": partial.state, "probes": partial.of}
    connection.execute(insert(unfinished).values(row | {"problem": partial.problem, "body": dumped(bounded(so_far))}))


def drop(connection: Connection, backend: str) -> None:
    connection.execute(delete(unfinished).where(unfinished.c.backend == backend))


def interrupt(connection: Connection) -> None:
    """Ends every one that is run by no app that is here; what it has found stays."""
    lost = unfinished.c.replica.not_in(select(replicas.c.id))
    connection.execute(update(unfinished).where(unfinished.c.state == "running", lost).values(state="interrupted"))


def found(connection: Connection) -> dict[str, Partial]:
    """By backend."""
    rows = connection.execute(select(unfinished)).all()
    return {
        row.backend: Partial(row.backend, row.probes, whole(row.body).findings, row.state, row.problem) for row in rows
    }
