"""The app over HTTP: the page, and beside it pictures, exports and health. Nothing asks for a foreign address."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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
from ui.access import account
from ui.asking import MOST_SAMPLES
from ui.door.door import Door
from ui.door.gate import SAFE, route
from ui.door.proxy import Named
from ui.events import Events
from ui.examples import PICTURES

log = logging.getLogger(__name__)

# the page's own inline scripts and its template engine need the two 'unsafe' words; nothing foreign is ever allowed
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'"
)
NEEDLESS = "camera", "display-capture", "geolocation", "hid", "microphone", "midi", "payment", "serial", "usb"
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"permissions-policy": ", ".join(f"{each}=()" for each in NEEDLESS).encode(),
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"x-frame-options": b"DENY",
}
SECURELY = {b"strict-transport-security": b"max-age=31536000"}
# what somebody uploaded is looked at, and never runs
UPLOADED = {b"content-security-policy": b"default-src 'none'; style-src 'unsafe-inline'; sandbox"}
PAGES = ("/", "/rate", "/rate/")
HEALTH = ("/healthz", "/rate/healthz", "/readyz")
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
        secure = scope["scheme"] == "https"
        known = viewer.token(dict(scope["headers"]).get(b"cookie", b"").decode("latin-1"))

        async def guarded(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                said = message.get("headers", [])
                mine = HEADERS | (SECURELY if secure else {}) | (UPLOADED if "/gradio_api/file=" in path else {})
                added = [each for each in mine.items() if each[0] not in dict(said)]
                if path in PAGES and not known and not account(Request(scope)).id:
                    added.append((b"set-cookie", viewer.new(scope.get("root_path") or "/", secure).encode()))
                message["headers"] = [*said, *added]
            await send(message)

        path, headers = route(scope), dict(scope["headers"])
        if "/gradio_api/proxy=" in path or ("/gradio_api/file=" in path and "://" in path.replace(":/", "://")):
            await PlainTextResponse("Lanewise fetches nothing from elsewhere.", 403)(scope, receive, guarded)
            return
        if scope["method"] not in SAFE and not is_own(headers):
            await PlainTextResponse("Lanewise takes nothing from other pages.", 403)(scope, receive, guarded)
            return
        await self.app(scope, receive, guarded)


def is_own(headers: Mapping[bytes, bytes]) -> bool:
    """Does a page of ours ask, as far as its browser tells? Other clients tell nothing, and have no cookie to lend."""
    if (origin := headers.get(b"origin")) is not None:
        return origin.partition(b"://")[2] == headers.get(b"host")
    return headers.get(b"sec-fetch-site", b"same-origin") in (b"same-origin", b"none")


class Hosts(TrustedHostMiddleware):
    """Whoever asks how the app is does so by any name: it tells nothing else."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        free = scope["type"] == "http" and route(scope) in HEALTH
        await (self.app(scope, receive, send) if free else super().__call__(scope, receive, send))


def named(app: FastAPI, hosts: Sequence[str]) -> None:
    """Only these names lead in: the one that a proxy was asked by, and the one by which it asks itself. A page that
    points its own name here can't change that one, and says what a proxy would say as well."""
    app.add_middleware(Hosts, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(Named)
    app.add_middleware(Hosts, allowed_hosts=list(hosts), www_redirect=False)


def build(
    registry: Registry,
    store: Store,
    recorder: Recorder,
    discovery: Discovery,
    hosts: Sequence[str] = LOOPBACK,
    door: Door | None = None,
) -> FastAPI:
    """The whole app; `discovery` runs as long as it does. When it ends, running lanes are marked and everything is
    written.

    `hosts` are the names under which browsers may ask for it: with any other, a foreign page could read it by pointing
    its own name here.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await door.start()
        discovery.start()
        recorder.start()
        yield
        await second.aclose()
        await door.aclose()
        await discovery.aclose()
        await checking.aclose()
        await measuring.aclose()
        await recorder.aclose()
        await registry.aclose()
        jobs.close()
        store.close()

    door = door or Door()
    door.watch.follow(store, recorder)
    word, looking, jobs = secrets.token_hex(8), CapacityLimiter(LOOKING), exporting.Jobs(store)
    checking, board = Checking(registry, store), check.Board(store)
    measuring, parts = Measuring(store), measure.parts(registry, store, recorder)
    app = FastAPI(title="Lanewise", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Events)
    door.inward(app)
    app.add_middleware(Guard)
    named(app, hosts)
    door.outward(app)

    @app.exception_handler(StorageError)
    async def unusable(_: Request, error: StorageError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503)

    beside = APIRouter()  # what both pages ask for, each beside its own address

    @beside.get("/healthz")
    async def health(request: Request) -> dict[str, Any]:
        """`app` is another word after each start; `login`: who asks is not logged in, and must be. What is wrong with
        the database is for the others."""
        login = door.settings.login and not account(request).id
        return {"status": "ok", "problem": "" if login else recorder.problem, "app": word, "login": login}

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

    app.include_router(door.routes(store, recorder))
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
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        return mount(app, rate.build(store, recorder), max_file_size="1b")  # it takes no files

    app.mount("/pictures", StaticFiles(directory=PICTURES))
    app.include_router(beside)
    app.include_router(beside, prefix="/rate")
    second = Later(rating)
    app.mount("/rate", second)
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

    async def aclose(self) -> None:
        await self._lives.aclose()


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
