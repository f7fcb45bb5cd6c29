"""A server of the pages on which servers tell of themselves, recorded or made up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from backends.lane import Backend

FOLDER = Path(__file__).parent.parent / "servers"


def recorded(name: str) -> bytes:
    """A whole HTTP answer."""
    head, _, body = (FOLDER / f"{name}.http").read_bytes().partition(b"\n\n")
    lines = [*head.split(b"\n"), b"content-length: %d" % len(body), b"connection: close"]
    return b"\r\n".join([*lines, b"", body])


def answer(found: object, status: int = 200) -> bytes:
    body = found.encode() if isinstance(found, str) else orjson.dumps(found)
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body)


async def silence(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def without_end(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n")
    while True:
        writer.write(b" " * 64_000)
        await writer.drain()


Page = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Pages:
    """A server of these pages, and of recorded 404s; `asked` grows with each request."""

    pages: Mapping[str, Page]
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def backend(self, kind: str, name: str = "", **settings: Any) -> Backend:
        return Backend(name or kind, kind, f"http://127.0.0.1:{self.port}/v1", **settings)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.split()[1])
            page = self.pages.get(self.asked[-1], recorded("transformers/not-found"))
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(writer)
        writer.close()


@asynccontextmanager
async def serving(pages: Mapping[str, Page]) -> AsyncIterator[Pages]:
    served, open_ = Pages(pages), set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(served.serve(reader, writer))
        open_.add(task)
        task.add_done_callback(open_.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in open_:
            task.cancel()


VLLM = {
    "/v1/models": recorded("vllm/models"),
    "/version": recorded("vllm/version"),
    "/metrics": recorded("vllm/metrics"),
}
LLAMACPP = {
    "/v1/models": recorded("llamacpp/models"),
    "/health": recorded("llamacpp/health"),
    "/props": recorded("llamacpp/props"),
    "/metrics": recorded("llamacpp/metrics"),
}
