"""How long a server may keep a lane waiting, and with how much: over real sockets where time matters."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import httpx
import pytest

from backends import vllm
from backends.chat import ChatClient
from backends.errors import BackendError
from backends.events import Event, Finished, Sent, TextDelta, Usage
from backends.http import BOUND, read
from backends.lane import Backend, Lane
from backends.prompt import Prompt
from tests.backends.fake_server import EVENT_STREAM, Script, delta, head, hold, sse

SHORT, LONG, FAR = 0.3, 60.0, 30.0  # seconds: the setting that is tried, the others, and when that one is over for sure
LANE = Backend("lane", "vllm", model="m", connect_timeout=LONG, first_timeout=LONG, timeout=LONG)
STREAM = head(200, EVENT_STREAM)
HI = sse(delta(content="Hi"), done=False)
PIECE = 64_000


@asynccontextmanager
async def talking(script: Script) -> AsyncIterator[str]:
    """The address of a server that answers each request with the script, until its client goes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            speaking = asyncio.create_task(script(writer))
            speaking.add_done_callback(lambda _: writer.close())
            await reader.read()
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()


def dripping(before: bytes, drop: bytes = b": still here\n\n", pause: float = 0.02) -> Script:
    """Says `before`, and then a drop at a time without end."""

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(pause)

    return script


async def taken(stream: AsyncIterator[Event], events: list[Event], pause: float = 0.0) -> None:
    """Fills `events` as a reader does that takes its time with each."""
    async for event in stream:
        events.append(event)
        await asyncio.sleep(pause)


async def failed(address: str, prompt: Prompt, **settings: float | str) -> tuple[list[Event], BackendError]:
    """What came before the failure, which must come when `SHORT` is over."""
    events: list[Event] = []
    backend, began = replace(LANE, base_url=address, **settings), time.monotonic()
    client = ChatClient(vllm.KIND, backend, {})
    with pytest.raises(BackendError) as caught:
        await taken(client.stream(Lane(backend), prompt), events)
    assert SHORT <= time.monotonic() - began < FAR
    await client.aclose()
    return events, caught.value


@pytest.mark.parametrize(
    "script",
    [hold(), dripping(STREAM), dripping(STREAM, b"data"), dripping(b"HTTP/1.1 200 X\r\n", b"x: x\r\n")],
    ids=["silence", "comments", "a line without end", "headers without end"],
)
async def test_the_first_data_has_its_time_from_the_request_on(script: Script, prompt: Prompt) -> None:
    async with talking(script) as address:
        events, error = await failed(address, prompt, first_timeout=SHORT)
    assert [type(event) for event in events] == [Sent]
    assert error.kind == "timeout"
    assert "did not begin to answer within 0.3 s. Raise its `first_timeout`" in str(error)


@pytest.mark.parametrize("script", [hold(delta(content="Hi")), dripping(STREAM + HI)], ids=["silence", "comments"])
async def test_from_one_piece_to_the_next_there_is_another_time(script: Script, prompt: Prompt) -> None:
    async with talking(script) as address:
        events, error = await failed(address, prompt, timeout=SHORT)
    assert TextDelta("Hi") in events
    assert error.kind == "timeout"
    assert "was silent for 0.3 s" in str(error)
    assert "Raise its `timeout`" in str(error)


async def test_a_refusal_that_does_not_end_is_told_with_what_came(prompt: Prompt) -> None:
    async with talking(dripping(head(500, "text/plain"), b"no ")) as address:
        _, error = await failed(address, prompt, first_timeout=SHORT)
    assert error.kind == "refused"
    assert "answered 500: no no no" in str(error)


async def test_the_question_for_the_model_has_the_same_time(prompt: Prompt) -> None:
    async with talking(dripping(head(200, "application/json"), b" ")) as address:
        events, error = await failed(address, prompt, model="", first_timeout=SHORT)
    assert (events, error.kind) == ([], "timeout")


async def test_a_connection_that_is_not_accepted_has_its_own_time(prompt: Prompt) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):  # more than it queues
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        events, error = await failed(f"http://127.0.0.1:{full.getsockname()[1]}", prompt, connect_timeout=SHORT)
    assert ([type(event) for event in events], error.kind) == ([Sent], "timeout")
    assert "within 0.3 s. Is its address right? Raise its `connect_timeout`" in str(error)


async def answered(script: Script, prompt: Prompt, pause: float = 0.0, silence: float = SHORT) -> list[Event]:
    events: list[Event] = []
    async with talking(script) as address:
        backend = replace(LANE, base_url=address, timeout=silence)
        client = ChatClient(vllm.KIND, backend, {})
        await taken(client.stream(Lane(backend), prompt), events, pause)
        await client.aclose()
    return events


async def test_data_without_words_is_a_sign_of_life(prompt: Prompt) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + HI)
        for _ in range(5):
            await asyncio.sleep(4 * SHORT / 3)
            writer.write(sse({"choices": []}, done=False))
        writer.write(sse(delta(finish="stop")))

    assert (await answered(script, prompt, silence=4 * SHORT))[-1] == Finished("stop")


async def test_the_time_that_a_reader_takes_is_not_the_servers(prompt: Prompt) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + HI)
        await asyncio.sleep(SHORT / 3)
        writer.write(HI + sse(delta(finish="stop")))

    assert (await answered(script, prompt, pause=SHORT * 1.2))[-1] == Finished("stop")


@pytest.mark.parametrize("after", [b"", b": still here\n\n"])
async def test_a_finished_answer_waits_a_little_for_its_counts_and_is_no_failure(after: bytes, prompt: Prompt) -> None:
    said = sse(delta(content="Hi"), delta(finish="stop"), {"usage": {"prompt_tokens": 3}}, done=False)
    events = await answered(dripping(STREAM + said, after), prompt)
    assert events[-2:] == [Finished("stop"), Usage(prompt=3)]


@pytest.mark.parametrize(
    ("before", "again"),
    [
        (b'data: {"choices":[{"delta":{"content":"', b"x" * PIECE),
        (HI, b": " + b"x" * PIECE + b"\n\n"),
        (b"", b"data: " + b"1" * PIECE + b"\n"),
        (b"", b'data: {"x":"' + b"x" * PIECE + b'"}\n\n'),
    ],
    ids=["a line", "comments", "an event", "chunks without words"],
)
async def test_what_says_nothing_is_not_read_without_end(before: bytes, again: bytes) -> None:
    read_so_far = 0

    async def content() -> AsyncIterator[bytes]:
        nonlocal read_so_far
        yield before
        while True:
            read_so_far += len(again)
            yield again

    response = httpx.Response(200, headers={"content-type": EVENT_STREAM}, content=content())
    with pytest.raises(BackendError, match="lane sent 8 MB without a piece of an answer") as caught:
        [event async for event in read(LANE, response)]
    assert caught.value.kind == "endless"
    assert BOUND - PIECE < read_so_far < BOUND + 2 * PIECE
