"""The Check tab: what every backend was found to do, probe by probe, and what has changed since.

The matrix is JSON that the page asks for; what was sent and what came back is text, asked for one finding at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse

from backends.check import suite
from backends.check.against import trend
from backends.check.result import Check, Finding, dumped
from backends.discovery import Discovery
from backends.registry import Registry
from storage.checks import Brief
from storage.store import Store
from storage.unfinished import Partial
from suites.checking import Checking, Progress
from ui import access, spreadsheet
from ui.component import Drawn

MOST = 100  # backends named in one request

Last = tuple[Check, Check | None]
"""The last check of a backend, and the one before."""


class Board:
    """The last checks of all backends, read once each: they don't change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, Check] = {}

    async def last(self) -> dict[str, tuple[Brief, Last]]:
        """By backend, declared or not; what is written about the last one comes first."""
        latest = await self._store.latest_checks()
        ids = [brief.id for briefs in latest.values() for brief in briefs]
        read = {each: self._read.get(each) or await self._store.check(each) for each in ids}
        self._read = {each: check for each, check in read.items() if check}
        found = {}
        for name, (brief, *before) in latest.items():
            if check := self._read.get(brief.id):
                found[name] = brief, (check, self._read.get(before[0].id) if before else None)
        return found


def marks(registry: Registry, last: Mapping[str, tuple[Brief, Last]]) -> dict[str, dict[str, Any]]:
    """Of each backend whose last check failed: how, in a few words. None of one that was declared otherwise then."""
    return {
        name: {
            "failed": len(check.failed),
            "of": len(check.findings),
            "titles": [finding.title for finding in check.failed],
            "at": check.at,
        }
        for name, (_, (check, _)) in last.items()
        if check.failed and not changed_since(registry, check)
    }


def changed_since(registry: Registry, check: Check) -> bool:
    """Is the backend declared otherwise now?"""
    backend = registry.find(check.backend)
    now = backend and (backend.kind, backend.model, backend.artifact)
    return now is not None and now != (check.kind, check.model, check.artifact)


def cells(findings: Sequence[Finding], before: Check | None) -> dict[str, dict[str, str]]:
    """Each probe's verdict, and how it differs from what was found before."""
    earlier = {finding.probe: finding.verdict for finding in before.findings} if before else {}

    def change(finding: Finding) -> str:
        return trend(earlier[finding.probe], finding.verdict) if finding.probe in earlier else "new"

    return {each.probe: {"verdict": each.verdict, "change": change(each) if before else ""} for each in findings}


async def state(
    registry: Registry, discovery: Discovery, checking: Checking, board: Board, may: bool
) -> dict[str, Any]:
    """All that the matrix shows; `may`: who looks may begin and stop checks."""
    last, unfinished = await board.last(), await checking.unfinished()
    rows = {probe.name: probe.title for probe in suite.probes()}
    for _, (check, _) in last.values():  # a probe that is no more, or one of a newer Lanewise
        rows |= {each.probe: each.title for each in check.findings if each.probe not in rows}
    declared = [backend.name for backend in registry.backends]
    return {
        "may": may,
        "probes": [{"name": name, "title": title} for name, title in rows.items()],
        "backends": [
            column(registry, discovery, name, last.get(name), unfinished.get(name))
            for name in [*declared, *(name for name in last if name not in declared)]
        ],
    }


def column(
    registry: Registry,
    discovery: Discovery,
    name: str,
    last: tuple[Brief, Last] | None,
    progress: Progress | Partial | None,
) -> dict[str, Any]:
    brief, (check, before) = last or (None, (None, None))
    backend = registry.find(name)
    kind, model, artifact = (
        (registry.kind(backend).title, backend.model, backend.artifact)
        if backend
        else (check.kind, check.model, check.artifact)
    )
    return {
        "name": name,
        "title": kind,
        "model": model,
        "artifact": artifact,
        "declared": backend is not None,
        "reach": discovery.status(name).reach if backend else "",
        "last": check
        and {
            "id": brief.id,
            "at": check.at,
            "version": check.version,
            "before": before and before.at,
            "otherwise": changed_since(registry, check),
            "cells": cells(check.findings, before),
        },
        "progress": progress
        and {
            "state": progress.state,
            "problem": progress.problem,
            "of": progress.of,
            "cells": cells(progress.findings, check),
        },
    }


def told(finding: Finding) -> dict[str, Any]:
    return {
        "probe": finding.probe,
        "title": finding.title,
        "verdict": finding.verdict,
        "said": finding.said,
        "advice": finding.advice,
        "seconds": finding.seconds,
        "exchanges": [asdict(each) for each in finding.exchanges],
    }


def of_probe(findings: Sequence[Finding], probe: str) -> dict[str, Any] | None:
    return next((told(finding) for finding in findings if finding.probe == probe), None)


def table(last: Mapping[str, tuple[Brief, Last]]) -> list[list[str]]:
    """The matrix for a spreadsheet: a row for each probe, a column for each backend that was checked."""
    checks = [check for _, (check, _) in last.values()]
    titles = {finding.probe: finding.title for check in checks for finding in check.findings}
    found = [{finding.probe: finding.verdict.value for finding in check.findings} for check in checks]
    return [
        ["probe", "title", *(check.backend for check in checks)],
        ["", "checked at", *(check.at.isoformat(timespec="seconds") for check in checks)],
        ["", "server version", *(check.version for check in checks)],
        *([probe, title, *(verdicts.get(probe, "") for verdicts in found)] for probe, title in titles.items()),
    ]


def routes(
    registry: Registry,
    store: Store,
    discovery: Discovery,
    checking: Checking,
    board: Board,
    is_admin: Callable[[Request], bool] = access.is_admin,
) -> APIRouter:
    """Everybody may look. Only admins begin and stop checks, whose questions may cost money."""
    router = APIRouter()

    @router.get("/checks/state")
    async def shown(request: Request) -> dict[str, Any]:
        return await state(registry, discovery, checking, board, is_admin(request))

    @router.get("/checks/finding")
    async def finding(backend: str, probe: str, live: bool = False) -> dict[str, Any]:
        """What one probe found, with what was sent and came: in the check that runs, or the last one that is kept."""
        _, (check, before) = (await board.last()).get(backend, (None, (None, None)))
        progress = (await checking.unfinished()).get(backend) if live else None
        if progress:
            found, at, earlier = of_probe(progress.findings, probe), None, check
        else:
            found, at, earlier = of_probe(check.findings if check else (), probe), check and check.at, before
        if found is None:
            raise HTTPException(404, "Nothing is known of this any more: close this, and look again.")
        was = of_probe(earlier.findings, probe) if earlier else None
        return {**found, "at": at, "before": was and {**was, "exchanges": [], "at": earlier.at}}

    @router.get("/checks/history")
    async def history(backend: str) -> list[dict[str, Any]]:
        return [asdict(brief) for brief in await store.checks_of(backend)]

    @router.post("/checks/start")
    async def start(
        names: Annotated[list[str], Body(alias="backends", max_length=MOST)],
        request: Request,
        reference: Annotated[str, Body()] = "",
    ) -> None:
        admitted(request)
        try:
            checking.start(names, reference)
        except KeyError as error:
            raise HTTPException(404, f"There is no backend {error.args[0]!r}.") from error

    @router.post("/checks/stop")
    async def stop(
        names: Annotated[list[str], Body(alias="backends", embed=True, max_length=MOST)], request: Request
    ) -> None:
        admitted(request)
        checking.stop(names)

    @router.get("/checks.json")
    async def export(backend: str | None = None, check: str | None = None) -> JSONResponse:
        """As the command writes it: the last checks of all backends or of one, or that check."""
        if check is not None:
            one = await store.check(check)
            found = [one] if one else []
        else:
            found = [last for name, (_, (last, _)) in (await board.last()).items() if backend in (None, name)]
        if not found and (backend or check):
            raise HTTPException(404, "There is no such check.")
        headers = {"content-disposition": 'attachment; filename="lanewise-checks.json"'}
        return JSONResponse([dumped(each) for each in found], headers=headers)

    @router.get("/checks.csv")
    async def export_table() -> StreamingResponse:
        return spreadsheet.lines(table(await board.last()), "lanewise-checks.csv")

    def admitted(request: Request) -> None:
        if not is_admin(request):
            raise HTTPException(403, "Only admins may begin and stop checks.")

    return router


def build() -> None:
    Drawn("check", needs=("ask", "tab", "sheet"), elem_id="check")
