"""The app over HTTP: the page, and beside it pictures, exports and health. Nothing asks for a foreign address."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Annotated, Any, Literal

import gradio as gr
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Body, FastAPI, HTTPException, Query, Request
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from backends.discovery import Discovery
from backends.registry import Registry
from backends.runner import Run
from storage.errors import StorageError
from storage.images import mime
from storage.recorder import Recorder
from storage.showing import Showing
from storage.store import Store
from suites.checking import Checking
from suites.measuring import Measuring
from ui import backends, check, effort, exporting, measure, page, presentation, rate, serve, sharing, viewer
from ui.asking import MOST_SAMPLES
from ui.examples import PICTURES

log = logging.getLogger(__name__)

# the page's own inline scripts and its template engine need the two 'unsafe' words; nothing foreign is ever allowed
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
PAGES = ("/", "/rate", "/rate/")
LOOPBACK = ("127.0.0.1", "localhost")
LOOKING = 8  # images fetched at once: where their bucket does not answer, threads are left for all else
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}


class Guard:
    """Adds the security headers and the viewer's cookie, and closes Gradio's proxies: through them an answer's image
    could reach the net."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if "/gradio_api/proxy=" in path or ("/gradio_api/file=" in path and "://" in path.replace(":/", "://")):
            await PlainTextResponse("Lanewise fetches nothing from elsewhere.", 403)(scope, receive, send)
            return

        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if scope["method"] == "POST" and origin and origin.partition(b"://")[2] != headers.get(b"host"):
            await PlainTextResponse("Lanewise takes nothing from other pages.", 403)(scope, receive, send)
            return

        stranger = path in PAGES and not viewer.token(headers.get(b"cookie", b"").decode("latin-1"))

        async def guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                cookie = [(b"set-cookie", viewer.new().encode())] if stranger else []
                message["headers"] = [*message.get("headers", []), *HEADERS, *cookie]
            await send(message)

        await self.app(scope, receive, guarded)


def build(
    registry: Registry, store: Store, recorder: Recorder, discovery: Discovery, hosts: Sequence[str] = LOOPBACK
) -> FastAPI:
    """The whole app; `discovery` runs as long as it does. When it ends, running lanes are marked and everything is
    written.

    `hosts` are the names under which browsers may ask for it: with any other, a foreign page could read it by pointing
    its own name here.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        discovery.start()
        recorder.start()
        yield
        await discovery.aclose()
        await checking.aclose()
        await measuring.aclose()
        await recorder.aclose()
        await registry.aclose()
        jobs.close()
        store.close()

    word, looking, jobs = secrets.token_hex(8), CapacityLimiter(LOOKING), exporting.Jobs(store)
    checking, board = Checking(registry, store), check.Board(store)
    measuring, parts = Measuring(store), measure.parts(registry, store, recorder)
    app = FastAPI(title="Lanewise", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))

    @app.exception_handler(StorageError)
    async def unusable(_: Request, error: StorageError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503)

    beside = APIRouter()  # what both pages ask for, each beside its own address

    @beside.get("/healthz")
    async def health() -> dict[str, str]:
        """`app` is another word after each start."""
        return {"status": "ok", "problem": recorder.problem, "app": word}

    async def checked() -> dict[str, dict[str, Any]]:
        """The marks of backends whose last check failed; a database in trouble keeps nobody from seeing the rest."""
        with suppress(StorageError):
            return check.marks(registry, await board.last())
        return {}

    @app.get("/backends.json")
    async def servers() -> list[dict[str, Any]]:
        return backends.listed(registry, discovery, await checked())

    @app.post("/backends/{name:path}/refresh")
    async def refresh(name: str) -> dict[str, Any]:
        """Asks a server again, and answers when it has."""
        backend = registry.find(name)
        if backend is None:
            raise HTTPException(404, "no such backend")
        return backends.shown(registry, backend, await discovery.refresh(name), await checked())

    @beside.get("/images/{sha256}")
    async def image(sha256: str) -> Response:
        try:
            data = await to_thread.run_sync(store.images.read, sha256, limiter=looking)
        except KeyError as error:
            raise HTTPException(404, "no such image") from error
        return Response(data, media_type=mime(data), headers=FOREVER)

    @beside.get("/answers/{run}/{place}")
    async def answer(
        run: str, place: int, request: Request, sample: Annotated[int, Query(ge=0, lt=MOST_SAMPLES)] = 0
    ) -> PlainTextResponse:
        """The text to the letter of the answer that this viewer sees at `place`, for the copy button."""
        showing = await store.show(run, viewer.who(request))
        if showing is None or not 0 <= place < len(showing.order) or (sample and showing.sealed):
            raise HTTPException(404, "no such answer")
        live, position = recorder.live(run), showing.order[place]  # what has just ended is stored a moment later
        if showing.sealed:
            text = await disclosed(store, showing, live, place)
        else:
            position += sample * len(showing.order)
            text = await said(store, run, live, position)
        if text is None:
            raise HTTPException(404, "no such answer")
        return PlainTextResponse(text)

    app.include_router(sharing.routes(registry, store, recorder))
    app.include_router(exporting.routes(store, jobs))
    app.include_router(serve.routes(registry, discovery))
    app.include_router(check.routes(registry, store, discovery, checking, board))
    app.include_router(effort.routes(store))
    app.include_router(measure.routes(store, measuring, parts))

    @app.get("/rate")
    def beneath(asked: Request) -> RedirectResponse:
        """The page's own files lie beneath it."""
        return RedirectResponse(f"rate/?{asked.url.query}".rstrip("?"))

    @app.post("/rate/{act}")
    async def keep(
        act: Literal["hold", "leave"], runs: Annotated[list[str], Body(max_length=9)], asked: Request
    ) -> None:
        """Keeps an evaluator's places in the queue for longer, or gives them back."""
        change = store.hold if act == "hold" else store.release
        await change(viewer.who(asked), runs)

    def rating() -> FastAPI:
        return mount(FastAPI(), rate.build(store, recorder), max_file_size="1b")  # it takes no files

    app.mount("/pictures", StaticFiles(directory=PICTURES))
    app.include_router(beside)
    app.include_router(beside, prefix="/rate")
    app.mount("/rate", Later(rating))
    return mount(app, page.build(registry, store, recorder, discovery, parts))


class Later:
    """An app that is made when it is first asked for. The rating page would make every start longer by a tenth.

    A layout that a handler made meanwhile would become part of it: handlers return `gr.update`.
    """

    def __init__(self, make: Callable[[], FastAPI]) -> None:
        self._make, self._making, self._lives = make, asyncio.Lock(), AsyncExitStack()
        self._app: FastAPI | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        async with self._making:
            if self._app is None:
                app = await asyncio.to_thread(self._make)
                await self._lives.enter_async_context(app.router.lifespan_context(app))
                self._app = app
        await self._app(scope, receive, send)


def mount(app: FastAPI, blocks: gr.Blocks, **settings: Any) -> FastAPI:
    # mounted, Gradio would go on thinking that it is being built, when it hands out any file that it is asked for
    blocks.has_launched = True
    blocks.max_threads = 200
    blocks.state_session_capacity = 500
    blocks.queue(default_concurrency_limit=None)
    return gr.mount_gradio_app(app, blocks, path="/", **page.settings() | settings)


async def said(store: Store, run: str, live: Run | None, position: int) -> str | None:
    if live is None:
        return await store.answer_text(run, position)
    answers = live.answers()
    return answers[position].text if position in range(len(answers)) else None


async def disclosed(store: Store, showing: Showing, live: Run | None, place: int) -> str | None:
    """The text as far as this viewer may see it now."""
    question = await store.question(showing.comparison_id)
    every = live.answers() if live else [each.answer for each in await store.answered(showing.comparison_id)]
    return question and presentation.text(question, showing, [every[position] for position in showing.order], place)
