"""A fake OpenAI-compatible server, fast enough (20,000 tokens a second) never to be what is measured.

A prompt says what comes back: `(fake tokens=400 rate=100 reasoning=50 first=200 stamp=4)` asks for 50 reasoning tokens
and then 400 of text, 100 a second (0: at once), the first after 200 ms; every 4th token of the text, and the last,
carries its index and the microsecond at which it left, as `w12u1763912345678901` (0: none does).
"""

import asyncio
import json
import os
import re
import time
from typing import NamedTuple, cast

import httptools
import uvloop

STAMP = re.compile(r"w(\d+)u(\d{16})")
WORDS = [b"plain ", b"words ", b"that ", b"stand ", b"in ", b"for ", b"an ", b"answer "]
BURST = 32
SPREAD = 0.0025

_DIRECTIVE = re.compile(rb"\(fake ([^)]*)\)")
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
_CHUNK = (
    b'data: {"id":"chatcmpl-fake","object":"chat.completion.chunk","created":1763900000,"model":"fake",'
    b'"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n'
)
_USAGE = (
    b'data: {"id":"chatcmpl-fake","object":"chat.completion.chunk","created":1763900000,"model":"fake","choices":[],'
    b'"usage":{"prompt_tokens":12,"completion_tokens":%d,"total_tokens":%d}}\n\n'
)


class Script(NamedTuple):
    """What a prompt asks for; `first` in milliseconds, `rate` in tokens a second."""

    tokens: int = 100
    rate: int = 100
    reasoning: int = 0
    first: int = 0
    stamp: int = 0

    def __str__(self) -> str:
        return f"(fake {' '.join(f'{name}={value}' for name, value in self._asdict().items())})"


def script(body: bytes) -> Script:
    """The newest directive of a request."""
    found = _DIRECTIVE.findall(body)
    pairs = (pair.split("=") for pair in found[-1].decode().split()) if found else ()
    return Script(**{name: int(value) for name, value in pairs})


def delta(position: int, asked: Script) -> bytes:
    if position < asked.reasoning:
        return b'{"reasoning_content":"%b"}' % WORDS[position % 8]
    index = position - asked.reasoning
    if asked.stamp and (index % asked.stamp == 0 or index == asked.tokens - 1):
        word = b"w%du%d " % (index, time.time_ns() // 1000)
    else:
        word = WORDS[index % 8]
    return b'{"content":"%b%b"}' % (word, b"\\n\\n" if index % 60 == 59 else b"")


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Connection(asyncio.Protocol):
    opened = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.parser = httptools.HttpRequestParser(self)
        self.writable = asyncio.Event()
        self.writable.set()
        self.task: asyncio.Task[None] | None = None

    def connection_lost(self, error: Exception | None) -> None:
        self.writable.set()
        if self.task:
            self.task.cancel()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_begin(self) -> None:
        self.body = b""

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        if self.parser.get_method() == b"POST":
            self.task = asyncio.get_running_loop().create_task(self.answer(self.body))
        else:
            models = {"object": "list", "data": [{"id": "fake", "object": "model", "owned_by": "fake"}]}
            head = _HEAD % b"application/json"
            self.transport.write(head + framed(json.dumps(models).encode()) + framed(b""))

    async def answer(self, body: bytes) -> None:
        asked, loop = script(body), asyncio.get_running_loop()
        Connection.opened += 1
        # real servers never tick together
        start = loop.time() + asked.first / 1000 + (Connection.opened % 4 * SPREAD if asked.rate else 0)
        self.transport.write(_HEAD % b"text/event-stream")
        total = asked.reasoning + asked.tokens
        burst = 1 if asked.rate else BURST
        for position in range(0, total, burst):
            due = start + (position / asked.rate if asked.rate else 0)
            await asyncio.sleep(max(0, due - loop.time()))
            await self.writable.wait()
            places = range(position, min(total, position + burst))
            self.transport.write(b"".join(framed(_CHUNK % (delta(place, asked), b"null")) for place in places))
        usage = _USAGE % (total, total + 12) if b'"include_usage"' in body else b""
        end = _CHUNK % (b"{}", b'"stop"') + usage + b"data: [DONE]\n\n"
        self.transport.write(framed(end) + framed(b""))


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(
        Connection, "127.0.0.1", int(os.environ["PORT"]), backlog=512
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
