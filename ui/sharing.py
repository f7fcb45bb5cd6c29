"""What leaves the page of one comparison: the file that holds all of it, and each lane's request and response. Neither
is to be had while the comparison is sealed for who asks: times, too, tell lanes apart.
"""

import asyncio
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import PlainTextResponse, Response

from backends import snippet
from backends.registry import Registry
from storage.comparison import KeptLane
from storage.recorder import Recorder
from storage.store import Store
from ui import raw, single, viewer
from ui.single import Kept, Part

PATIENCE = 5.0  # seconds to wait for the database
SEALED = "This comparison is blind: rate it, or reveal it, first."


def routes(registry: Registry, store: Store, recorder: Recorder) -> APIRouter:
    router = APIRouter()

    async def kept(run: str, request: Request) -> Kept:
        """All of a comparison that is over and that this viewer may see as it is."""
        showing = await store.show(run, viewer.who(request))
        if showing is None:
            raise HTTPException(404, "no such comparison")
        if showing.sealed:
            raise HTTPException(403, SEALED)
        if (live := recorder.live(run)) and not live.over:
            raise HTTPException(409, "Wait until every lane is done, or stop it.")
        try:
            await asyncio.wait_for(recorder.saved(run), PATIENCE)
        except TimeoutError as error:
            raise HTTPException(503, f"This comparison is not stored yet. {recorder.problem}") from error
        comparison, question = await store.read(run), await store.question(run)
        if comparison is None or question is None:
            raise HTTPException(404, "no such comparison")
        return Kept(comparison, question, showing)

    async def lane(run: str, place: int, request: Request) -> KeptLane:
        lanes = (await kept(run, request)).lanes
        if not 0 <= place < len(lanes):
            raise HTTPException(404, "no such lane")
        return lanes[place]

    async def asked(run: str, place: int, number: int, request: Request) -> snippet.Request:
        """The lane's request of this number, from 1."""
        found = raw.requests(await lane(run, place, request), registry)
        if not 1 <= number <= len(found):
            raise HTTPException(404, "no such request")
        return found[number - 1]

    @router.get("/comparisons/{run}.html")
    async def file(run: str, request: Request, without: Annotated[list[Part] | None, Query()] = None) -> Response:
        whole, left_out = replace(await kept(run, request), samples=await store.samples(run)), without or []
        html = await asyncio.to_thread(single.made, whole, left_out)
        return saved(html.encode(), single.file_name(whole.question, left_out), "text/html; charset=utf-8")

    @router.get("/answers/{run}/{place}/raw")
    async def shown(run: str, place: int, request: Request) -> dict[str, Any]:
        found = await lane(run, place, request)
        return raw.shown(found, raw.requests(found, registry), place, f"answers/{run}/{place}")

    @router.get("/answers/{run}/{place}/response.jsonl")
    async def response(run: str, place: int, request: Request) -> Response:
        found = await lane(run, place, request)
        return saved(raw.response(found.recording), f"{named(run, place)}-response.jsonl", "application/jsonl")

    @router.get("/answers/{run}/{place}/request-{number}.json")
    async def body(run: str, place: int, number: int, request: Request) -> Response:
        found = await asked(run, place, number, request)
        return saved(found.body.encode(), f"{named(run, place)}-request-{number}.json", "application/json")

    @router.get("/answers/{run}/{place}/request-{number}.sh")
    async def shell(run: str, place: int, number: int, request: Request) -> PlainTextResponse:
        return PlainTextResponse(snippet.curl(await asked(run, place, number, request)))

    @router.get("/answers/{run}/{place}/request-{number}.py")
    async def program(run: str, place: int, number: int, request: Request) -> PlainTextResponse:
        return PlainTextResponse(snippet.python(await asked(run, place, number, request)))

    return router


def named(run: str, place: int) -> str:
    return f"lanewise-{run[:8]}-lane-{place + 1}"


def saved(content: bytes, name: str, media_type: str) -> Response:
    return Response(content, headers={"Content-Disposition": f'attachment; filename="{name}"'}, media_type=media_type)
