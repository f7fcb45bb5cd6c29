"""Answers that are held until a page has left its stream: nobody can hold another's, nor anything for ever."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ui import events
from ui.events import END, Events


class Client:
    """One request of the middleware: `said` grows with what it is answered; `leave` closes its connection."""

    def __init__(self, app: Events, path: str, query: bytes = b"", body: bytes = b"") -> None:
        self.said: list[dict[str, Any]] = []
        self._coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._coming.put_nowait({"type": "http.request", "body": body, "more_body": False})
        scope = {"type": "http", "path": f"/gradio_api/queue/{path}", "query_string": query}
        self.task = asyncio.create_task(app(scope, self._coming.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        self.said.append(message)

    def leave(self) -> None:
        self._coming.put_nowait({"type": "http.disconnect"})

    async def answered(self) -> bool:
        """Once all that can go on has gone on."""
        for _ in range(20):
            await asyncio.sleep(0)
        return bool(self.said)


async def gradio(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[dict[str, Any]], Any]) -> None:
    """Ends each stream at once, and answers each join."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"].endswith("data"):
        await send({"type": "http.response.body", "body": END + b"}\n\n", "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Events:
    monkeypatch.setattr(events, "PATIENCE", 3600.0)
    return Events(gradio)


def join(app: Events, session: str, data: str = "[]") -> Client:
    return Client(app, "join", body=b'{"data":%s,"session_hash":"%s"}' % (data.encode(), session.encode()))


async def test_an_answer_waits_until_its_page_has_left_and_no_other_waits(app: Events) -> None:
    stream = Client(app, "data", b"session_hash=mine")
    await stream.answered()
    held, free = join(app, "mine"), join(app, "another")
    hiding = join(app, "another", '["\\"session_hash\\":\\"mine\\"", {"session_hash":"mine"}]')
    nowhere = Client(app, "join", body=b'{"data":[]}')
    assert await free.answered()
    assert await hiding.answered()
    assert await nowhere.answered()
    assert not await held.answered()
    assert not stream.task.done()
    stream.leave()
    await asyncio.wait_for(asyncio.gather(stream.task, held.task), 60)
    assert held.said


async def test_who_never_leaves_holds_nothing_for_ever(app: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PATIENCE", 0.01)
    stream = Client(app, "data", b"session_hash=mine")
    await stream.answered()
    await asyncio.wait_for(asyncio.gather(stream.task, join(app, "mine").task), 60)


async def test_who_reads_nothing_any_more_holds_nothing_for_ever(app: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(Client):
        async def _send(self, message: dict[str, Any]) -> None:
            if message.get("body"):
                await asyncio.Event().wait()

    monkeypatch.setattr(events, "PATIENCE", 0.01)
    stream = Deaf(app, "data", b"session_hash=mine")
    await stream.answered()
    await asyncio.wait_for(join(app, "mine").task, 60)
    stream.task.cancel()
    await asyncio.wait([stream.task])
    assert not app._leaving


async def test_a_thousand_pages_leave_nothing_behind(app: Events) -> None:
    streams = [Client(app, "data", b"session_hash=page%d" % number) for number in range(1000)]
    await streams[-1].answered()
    joins = [join(app, f"page{number}") for number in range(1000)]
    assert not await joins[-1].answered()
    for stream in streams:
        stream.leave()
    await asyncio.wait_for(asyncio.gather(*(each.task for each in [*streams, *joins])), 60)
    assert not app._leaving


@pytest.mark.parametrize("query", [b"", b"session_hash=", b"session_hash=\xff\xfe", b"session_hash=a&session_hash=b"])
async def test_whatever_stands_in_its_address_a_stream_is_answered(app: Events, query: bytes) -> None:
    stream = Client(app, "data", query)
    assert await stream.answered()
    stream.leave()
    await asyncio.wait_for(stream.task, 60)
    assert not app._leaving
