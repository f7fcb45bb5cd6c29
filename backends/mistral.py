"""The Mistral API: the `mistralai` SDK writes the typed request; we send it, and our own decoder reads the answer.

The SDK's parsing of chunks costs many times ours, drops a truncated stream's end silently, and hides unknown fields.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import httpx
from pydantic import ValidationError

from backends.chat import COMMON_KEYS, Dialect, nine_characters, request_body, with_images
from backends.errors import BackendError
from backends.events import Event
from backends.http import api_key, ask, base_address, http_client, reaching
from backends.kind import Kind
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Prompt

if TYPE_CHECKING:
    from mistralai.client import Mistral


def thinking_parts(turn: AssistantTurn) -> dict[str, Any]:
    """Reasoning goes back as it came: a thinking part before the text."""
    if not turn.reasoning:
        return {"content": turn.text}
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": turn.reasoning}]}
    return {"content": [thinking, {"type": "text", "text": turn.text}] if turn.text else [thinking]}


DIALECT = Dialect(
    # the API answers 422 to any key it does not know: stream_options, seed, reasoning_content, ...
    keys=COMMON_KEYS | {"random_seed", "reasoning_effort"},
    replay=thinking_parts,
    call_id=nine_characters,
)


class MistralClient:
    """Asks the Mistral API. `transport` replaces the network in tests."""

    def __init__(
        self, backend: Backend, environ: Mapping[str, str], *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._backend, self._environ = backend, environ
        self._http = http_client(backend, transport)
        self._desk = httpx.AsyncClient(transport=httpx.MockTransport(_take))
        self._sdk: Mistral | None = None

    async def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        key = api_key(self._backend, self._environ)
        if self._sdk is None:  # its import takes a while: not on the loop that other lanes stream on
            self._sdk = await asyncio.to_thread(self._load)
        with reaching(self._backend, key):
            body = request_body(DIALECT, lane.model or self._backend.model, lane, prompt)
            written = await self._written(self._sdk, body)
            headers = written.headers.copy()
            del headers["Content-Length"]  # of the body without its images
            if not key:
                del headers["Authorization"]  # the SDK's `Bearer` without a key
            content = await with_images(written.content, prompt)
            request = self._http.build_request("POST", written.url, content=content, headers=headers)
            async with aclosing(ask(self._backend, self._http, request, written.content)) as events:
                async for event in events:
                    yield event

    async def _written(self, sdk: "Mistral", body: dict[str, Any]) -> httpx.Request:
        """The request as the SDK would send it."""
        try:
            answer = await sdk.chat.stream_async(**body)
        except ValidationError as error:
            # the error's own text would repeat the whole input
            said = "; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors()[:3])
            raise BackendError("refused", f"The mistralai SDK refuses this request: {said}") from error
        return cast(httpx.Response, answer.response).request

    def _load(self) -> "Mistral":
        from mistralai.client import Mistral

        sdk = Mistral(
            api_key=lambda: api_key(self._backend, self._environ),
            server_url=base_address(self._backend.base_url).removesuffix("/v1"),  # the SDK adds it
            async_client=self._desk,  # type: ignore[arg-type]  # typed for httpx2, works with httpx
            retry_config=None,
        )
        _ = sdk.chat  # loaded on first sight
        return sdk

    async def aclose(self) -> None:
        await self._desk.aclose()
        await self._http.aclose()


def _take(request: httpx.Request) -> httpx.Response:
    """Stands in for the network towards the SDK, which then has nothing to read and gives the request away."""
    return httpx.Response(200, headers={"content-type": "text/event-stream"})


KIND = Kind(
    name="mistral",
    title="Mistral API",
    keys=DIALECT.keys,
    efforts=("none", "high"),
    connect=MistralClient,
    key_env="MISTRAL_API_KEY",
    base_url="https://api.mistral.ai/v1",
    model="mistral-small-2603",
    price_in=0.15,
    price_out=0.60,
)
