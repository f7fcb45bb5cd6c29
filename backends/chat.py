"""What the OpenAI-compatible servers share: the request, written in each server's dialect, and the client that asks."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import httpx
import orjson

from backends.arguments import parsed
from backends.errors import BackendError
from backends.events import Event
from backends.http import api_key, ask, fetch, http_client, reaching
from backends.inquiry import inquire
from backends.kind import Dialect, Kind
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Image, Prompt, ToolCall, ToolTurn, Turn, UserTurn, images_of
from backends.status import Status

# What every server of the family takes; a kind lists what it takes beyond these.
COMMON_KEYS = frozenset({"model", "messages", "stream", "temperature", "max_tokens", "stop", "tools", "tool_choice"})


def reasoning_as(field: str) -> Callable[[AssistantTurn], dict[str, Any]]:
    """Replays an earlier turn's reasoning as text in `field`, beside the content."""

    def replay(turn: AssistantTurn) -> dict[str, Any]:
        return {"content": turn.text, field: turn.reasoning} if turn.reasoning else {"content": turn.text}

    return replay


def request_body(dialect: Dialect, model: str, lane: Lane, prompt: Prompt) -> dict[str, Any]:
    """The body that asks `prompt`, with `sha256:<hex>` as the address of each image (see `with_images`)."""
    said = _said(dialect, model, lane, prompt)
    body = {key: value for key, value in said.items() if key not in lane.backend.omit}
    if "tools" not in body:
        body.pop("tool_choice", None)
    return body


def _said(dialect: Dialect, model: str, lane: Lane, prompt: Prompt) -> dict[str, Any]:
    """What the dialect can say: every setting stands under each name that a server may know it by; its keys pick."""
    known = {
        "model": model,
        "messages": [
            # explicit even when empty: a template that gets none may write a system prompt of its own
            {"role": "system", "content": prompt.system},
            *(_message(dialect, turn if lane.replays else _thoughtless(turn)) for turn in prompt.turns),
        ],
        "stream": lane.streams,
        "stream_options": {"include_usage": True} if lane.streams else None,
        "return_progress": lane.streams or None,
        "temperature": lane.temperature,
        "max_tokens": lane.max_tokens,
        "stop": list(lane.stop),
        "seed": lane.seed,
        "random_seed": lane.seed,
        "reasoning_effort": lane.effort,
        "reasoning": {"effort": lane.effort} if lane.effort else None,
        "chat_template_kwargs": {"reasoning_effort": lane.effort} if lane.effort else None,
        "tools": [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in prompt.tools
        ],
        "tool_choice": _tool_choice(dialect, prompt),
    }
    return {key: value for key, value in known.items() if key in dialect.keys and value not in (None, "", [])}


def names_a_tool(prompt: Prompt) -> bool:
    return prompt.tool_choice not in ("", "auto", "none", "required")


def _tool_choice(dialect: Dialect, prompt: Prompt) -> str | dict[str, Any] | None:
    """As the server takes it; None where it would take it for something else."""
    choice = prompt.tool_choice
    if names_a_tool(prompt):
        named = {"type": "function", "function": {"name": choice}}
        return named if "named" in dialect.tool_choices else None
    return choice if choice in dialect.tool_choices else None


def left_out(dialect: Dialect, lane: Lane, prompt: Prompt) -> Iterator[str]:
    """What of the lane and its prompt this dialect does not say as it was asked, in short sentences."""
    said = _said(dialect, "", lane, prompt)
    if prompt.tools and prompt.tool_choice and "tool_choice" not in said:
        yield f"This server can't be told the tool choice {prompt.tool_choice!r}: the model decides."
    if omitted := [key for key in lane.backend.omit if key in said]:
        yield f"Not sent, as declared: {', '.join(omitted)}."
    calls = [call for turn in prompt.turns if isinstance(turn, AssistantTurn) for call in turn.calls]
    if any(parsed(call) is None for call in calls):
        yield "Earlier tool arguments that are no JSON object go back as {}: servers refuse a request with others."


def thinks_back(lane: Lane, prompt: Prompt) -> bool:
    """Whether earlier reasoning of the lane goes back with the history."""
    return lane.replays and any(isinstance(turn, AssistantTurn) and turn.reasoning for turn in prompt.turns)


def _thoughtless(turn: Turn) -> Turn:
    return replace(turn, reasoning="") if isinstance(turn, AssistantTurn) else turn


def _message(dialect: Dialect, turn: Turn) -> dict[str, Any]:
    match turn:
        case UserTurn(text, ()):
            return {"role": "user", "content": text}
        case UserTurn(text, images):
            # images first: mistral-common puts one before its text whatever we say, other servers keep our order
            parts: list[dict[str, Any]] = [
                {"type": "image_url", "image_url": {"url": f"sha256:{image.sha256}"}} for image in images
            ]
            return {"role": "user", "content": [*parts, {"type": "text", "text": text}] if text else parts}
        case AssistantTurn(calls=()):
            return {"role": "assistant", **dialect.replay(turn)}
        case AssistantTurn(calls=calls):
            written = [_call(dialect, call) for call in calls]
            return {"role": "assistant", **dialect.replay(turn), "tool_calls": written}
        case ToolTurn(call_id, name, content):
            return {"role": "tool", "tool_call_id": dialect.call_id(call_id), "name": name, "content": content}


def _call(dialect: Dialect, call: ToolCall) -> dict[str, Any]:
    # broken arguments would break the whole request on llama.cpp (500) and Ollama (400), and vLLM takes them for {}:
    # said to all as {}, the lanes are asked the same, and the caveats tell it
    arguments = call.arguments if parsed(call) else "{}"
    return {
        "id": dialect.call_id(call.id),
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


async def with_images(body: bytes, prompt: Prompt) -> bytes:
    """A written body as it goes out: with each image's bytes where its fingerprint stood."""
    images = {image.sha256.encode(): image for image in images_of(prompt.turns)}

    def filled() -> bytes:
        return re.sub(rb'(?<="url":")sha256:(\w+)(?=")', lambda found: _data_uri(images[found[1]]), body)

    # megabytes take a while to encode: not on the loop that other lanes stream on
    return await asyncio.to_thread(filled) if images else body


def _data_uri(image: Image) -> bytes:
    return f"data:{image.mime};base64,".encode() + base64.b64encode(image.data)


def nine_characters(call_id: str) -> str:
    """A call id as the Mistral API wants it: nine letters and digits; the same foreign id always becomes the same."""
    if len(call_id) == 9 and call_id.isascii() and call_id.isalnum():
        return call_id
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]


class ChatClient:
    """Asks one server over its `/chat/completions`. `transport` replaces the network in tests."""

    def __init__(
        self,
        kind: Kind,
        backend: Backend,
        environ: Mapping[str, str],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._kind, self._backend, self._environ = kind, backend, environ
        self._http, self._transport = http_client(backend, transport), transport

    async def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        dialect = self._kind.dialect
        key = api_key(self._backend, self._environ)
        headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if not dialect.keep_alive:
            headers["Connection"] = "close"
        with reaching(self._backend, key):
            model = lane.model or self._backend.model or await self._first_model(headers)
            # in a thread: what checks the body may be slow, above all to import
            body = await asyncio.to_thread(dialect.written, request_body(dialect, model, lane, prompt))
            content = await with_images(body, prompt)
            request = self._http.build_request("POST", "chat/completions", content=content, headers=headers)
            # a status page of the hosted service is no place for the key of another server
            queued = dialect.queued if self._kind.is_service(self._backend) else None
            asking = ask(self._backend, self._http, request, body, queued, whole=not lane.streams)
            async with aclosing(asking) as events:
                async for event in events:
                    yield event

    async def _first_model(self, headers: dict[str, str]) -> str:
        """What a server that was declared without a model serves: asked each time, since it may change."""
        request = self._http.build_request("GET", "models", headers=headers | {"Accept": "application/json"})
        listing = await fetch(self._backend, self._http, request)
        try:
            return str(orjson.loads(listing)["data"][0]["id"])
        except (ValueError, LookupError, TypeError) as error:
            raise BackendError(
                "model_not_found", f"{self._backend.name} does not say which model it serves: name it as `model`."
            ) from error

    async def discover(self) -> Status:
        return await inquire(self._kind, self._backend, self._environ, self._transport)

    async def aclose(self) -> None:
        await self._http.aclose()
