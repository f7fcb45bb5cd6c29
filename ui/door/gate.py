"""The gate: who comes is known, or sent to log in; what comes is no larger, and no more at once, than it may be.

Beyond it stands everything: pages, Gradio's own routes and streams, files, exports. Before it, what `FREE` names.
"""

from collections import Counter
from typing import Any

from fastapi.responses import PlainTextResponse, Response

from ui.access import Account
from ui.door.cookies import Cookies
from ui.door.login import stranger
from ui.door.session import Session, Sessions
from ui.door.settings import Settings

FREE = frozenset(
    {"/healthz", "/rate/healthz", "/readyz", "/metrics", "/login", "/logout", "/login.css", "/login/provider"}
    | {"/login/return"}
    | {f"/static/fonts/SourceSansPro/SourceSansPro-{weight}.woff2" for weight in ("Regular", "Bold")}  # the login's
    | {"/manifest.json", "/rate/manifest.json"}  # browsers ask for these without cookies
)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
STREAMS = (
    "/gradio_api/queue/data",
    "/gradio_api/heartbeat/",
    "/gradio_api/dev/reload",
    "/gradio_api/upload_progress",
    "/export/",
)
A_LOGIN = 16_000  # bytes


def route(scope: dict[str, Any]) -> str:
    """The path without what a proxy keeps for us."""
    return scope["path"].removeprefix(scope.get("root_path", "")) or "/"


class Gate:
    def __init__(self, app: Any, settings: Settings, sessions: Sessions | None, cookies: Cookies) -> None:
        self._app, self._settings, self._sessions, self._cookies = app, settings, sessions, cookies
        self.streams: Counter[str] = Counter()
        """How many each client has open."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":  # there is nothing that wants one
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, session = route(scope), self._session(scope)
        scope.setdefault("state", {})["account"] = session.account if session else self._anyone()
        if self._sessions and not session and path not in FREE:
            await stranger(scope, _header(scope, b"accept"))(scope, receive, send)
            return
        renewed = ""
        if session and self._sessions and path not in FREE:
            renewed = self._sessions.renewed(session)

        async def answer(message: dict[str, Any]) -> None:
            if renewed and message["type"] == "http.response.start":
                cookie = b"set-cookie", self._cookies.renewed(scope, renewed).encode()
                message["headers"] = [*message.get("headers", []), cookie]
            await send(message)

        if scope["method"] not in SAFE:
            await Bounded(self._app, self._bound(path))(scope, receive, answer)
        elif any(each in path for each in STREAMS):
            await self._streaming(scope, receive, answer)
        else:
            await self._app(scope, receive, answer)

    def _session(self, scope: dict[str, Any]) -> Session | None:
        token = self._cookies.session(scope) if self._sessions else ""
        return self._sessions.read(token) if self._sessions and token else None

    def _anyone(self) -> Account:
        """Whoever is not logged in: where there is a login, nobody who may do anything."""
        return Account(role="evaluator" if self._sessions else self._settings.anyone)

    def _bound(self, path: str) -> int:
        if path in FREE:
            return A_LOGIN
        bounds = self._settings.bounds
        return bounds.upload if path == "/gradio_api/upload" else bounds.body

    async def _streaming(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        who = scope["state"]["account"].id or (scope.get("client") or ("",))[0]
        if self.streams[who] >= self._settings.bounds.streams:
            said = f"You have {self.streams[who]} streams open, which is all that one may: close some tabs."
            await PlainTextResponse(said, 429)(scope, receive, send)
            return
        self.streams[who] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self.streams[who] -= 1
            if not self.streams[who]:
                del self.streams[who]


class Bounded:
    """Reads no more of a request than it may have, whatever length it claims."""

    def __init__(self, app: Any, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        refusal = PlainTextResponse(f"That is too large: at most {self._most / 1e6:g} MB.", 413)
        length = _header(scope, b"content-length")
        if length.isdigit() and int(length) > self._most:
            await refusal(scope, receive, send)
            return
        read, over, begun = 0, False, False

        async def counted() -> dict[str, Any]:
            nonlocal read, over
            message = await receive()
            read += len(message.get("body", b""))
            over = over or read > self._most
            return {"type": "http.disconnect"} if over else message

        async def answer(message: dict[str, Any]) -> None:
            nonlocal begun
            if not over or begun:
                begun = True
                await send(message)

        try:
            await self._app(scope, counted, answer)
        except Exception:
            if not over:
                raise
        if over and not begun:  # whatever the app made of half a request
            await _last(refusal, scope, receive, send)


async def _last(refusal: Response, scope: dict[str, Any], receive: Any, send: Any) -> None:
    refusal.headers["connection"] = "close"  # the rest of the request stays unread
    await refusal(scope, receive, send)


def _header(scope: dict[str, Any], name: bytes) -> bytes:
    return next((value for each, value in scope["headers"] if each == name), b"")
