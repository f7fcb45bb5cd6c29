"""How a server is reached over HTTP and its event stream is read. It knows no request body."""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, closing, contextmanager, suppress
from functools import cache
from ipaddress import ip_address
from typing import cast
from urllib.parse import urlsplit

import httpx
import orjson
from httpx_sse import EventSource

from backends.alarm import Alarm
from backends.decoder import Decoder
from backends.errors import (
    RAW_LIMIT,
    BackendError,
    broken_off,
    message_of,
    refusal,
    silence,
    transport_error,
    without_key,
)
from backends.events import Event, Finished, ReasoningDelta, Sent, TextDelta, ToolCallDelta
from backends.lane import Backend

log = logging.getLogger(__name__)

BOUND = 8_000_000  # characters between two pieces of an answer
REFUSAL_BOUND = 64_000
REFUSAL_PATIENCE = 5.0  # seconds
LAST_PATIENCE = 5.0  # between the finish reason and what may follow it
END_PATIENCE = 0.2
PACE = 1.0  # between two questions for an answer that was put off

DELTAS = (TextDelta, ReasoningDelta, ToolCallDelta)  # built once: a union would be at every event

Queued = Callable[[Mapping[str, str]], str]


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # reading them takes tens of milliseconds: once is enough


def http_client(backend: Backend, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client for one backend; `transport` replaces the network in tests."""
    address = base_address(backend.base_url)
    host = httpx.URL(address).host
    return httpx.AsyncClient(
        base_url=address,
        headers={"Accept-Encoding": "identity"},  # what packs a stream holds pieces back, and a bomb would unpack here
        timeout=httpx.Timeout(backend.timeout, connect=backend.connect_timeout),
        # many servers close after 5 s, counted from an end that a busy app reads late: no request should meet that
        limits=httpx.Limits(keepalive_expiry=1.0),
        # a proxy meant for the internet can't reach this machine or its network
        mounts={f"all://{f'[{host}]' if ':' in host else host}": None} if is_near(host) else None,
        verify=_certificates(),
        transport=transport,
    )


def base_address(base_url: str) -> str:
    """Where the API's paths begin: without a slash at the end, and /v1 where the address names no path."""
    address = base_url.rstrip("/")
    return address if urlsplit(address).path else f"{address}/v1"


def is_near(host: str) -> bool:
    """Whether a host is this machine or on its own network."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".internal"))


def api_key(backend: Backend, environ: Mapping[str, str]) -> str:
    """The key, read when it is needed and kept nowhere; "" where the backend names no variable."""
    if not backend.key_env:
        return ""
    key = environ.get(backend.key_env, "").strip()
    if not key:
        raise BackendError("auth", f"{backend.name} needs an API key: set {backend.key_env} and restart.")
    if not (key.isascii() and key.isprintable()):
        raise BackendError("auth", f"{backend.key_env} holds characters that no key has: copy the key again.")
    return key


@contextmanager
def reaching(backend: Backend, key: str) -> Iterator[None]:
    """Says transport errors in words of this backend, and repeats no key that a server repeats."""
    try:
        yield
    except httpx.RequestError as error:
        log.warning("%s", without_key(f"{backend.name} at {backend.base_url}: {error!r}", key))
        raise transport_error(backend, error) from error
    except BackendError as error:
        raise BackendError(error.kind, without_key(str(error), key), error.retry_after) from None


async def ask(
    backend: Backend,
    http: httpx.AsyncClient,
    request: httpx.Request,
    written: bytes,
    queued: Queued | None = None,
    *,
    whole: bool = False,
) -> AsyncGenerator[Event]:
    """Sends the request, noted as `written`, and yields what comes back; `queued` as in `kind.Dialect`, `whole` where
    it was asked for in one piece.

    `Sent` comes when a connection takes the request, so that no latency contains a handshake. From then on, the first
    piece of the answer has `first_timeout` to come, and each further one `timeout`.
    """
    taken = asyncio.Event()

    async def trace(step: str, _: object) -> None:
        if step.endswith("send_request_headers.started"):
            taken.set()

    # silence is told by us: httpx would take every comment for a sign of life
    request.extensions |= {"trace": trace, "timeout": {"connect": backend.connect_timeout}}
    asking = asyncio.create_task(_sent(http, request))
    asking.add_done_callback(lambda _: taken.set())  # no connection, or none that traces
    try:
        await taken.wait()
        yield Sent(written.decode())
        deadline = asyncio.get_running_loop().time() + backend.first_timeout
        response = await _answer(backend, _awaited(http, asking, queued), deadline)
        # beside that, only what was put off may come whole: a server that does not stream on request is better told
        # than measured
        late = response.request is not request
        async with aclosing(response), aclosing(read(backend, response, deadline, whole=whole or late)) as events:
            async for event in events:
                yield event
    finally:
        if not asking.cancel() and not asking.cancelled() and not asking.exception():
            await asking.result().aclose()


async def _sent(http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The response, whose body is to be read and closed."""
    response = await http.send(request, stream=True)
    response.stream = _Closing(cast(httpx.AsyncByteStream, response.stream))
    return response


class _Closing(httpx.AsyncByteStream):
    """A body that is closed to the end, even where its reader is cancelled just then: the library would keep such a
    connection open, and in its pool, for ever."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        closing = asyncio.create_task(self._stream.aclose())
        try:
            await asyncio.shield(closing)
        finally:
            await asyncio.wait([closing])


async def _answer(backend: Backend, asking: Awaitable[httpx.Response], deadline: float) -> httpx.Response:
    try:
        async with asyncio.timeout_at(deadline):
            return await asking
    except TimeoutError as error:
        raise silence(backend, "first_timeout") from error


async def _awaited(http: httpx.AsyncClient, asking: Awaitable[httpx.Response], queued: Queued | None) -> httpx.Response:
    """The response; asked for again and again where the server puts it off."""
    response = await asking
    if response.status_code == 202 and queued and (address := queued(response.headers)):
        asked = response.request
        headers = {name: asked.headers[name] for name in ("accept", "authorization") if name in asked.headers}
        while response.status_code == 202:
            await response.aclose()
            await asyncio.sleep(PACE)
            again = http.build_request("GET", address, headers=headers, extensions=asked.extensions)
            response = await _sent(http, again)
    return response


async def fetch(backend: Backend, http: httpx.AsyncClient, request: httpx.Request) -> str:
    """A small answer, whole. Raises BackendError where it is a refusal, too late or without end."""
    deadline = asyncio.get_running_loop().time() + backend.first_timeout
    response = await _answer(backend, _sent(http, request), deadline)
    async with aclosing(response):
        with closing(_Body(backend, response, deadline)) as body:
            if response.status_code != 200:
                raise refusal(backend, response.status_code, await body.beginning(), response.headers)
            return await body.whole()


async def read(
    backend: Backend, response: httpx.Response, deadline: float | None = None, *, whole: bool = False
) -> AsyncGenerator[Event]:
    """The events of a streaming response; with `whole`, it may also be an answer in one piece. The first data must come
    by `deadline`, on the event loop's clock. Raises BackendError where it is a refusal, or no whole stream."""
    decoder, content_type = Decoder(backend.name), response.headers.get("content-type", "")
    deadline = deadline or asyncio.get_running_loop().time() + backend.first_timeout
    with closing(_Body(backend, response, deadline)) as body:
        if response.status_code == 200 and whole and "application/json" in content_type:
            for event in decoder.decode(_completion(backend, await body.whole(), response.headers)):
                yield event
            return
        if response.status_code != 200 or "text/event-stream" not in content_type:
            raise refusal(backend, response.status_code, await body.beginning(), response.headers)
        # the library asks for a response but needs only its headers and text
        async with aclosing(EventSource(cast(httpx.Response, body)).aiter_sse()) as frames:
            async for frame in frames:
                if frame.data == "[DONE]":
                    await _finish(frames)
                    return
                if frame.event == "error":
                    raise broken_off(backend.name, message_of(frame.data.encode()))
                if frame.data:
                    body.data()
                    for event in decoder.decode(_chunk(backend, frame.data, cut=body.over)):
                        body.said(event)
                        yield event


async def _finish(frames: AsyncIterator[object]) -> None:
    """Reads a response to its end, if that comes soon: only then can its connection be used again."""
    with suppress(TimeoutError, httpx.RequestError, BackendError):
        async with asyncio.timeout(END_PATIENCE):
            async for _ in frames:
                pass


class _Body:
    """A response's body, for as long as it makes sense to read it: data must come by the deadline, and a piece of the
    answer before too much else."""

    def __init__(self, backend: Backend, response: httpx.Response, deadline: float) -> None:
        response.encoding = "utf-8-sig"  # event streams are UTF-8 whatever the header says, perhaps with a BOM
        self.headers = response.headers
        self.over = False
        self._backend, self._response, self._alarm = backend, response, Alarm(deadline)
        self._setting, self._fresh, self._finished, self._size = "first_timeout", False, False, 0

    def data(self) -> None:
        """Notes that there was data."""
        self._fresh = True

    def said(self, event: Event) -> None:
        """Notes what the data said."""
        if isinstance(event, DELTAS):
            self._size = 0
        elif isinstance(event, Finished):
            self._finished = True

    async def aiter_text(self) -> AsyncIterator[str]:
        """Its text, with a blank line at the end, so that a last event without one is not lost."""
        texts = self._response.aiter_text()
        while text := await self._next(texts):
            self._size += len(text)
            if self._size > BOUND:
                said = f"{self._backend.name} sent {BOUND // 1_000_000} MB without a piece of an answer"
                raise BackendError("endless", f"{said}. What had arrived is kept.")
            yield text
        self.over = True
        yield "\n\n"

    async def whole(self) -> str:
        return "".join([text async for text in self.aiter_text()])

    async def beginning(self) -> bytes:
        """What a refusal says first: as much as comes soon, whether it ends or not."""
        body = bytearray()
        soon = asyncio.get_running_loop().time() + REFUSAL_PATIENCE
        with suppress(TimeoutError, httpx.RequestError):
            async with asyncio.timeout_at(min(soon, self._alarm.deadline)):
                async for part in self._response.aiter_bytes():
                    body += part
                    if len(body) > REFUSAL_BOUND:
                        break
        return bytes(body[:REFUSAL_BOUND])

    async def _next(self, texts: AsyncIterator[str]) -> str:
        """The next text; "" at the end."""
        if self._fresh:  # counted from here: the time that a reader takes is not the server's
            patience = min(self._backend.timeout, LAST_PATIENCE) if self._finished else self._backend.timeout
            self._alarm.deadline = asyncio.get_running_loop().time() + patience
            self._setting, self._fresh = "timeout", False
        try:
            return await self._alarm.wait(anext(texts, ""))
        except (TimeoutError, httpx.RequestError) as error:
            if self._finished:  # at most the counts are missing
                return ""
            if isinstance(error, TimeoutError):
                raise silence(self._backend, self._setting) from error
            raise

    def close(self) -> None:
        self._alarm.close()


def _completion(backend: Backend, said: str, headers: Mapping[str, str]) -> object:
    """An answer that was not streamed."""
    with suppress(orjson.JSONDecodeError):
        found = orjson.loads(said)
        if isinstance(found, dict) and found.get("choices"):
            return found
    raise refusal(backend, 200, said.encode(), headers)


def _chunk(backend: Backend, data: str, cut: bool) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if data.startswith('{"error"'):  # transformers serve pastes the error's text in unescaped
            raise broken_off(backend.name, data[:RAW_LIMIT]) from error
        if cut:
            raise BackendError(
                "truncated", f"{backend.name} ended the stream in the middle of a chunk. What had arrived is kept."
            ) from error
        raise BackendError("malformed", f"{backend.name} sent a chunk that is not JSON: {data[:80]!r}") from error
