"""Every byte that an app sends to a browser: a proxy between them that keeps it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Wire:
    """`url` is where a browser finds the app; `asked` and `sent` are the bytes of its requests and what came back."""

    app: str
    url: str = ""
    asked: bytearray = field(default_factory=bytearray)
    sent: bytearray = field(default_factory=bytearray)

    async def connect(self, browser: asyncio.StreamReader, to_browser: asyncio.StreamWriter) -> None:
        place = urlsplit(self.app)
        try:
            app, to_app = await asyncio.open_connection(place.hostname, place.port)
        except OSError:  # it has ended
            to_browser.close()
            return
        await asyncio.gather(_pass(browser, to_app, self.asked), _pass(app, to_browser, self.sent))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            data = data.replace(b"Accept-Encoding:", b"X-No-Compressing:")  # so that all can be read
            kept += data
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def wired(app: str) -> AsyncIterator[Wire]:
    """A wire to the app at this address."""
    wire = Wire(app)
    server = await asyncio.start_server(wire.connect, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
