"""Every byte that an app sends to a browser: a proxy between them that keeps it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

EVENTS = b"GET /gradio_api/queue/data"


@dataclass
class Wire:
    """`url` is where a browser finds the app; `asked` and `sent` are the bytes of its requests and what came back.

    What comes of the page's events is `lag` seconds on the way, and all else is not.
    """

    app: str
    lag: float = 0
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
        wanted = bytearray()  # by this connection
        await asyncio.gather(
            self._pass(browser, to_app, self.asked, wanted), self._pass(app, to_browser, self.sent, wanted, self.lag)
        )

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        kept: bytearray,
        wanted: bytearray,
        lag: float = 0,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                data = data.replace(b"Accept-Encoding:", b"X-No-Compressing:")  # so that all can be read
                kept += data
                if kept is self.asked:
                    wanted[:] = data
                elif lag and EVENTS in wanted:
                    await asyncio.sleep(lag)
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def wired(app: str, lag: float = 0) -> AsyncIterator[Wire]:
    """A wire to the app at this address."""
    wire = Wire(app, lag)
    server = await asyncio.start_server(wire.connect, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
