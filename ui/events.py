"""The stream of a page's events, which Gradio's server ends with the last of them, and its page begins with the next.

An event that the page sends before it has read of the end is run, but its answer would be read by nobody: the page
believes in its old stream. So this end stays open until the page has left it, and what is asked meanwhile is answered
then, when the page knows that it has to begin a new one.

A page's streams have one address. Where it might keep an answer, Chromium, having left one stream, may ask for the next
twice, and read of one only: so these are not to be kept.
"""

import asyncio
import re
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

PATIENCE = 5.0  # seconds that a page may take to leave
END = b'data: {"msg":"close_stream"'
SESSION = re.compile(rb'"session_hash":"(\w+)"')
NOT_KEPT = (b"cache-control", b"no-store")
TAIL = 1000  # bytes of a request: its session comes last, after all that people wrote


class Events:
    def __init__(self, app: Any) -> None:
        self._app = app
        self._leaving: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path.endswith("/gradio_api/queue/data"):
            await self._stream(scope, receive, send)
        elif path.endswith("/gradio_api/queue/join"):
            await self._join(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _stream(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        asked, left = parse_qs(scope["query_string"].decode("latin-1")), asyncio.Event()
        session = "".join(asked.get("session_hash", []))

        async def sent(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), NOT_KEPT]
            if message.get("body", b"").startswith(END):
                self._leaving[session] = left
            elif not message.get("more_body", True) and session in self._leaving:
                with suppress(TimeoutError):
                    await asyncio.wait_for(_gone(receive), PATIENCE)
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            if self._leaving.get(session) is left:
                del self._leaving[session]
            left.set()

    async def _join(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        tail = b""

        async def received() -> dict[str, Any]:
            nonlocal tail
            message: dict[str, Any] = await receive()
            tail = (tail + message.get("body", b""))[-TAIL:]
            return message

        async def sent(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                session = SESSION.findall(tail)[-1:]
                if session and (left := self._leaving.get(session[0].decode())):
                    with suppress(TimeoutError):  # of a page that reads nothing more
                        await asyncio.wait_for(left.wait(), PATIENCE)
            await send(message)

        await self._app(scope, received, sent)


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
