"""What backends were found to do, check by check. Each is added and never changed; its id is the hash of what it says,
so that it is kept once however often it comes. What a probe asks is not known here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, func, insert, select

from backends.check.result import Check, Exchange, Finding, dumped, loaded
from storage.errors import StorageError
from storage.rows import has
from storage.schema import checks

LONGEST = 20_000  # characters of a text that is kept
CUT = " … (the rest was not kept)"


@dataclass(frozen=True, slots=True)
class Brief:
    """A check without what it found; `failed` is the number of probes."""

    id: str
    backend: str
    at: datetime
    version: str
    failed: int


_BRIEF = checks.c.id, checks.c.backend, checks.c.at, checks.c.version, checks.c.failed
_NEWEST_FIRST = checks.c.at.desc(), checks.c.id


def keep(connection: Connection, check: Check) -> bool:
    """False where it is kept already."""
    check = bounded(check)
    check_id = identity(check)
    if has(connection, checks, check_id):
        return False
    connection.execute(
        insert(checks).values(
            id=check_id,
            backend=check.backend,
            at=check.at,
            version=check.version,
            failed=len(check.failed),
            body=dumped(check),
        )
    )
    return True


def latest(connection: Connection) -> dict[str, tuple[Brief, ...]]:
    """The last check of each backend and, where there is one, that before it."""
    place = func.row_number().over(partition_by=checks.c.backend, order_by=_NEWEST_FIRST).label("place")
    numbered = select(*_BRIEF, place).subquery()
    wanted = select(numbered).where(numbered.c.place <= 2).order_by(numbered.c.backend, numbered.c.place)
    found: dict[str, tuple[Brief, ...]] = {}
    for *told, _ in connection.execute(wanted):
        brief = Brief(*told)
        found[brief.backend] = (*found.get(brief.backend, ()), brief)
    return found


def history(connection: Connection, backend: str, limit: int) -> tuple[Brief, ...]:
    """The newest first."""
    wanted = select(*_BRIEF).where(checks.c.backend == backend).order_by(*_NEWEST_FIRST).limit(limit)
    return tuple(Brief(*told) for told in connection.execute(wanted))


def read(connection: Connection, check_id: str) -> Check | None:
    """Raises StorageError for one that can't be read."""
    body = connection.scalar(select(checks.c.body).where(checks.c.id == check_id))
    try:
        return body and whole(body)
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError(f"The check {check_id} can't be read: `python -m storage verify` says more.") from error


def identity(check: Check) -> str:
    told = json.dumps(dumped(check), sort_keys=True, separators=(",", ":"))
    return sha256(told.encode()).hexdigest()[:32]


def bounded(check: Check) -> Check:
    """As it is kept: its time in UTC, its texts such as a database takes, and none too long."""
    at = check.at if check.at.tzinfo else check.at.replace(tzinfo=UTC)
    return replace(
        check,
        backend=_cut(check.backend),
        kind=_cut(check.kind),
        model=_cut(check.model),
        artifact=_cut(check.artifact),
        version=_cut(check.version),
        at=at.astimezone(UTC),
        findings=tuple(map(_bounded, check.findings)),
    )


def _bounded(finding: Finding) -> Finding:
    return replace(
        finding,
        probe=_cut(finding.probe),
        title=_cut(finding.title),
        said=_cut(finding.said),
        advice=_cut(finding.advice),
        exchanges=tuple(Exchange(_cut(one.sent), _cut(one.came)) for one in finding.exchanges),
    )


def _cut(text: str) -> str:
    text = text.replace("\0", "\ufffd").encode(errors="replace").decode()  # half a character is none
    return text if len(text) <= LONGEST else text[: LONGEST - len(CUT)] + CUT


def whole(body: Mapping[str, Any]) -> Check:
    """Raises KeyError, TypeError or ValueError for what is no check, down to its last text."""
    check = loaded(body)
    texts = [check.backend, check.kind, check.model, check.artifact, check.version]
    for each in check.findings:
        texts += [each.probe, each.title, each.said, each.advice]
        texts += [text for one in each.exchanges for text in (one.sent, one.came)]
        if not isinstance(each.seconds, int | float):
            raise TypeError(f"the seconds of {each.probe!r} must be a number")
    if wrong := [each for each in texts if not isinstance(each, str)]:
        raise TypeError(f"{wrong[0]!r} must be text")
    if not check.backend:
        raise ValueError("the backend has no name")
    return check
