"""A small HTTP server that says exactly the bytes it is told to; `tests.fake` is the one that speaks by itself.

It answers any GET with the list of its models.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson

Script = Callable[[asyncio.StreamWriter], Awaitable[object]]

EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass
class FakeServer:
    """`says` maps a requested model to what is answered."""

    says: dict[str, Script]
    port: int = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        if head[0].startswith("GET "):
            listing = orjson.dumps({"object": "list", "data": [{"id": model} for model in self.says]})
            await reply(200, "application/json", listing)(writer)
        else:
            await self.says[orjson.loads(raw)["model"]](writer)


@asynccontextmanager
async def serving(says: dict[str, Script]):
    fake = FakeServer(says)
    server = await asyncio.start_server(fake._serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()


def head(status: int, content_type: str, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def reply(status: int, content_type: str, body: bytes, **headers: str) -> Script:
    """A whole answer."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, content_type, content_length=str(len(body)), **headers) + body)
        await writer.drain()

    return script


def stream(*chunks: dict[str, Any] | str, done: bool = True, **headers: str) -> Script:
    """An event stream of `chunks`; it ends when the connection does."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, EVENT_STREAM, **headers) + sse(*chunks, done=done))
        await writer.drain()

    return script


def hold(*chunks: dict[str, Any] | str) -> Script:
    """An event stream that says `chunks` and then nothing more, until the client goes."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, EVENT_STREAM) + sse(*chunks, done=False))
        await writer.drain()
        await writer.wait_closed()

    return script


def die(*chunks: dict[str, Any] | str) -> Script:
    """An event stream that is cut off in the middle of its body."""

    async def script(writer: asyncio.StreamWriter) -> None:
        body = sse(*chunks, done=False)
        writer.write(head(200, EVENT_STREAM, content_length=str(len(body) + 100)) + body)
        await writer.drain()
        writer.transport.abort() if not body else writer.close()

    return script


def sse(*chunks: dict[str, Any] | str, done: bool = True) -> bytes:
    said = [chunk if isinstance(chunk, str) else orjson.dumps(chunk).decode() for chunk in chunks]
    return "".join(f"data: {data}\n\n" for data in [*said, *(["[DONE]"] if done else [])]).encode()


def delta(model: str = "good", finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk as every server of the family sends it."""
    return {
        "object": "chat.completion.chunk",
        "model": model,
        "choices": [{"index": 0, "delta": fields, "finish_reason": finish}],
    }
