"""The door in one piece: its routes, and what each request passes on its way in."""

import hmac
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.middleware.sessions import SessionMiddleware

from storage.errors import StorageError
from storage.recorder import Recorder
from storage.store import Store
from ui.access import Account, account
from ui.door import login
from ui.door.cookies import Cookies
from ui.door.gate import Gate, route
from ui.door.logouts import Logouts
from ui.door.proxy import Proxy
from ui.door.session import Sessions
from ui.door.settings import Settings
from ui.door.watch import Watch, Watched

ON_THE_WAY = 600  # seconds that somebody may spend at their provider


class Door:
    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.watch, self.stopping = Watch(), False
        self.cookies = Cookies(self.settings.life)
        self.sessions = self._sessions() if self.settings.login else None
        self._logouts: Logouts | None = None

    def _sessions(self) -> Sessions:
        return Sessions(self.settings.secret, self._proof, self.settings.idle, self.settings.life)

    def _proof(self, one: Account) -> tuple[str, Account] | None:
        """What this account stands on: a password, or what its provider's people may do."""
        users, provider = self.settings.users, self.settings.provider
        if one.id.startswith("user:") and users and (user := users.find(one.id.removeprefix("user:"))):
            return user.password, Account(one.id, user.name, user.role)
        if provider and one.id.startswith(f"oidc:{provider.issuer}:"):
            allowed = sorted(provider.admins), sorted(provider.evaluators), provider.client_id, provider.claim
            return repr(allowed), one
        return None

    def inward(self, app: FastAPI) -> None:
        """What comes before the app's own: the first here is passed last."""
        app.add_middleware(Gate, settings=self.settings, sessions=self.sessions, cookies=self.cookies)
        if self.settings.provider:
            app.add_middleware(Underway, secret=self.settings.secret)

    def outward(self, app: FastAPI) -> None:
        """What comes before all else."""
        app.add_middleware(Watched, watch=self.watch)
        app.add_middleware(Proxy, settings=self.settings)

    def routes(self, store: Store, recorder: Recorder) -> APIRouter:
        router = APIRouter()

        @router.get("/readyz")
        async def ready() -> JSONResponse:
            """Whether to send people here."""
            why = "stopping" if self.stopping else "storage" if recorder.problem else ""
            if not why:
                try:
                    await store.question("")
                except StorageError:
                    why = "storage"
            return JSONResponse({"status": why or "ready"}, 503 if why else 200)

        @router.get("/metrics")
        async def metrics(request: Request) -> Response:
            if not self._may_count(request):
                return PlainTextResponse("Send METRICS_TOKEN as a bearer token, or log in as an admin.", 401)
            return Response(await self.watch.told(store), media_type="text/plain; version=0.0.4; charset=utf-8")

        if self.sessions:
            users, provider = self.settings.users, self.settings.provider
            oidc = None
            if provider:
                from ui.door.oidc import Oidc  # who has no provider need not wait for its library

                oidc = Oidc(provider)
            self._logouts = Logouts(store, self.sessions)
            failed = self.watch.login_failed
            router.include_router(login.routes(users, oidc, self.sessions, self._logouts, self.cookies, failed))
        return router

    async def start(self) -> None:
        """Before anybody comes. Raises StorageError."""
        if self._logouts:
            await self._logouts.start()

    async def aclose(self) -> None:
        if self._logouts:
            await self._logouts.aclose()

    def _may_count(self, request: Request) -> bool:
        token, sent = self.settings.metrics_token, request.headers.get("authorization", "")
        if token and hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
            return True
        if self.sessions:
            return account(request).role == "admin"
        return self.settings.near and not token


class Underway:
    """The short session of a login that is at its provider: another cookie than the one that is got by it."""

    def __init__(self, app: Any, secret: str) -> None:
        self._app = app
        settings = {"secret_key": secret, "session_cookie": "lanewise_underway", "max_age": ON_THE_WAY}
        self._kept = {safe: SessionMiddleware(app, https_only=safe, **settings) for safe in (True, False)}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        wanted = scope["type"] == "http" and route(scope).startswith("/login/")
        await (self._kept[scope["scheme"] == "https"] if wanted else self._app)(scope, receive, send)
