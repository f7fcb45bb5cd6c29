"""The Measure tab: one part for each kind of measurement, drawn from JSON that the page asks for.

What the parts share is here and in `assets/measure.js`; what one measures, offers and shows is its own: see `Part`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, NamedTuple, Protocol

import gradio as gr
from fastapi import APIRouter, Body, HTTPException, Request
from fastapi.responses import StreamingResponse

from backends.registry import Registry
from storage.errors import StorageError
from storage.measurements import Measurement
from storage.recorder import Recorder
from storage.store import Store
from suites.measuring import Budget, Busy, Measurable, Measuring
from ui import spreadsheet, viewer
from ui.access import is_admin
from ui.component import Drawn
from ui.context import Context
from ui.effort import Effort
from ui.load import Load
from ui.toolbox import Problem

ADMINS = "Only admins may begin and stop measurements: they take the servers' time, and may cost money."

Form = Annotated[dict[str, Any], Body()]


class Found(NamedTuple):
    """A measurement and what it has found so far."""

    measurement: Measurement
    samples: Sequence[Mapping[str, Any]]


class Part(Protocol):
    """One kind of measurement. Its form and its drawing are `assets/<kind>.html` and `.js`."""

    kind: str
    name: str

    async def choices(self, who: str) -> dict[str, Any]:
        """What the form offers this viewer."""
        ...

    async def planned(self, form: Mapping[str, Any], who: str) -> Measurable:
        """What the form asks for. Raises Problem."""
        ...

    def result(self, found: Found) -> dict[str, Any]:
        """What is drawn of it, while it runs and after. Blocking."""
        ...

    def beside(self, found: Found, other: Found) -> dict[str, Any]:
        """What is drawn of it where `other` is its baseline. Blocking. Raises Problem where that makes no sense."""
        ...

    def rows(self, found: Found) -> Sequence[Mapping[str, Any]]:
        """Its summary, for a table. Blocking."""
        ...


def parts(registry: Registry, store: Store, recorder: Recorder) -> tuple[Part, ...]:
    return Load(registry, store), Context(registry, store), Effort(registry, store, recorder)


def build(offered: Sequence[Part]) -> None:
    with gr.Tabs(selected=offered[0].kind, elem_id="measures"):
        for part in offered:
            with gr.Tab(part.name, id=part.kind):
                Drawn(part.kind, needs=("ask", "tab", "measure", "plot"), elem_id=f"measure-{part.kind}")


def routes(store: Store, measuring: Measuring, offered: Sequence[Part]) -> APIRouter:
    router, by_kind = APIRouter(), {part.kind: part for part in offered}

    @router.get("/measure/{kind}")
    async def overview(kind: str, request: Request) -> dict[str, Any]:
        part = chosen(kind)
        return {
            "choices": await part.choices(viewer.who(request)),
            "admin": is_admin(request),
            "live": running(),
            "measurements": [listed(each) for each in await store.measurements(kind)],
        }

    @router.post("/measure/{kind}/budget")
    async def reckon(kind: str, form: Form, request: Request) -> dict[str, Any]:
        """What it would take, to be agreed on before it starts."""
        admins(request)  # to count the tokens takes a while, too
        planned = await plan(kind, form, request)
        return {"title": planned.title, "budget": asdict(planned.budget)}

    @router.post("/measure/{kind}")
    async def start(kind: str, form: Form, request: Request) -> dict[str, str]:
        """Only within the budget that was `agreed` on."""
        admins(request)
        agreed = form.pop("agreed", None)
        planned = await plan(kind, form, request)
        if not isinstance(agreed, dict) or not within(planned.budget, agreed):
            raise HTTPException(409, "This takes more than was agreed on: look at its budget, then start it.")
        try:
            return {"id": await measuring.start(planned, viewer.who(request))}
        except Busy as error:
            raise HTTPException(409, str(error)) from error

    @router.get("/measurements/{name}.csv")
    async def samples(name: str) -> StreamingResponse:
        """Every sample, a line each."""
        measured = await found(name)
        return spreadsheet.table(measured.samples, f"lanewise-{measured.measurement.kind}-{name[:8]}-samples.csv")

    @router.get("/measurements/{name}/summary.csv")
    async def summary(name: str) -> StreamingResponse:
        measured = await found(name)
        rows = await asyncio.to_thread(chosen(measured.measurement.kind).rows, measured)
        return spreadsheet.table(rows, f"lanewise-{measured.measurement.kind}-{name[:8]}-summary.csv")

    @router.get("/measurements/{name}")
    async def look(name: str, beside: str = "") -> dict[str, Any]:
        measured = await found(name)
        part, live = chosen(measured.measurement.kind), running()
        told = {
            "measurement": listed(measured.measurement),
            "live": live if live and live["id"] == name else None,
            "result": await asyncio.to_thread(part.result, measured),
        }
        if not beside:
            return told
        other = await found(beside)
        if other.measurement.kind != part.kind:
            raise HTTPException(422, "Only two measurements of one kind can stand side by side.")
        try:
            told["beside"] = await asyncio.to_thread(part.beside, measured, other)
        except Problem as problem:
            raise HTTPException(422, str(problem)) from problem
        return told | {"baseline": listed(other.measurement)}

    @router.post("/measurements/{name}/stop")
    async def stop(name: str, request: Request) -> None:
        admins(request)
        if measuring.stop(name):
            await measuring.ended(name)

    @router.post("/measurements/{name}/delete")
    async def delete(name: str, request: Request) -> None:
        admins(request)
        if measuring.stop(name):
            await measuring.ended(name)
        await store.drop_measurement(name)

    def running() -> dict[str, Any] | None:
        live = measuring.live
        if live is None:
            return None
        measured = live.measured
        told = {"id": live.id, "kind": measured.kind, "title": measured.title, "done": live.done}
        return told | {"seconds": live.seconds, "budget": asdict(measured.budget)}

    def chosen(kind: str) -> Part:
        if kind not in by_kind:
            raise HTTPException(404, f"There is no measurement of the kind {kind!r}.")
        return by_kind[kind]

    async def plan(kind: str, form: Mapping[str, Any], request: Request) -> Measurable:
        try:
            return await chosen(kind).planned(form, viewer.who(request))
        except (Problem, StorageError) as problem:
            raise HTTPException(422, str(problem)) from problem

    async def found(name: str) -> Found:
        measurement = await store.measurement(name)
        if measurement is None:
            raise HTTPException(404, "This measurement is not here any more.")
        return Found(measurement, await store.samples_of(name))

    return router


def admins(request: Request) -> None:
    if not is_admin(request):
        raise HTTPException(403, ADMINS)


def within(budget: Budget, agreed: Mapping[str, Any]) -> bool:
    """Is it no more than what a person has agreed on?"""
    limits = [(amount, agreed.get(name)) for name, amount in asdict(budget).items() if amount is not None]
    return all(isinstance(most, int | float) and amount <= most + 1e-9 for amount, most in limits)


def listed(each: Measurement) -> dict[str, Any]:
    """Without its maker, who is nobody's business."""
    return {
        "id": each.id,
        "kind": each.kind,
        "title": each.title,
        "state": each.state,
        "problem": each.plan.get("problem", ""),
        "at": each.created_at.isoformat(),
        "seconds": each.ended_at and (each.ended_at - each.created_at).total_seconds(),
        "samples": each.samples,
        "plan": each.plan,
    }
