"""How a server is asked what it is: a few small GETs, on connections of their own beside the lanes'. It knows no kind.

Here too is what the kinds share when they read the answers.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import httpx
import orjson

from backends.errors import BackendError, one_line, refusal, transport_error, without_key
from backends.http import api_key, base_address, http_client
from backends.kind import Get, Kind
from backends.lane import Backend
from backends.status import Model, Reach, Server, Status

PATIENCE = 5.0  # seconds for one answer, once a connection stands
LIMIT = 4_000_000  # bytes of one answer
LONGEST_ID, LONGEST_VERSION = 300, 80  # characters
MOST_MODELS = 2000
UNREACHED = ("connect", "tls", "timeout", "truncated", "overloaded")


async def inquire(
    kind: Kind, backend: Backend, environ: Mapping[str, str], transport: httpx.AsyncBaseTransport | None = None
) -> Status:
    """How a server is now: what it tells, or what was wrong. It costs no generation; a missing key, no request."""
    at, key = datetime.now(UTC), ""
    try:
        key = api_key(backend, environ)
        async with http_client(backend, transport) as http:
            inquiry = _Inquiry(backend, http, {"Authorization": f"Bearer {key}"} if key else {})
            server = legible(await kind.discover(inquiry.get))
            return Status(Reach.READY, server, latency=inquiry.latency, at=at)
    except BackendError as error:
        reach = Reach.UNREACHABLE if error.kind in UNREACHED else Reach.REFUSED
        problem = without_key(str(error), key)
        if error.kind == "loading":
            reach, problem = Reach.LOADING, f"{backend.name} is still loading its model. It will be asked again."
        return Status(reach, problem=problem, at=at)


@dataclass
class _Inquiry:
    """One server being asked. `latency`: of its quickest answer, from the request to the headers, in microseconds."""

    backend: Backend
    http: httpx.AsyncClient
    headers: dict[str, str]
    latency: int | None = None

    async def get(self, path: str) -> Any:
        """As `kind.Get` says."""
        address = base_address(self.backend.base_url)
        url = f"{address.removesuffix('/v1')}{path}" if path.startswith("/") else f"{address}/{path}"
        try:
            status, headers, body = await self._answer(url)
        except httpx.RequestError as error:
            raise self._trouble(error) from error
        if status != 200:
            raise refusal(self.backend, status, body, headers)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return body.decode(errors="replace")

    async def _answer(self, url: str) -> tuple[int, httpx.Headers, bytes]:
        began, sent = time.monotonic(), 0

        async def trace(step: str, _: object) -> None:
            nonlocal sent
            if step.endswith("send_request_headers.started"):
                sent = time.perf_counter_ns()
            elif step.endswith("receive_response_headers.complete"):
                took = (time.perf_counter_ns() - sent) // 1000
                self.latency = took if self.latency is None else min(took, self.latency)

        timeout = httpx.Timeout(PATIENCE, connect=self.backend.connect_timeout)
        asking = self.http.stream("GET", url, headers=self.headers, timeout=timeout, extensions={"trace": trace})
        async with asking as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LIMIT or time.monotonic() - began > self.backend.connect_timeout + PATIENCE:
                    raise BackendError("endless", f"{self.backend.name} answered without end. Is its address right?")
            return response.status_code, response.headers, bytes(body)

    def _trouble(self, error: httpx.RequestError) -> BackendError:
        match error:
            case httpx.ConnectTimeout() | httpx.ConnectError():
                return transport_error(self.backend, error)
            case httpx.TimeoutException():
                kind, said = "timeout", f"did not answer within {PATIENCE:g} s. Is it overloaded, or its address wrong?"
            case _:
                kind, said = "truncated", f"broke off its answer ({type(error).__name__}). Is its address right?"
        return BackendError(kind, f"{self.backend.name} {said}")


def legible(server: Server) -> Server:
    """Without what is no name of a model, and what no version is: a page shows them, each on a line."""
    named = (each for each in server.models if each.id.isprintable() and 0 < len(each.id) <= LONGEST_ID)
    return replace(
        server,
        models=tuple(islice(named, MOST_MODELS)),
        version=one_line(server.version, LONGEST_VERSION),
        parsers=tuple(one_line(each, LONGEST_VERSION) for each in server.parsers),
    )


async def ready(get: Get, path: str) -> None:
    """Raises where the server says that it is not ready yet; one that has no such path is taken to be."""
    try:
        await get(path)
    except BackendError as error:
        if error.kind in ("loading", "overloaded"):  # a proxy before it says 502 as long as nothing is behind it
            raise BackendError("loading", str(error)) from error
        if error.kind in UNREACHED:
            raise


async def optional(get: Get, path: str) -> Any:
    """What stands at a path; None where the server does not have it, or does not give it."""
    try:
        return await get(path)
    except BackendError:
        return None


async def models_listed(get: Get) -> Server:
    """What the family's `/models` tells, under whatever name a server gives context and sight."""
    listing = await get("models")
    rows = within(listing, "data")
    if not isinstance(rows, list):
        raise BackendError(
            "malformed", "What it answers is no list of models: check its address, often it ends in /v1."
        )
    return Server(tuple(_models(rows)))


def _models(rows: list[Any]) -> Iterator[Model]:
    for row in rows:
        if isinstance(id_ := within(row, "id"), str):
            sizes = (within(row, *path) for path in _CONTEXT)
            sees, takes = within(row, "capabilities", "vision"), within(row, "architecture", "input_modalities")
            if isinstance(takes, list):
                sees = "image" in takes
            calls, aliases = within(row, "capabilities", "function_calling"), within(row, "aliases")
            yield Model(
                id=id_,
                context=next((size for size in sizes if is_size(size)), None),
                vision=sees if isinstance(sees, bool) else None,
                aliases=tuple(map(str, aliases)) if isinstance(aliases, list) else (),
                tools=calls if isinstance(calls, bool) else None,
            )


# vLLM and SGLang, the Mistral API, OpenRouter, llama.cpp
_CONTEXT = (("max_model_len",), ("max_context_length",), ("context_length",), ("meta", "n_ctx"))


def within(found: object, *path: str) -> Any:
    """What stands at a path inside parsed JSON; None where nothing does."""
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def text_within(found: object, *path: str) -> str:
    value = within(found, *path)
    return value if isinstance(value, str) else ""


def is_size(value: object) -> bool:
    return type(value) is int and value > 0
