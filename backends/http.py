"""How a server is reached over HTTP and its event stream is read. It knows no request body."""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from functools import cache
from ipaddress import ip_address
from typing import cast
from urllib.parse import urlsplit

import httpx
import orjson
from httpx_sse import EventSource

from backends.decoder import Decoder
from backends.errors import BackendError, refusal, transport_error, without_key
from backends.events import Event, Sent
from backends.lane import Backend

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
BODY_LIMIT = 64_000
END_PATIENCE = 0.2  # seconds


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # reading them takes tens of milliseconds: once is enough


def http_client(backend: Backend, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client for one backend; `transport` replaces the network in tests."""
    address = base_address(backend.base_url)
    host = httpx.URL(address).host
    return httpx.AsyncClient(
        base_url=address,
        timeout=httpx.Timeout(backend.timeout, connect=CONNECT_TIMEOUT),
        limits=httpx.Limits(keepalive_expiry=4.0),  # many servers close after 5 s: no request should meet that
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
    backend: Backend, http: httpx.AsyncClient, request: httpx.Request, written: bytes
) -> AsyncGenerator[Event]:
    """Sends the request, noted as `written`, and yields what comes back.

    `Sent` comes when a connection takes the request, so that no latency contains a handshake.
    """
    taken = asyncio.Event()

    async def trace(step: str, _: object) -> None:
        if step.endswith("send_request_headers.started"):
            taken.set()

    request.extensions["trace"] = trace
    asking = asyncio.create_task(http.send(request, stream=True))
    asking.add_done_callback(lambda _: taken.set())  # no connection, or none that traces
    try:
        await taken.wait()
        yield Sent(written.decode())
        async with aclosing(read(backend, await asking)) as events:
            async for event in events:
                yield event
    finally:
        if not asking.cancel() and not asking.cancelled() and not asking.exception():
            await asking.result().aclose()


async def read(backend: Backend, response: httpx.Response) -> AsyncGenerator[Event]:
    """The events of a streaming response. Raises BackendError where it is a refusal, or no whole stream."""
    content_type = response.headers.get("content-type", "")
    if response.status_code != 200 or "text/event-stream" not in content_type:
        raise refusal(backend, response.status_code, await _beginning(response), response.headers)
    decoder, text = Decoder(backend.name), _Text(response)
    # the library asks for a response but needs only its headers and text
    async with aclosing(EventSource(cast(httpx.Response, text)).aiter_sse()) as frames:
        async for frame in frames:
            if frame.data == "[DONE]":
                await _finish(frames)
                return
            if frame.data:
                for event in decoder.decode(_chunk(backend, frame.data, cut=text.over)):
                    yield event


async def _finish(frames: AsyncIterator[object]) -> None:
    """Reads a response to its end, if that comes soon: only then can its connection be used again."""
    with suppress(TimeoutError, httpx.RequestError):
        async with asyncio.timeout(END_PATIENCE):
            async for _ in frames:
                pass


class _Text:
    """A response's text with a blank line at the end, so that a last event without one is not lost."""

    def __init__(self, response: httpx.Response) -> None:
        response.encoding = "utf-8-sig"  # event streams are UTF-8 whatever the header says, perhaps with a BOM
        self.headers = response.headers
        self.over = False
        self._response = response

    async def aiter_text(self) -> AsyncIterator[str]:
        async for text in self._response.aiter_text():
            yield text
        self.over = True
        yield "\n\n"


def _chunk(backend: Backend, data: str, cut: bool) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if data.startswith('{"error"'):  # transformers serve pastes the error's text in unescaped
            raise BackendError("midstream", f"{backend.name} broke off: {data[:300]}") from error
        if cut:
            raise BackendError(
                "truncated", f"{backend.name} ended the stream in the middle of a chunk. What had arrived is kept."
            ) from error
        raise BackendError("malformed", f"{backend.name} sent a chunk that is not JSON: {data[:80]!r}") from error


async def _beginning(response: httpx.Response) -> bytes:
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > BODY_LIMIT:
            break
    return body
