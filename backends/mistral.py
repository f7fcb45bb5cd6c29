"""The Mistral API, asked through the `mistralai` SDK's typed request; its answer is read by our own decoder.

The SDK's parsing of chunks costs many times ours, drops a truncated stream's end silently, and hides unknown fields.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import httpx
import orjson
from pydantic import ValidationError

from backends.chat import COMMON_KEYS, Dialect, fingerprint, nine_characters, request_body
from backends.errors import BackendError, refusal
from backends.events import Event, Sent
from backends.http import api_key, base_address, http_client, reaching, read
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

    def __init__(self, backend: Backend, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._backend = backend
        self._http = http_client(backend, transport)
        self._http.event_hooks = {"request": [self._amend], "response": [_drop_deprecation]}
        self._sdk: Mistral | None = None

    async def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        api_key(self._backend)  # a missing key is said before the SDK is loaded
        if self._sdk is None:  # its import takes a while: not on the loop that other lanes stream on
            self._sdk = await asyncio.to_thread(self._load)
        model = lane.model or self._backend.model or KIND.model
        body = request_body(DIALECT, model, lane, prompt)
        yield Sent(orjson.dumps(request_body(DIALECT, model, lane, prompt, fingerprint)).decode())
        with reaching(self._backend):
            response = await self._ask(self._sdk, body)
            async with aclosing(response), aclosing(read(self._backend, response)) as events:
                async for event in events:
                    yield event

    async def _ask(self, sdk: "Mistral", body: dict[str, Any]) -> httpx.Response:
        """The raw response to the typed request, not yet read."""
        from mistralai.client.errors import MistralError

        try:
            answer = await sdk.chat.stream_async(**body)
        except MistralError as error:
            raise refusal(self._backend, error.status_code, error.body.encode(), error.headers) from error
        except ValidationError as error:
            # before anything was sent; the error's own text would repeat the whole input, images and all
            said = "; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors()[:3])
            raise BackendError("refused", f"The mistralai SDK refuses this request: {said}") from error
        return cast(httpx.Response, answer.response)

    def _load(self) -> "Mistral":
        from mistralai.client import Mistral

        sdk = Mistral(
            api_key=lambda: api_key(self._backend),
            server_url=base_address(self._backend.base_url).removesuffix("/v1"),  # the SDK adds it
            async_client=self._http,  # type: ignore[arg-type]  # typed for httpx2, works with httpx
            retry_config=None,
        )
        _ = sdk.chat  # loaded on first sight
        return sdk

    async def _amend(self, request: httpx.Request) -> None:
        """Undoes two habits of the SDK: one timeout for connecting and for silence, and `Bearer` without a key."""
        request.extensions["timeout"] = self._http.timeout.as_dict()
        if not self._backend.key_env:
            del request.headers["Authorization"]

    async def aclose(self) -> None:
        await self._http.aclose()


async def _drop_deprecation(response: httpx.Response) -> None:
    """Hides the header that makes the SDK read the whole stream as one JSON document, to log a warning."""
    response.headers.pop("x-model-deprecation-timestamp", None)


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
