"""Chunks of a chat completion stream become events: one decoder for every dialect. It does no I/O."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from backends.errors import BackendError, words_of
from backends.events import Event, Finished, ReasoningDelta, Reported, TextDelta, ToolCallDelta, Usage


@dataclass(slots=True)
class _Call:
    """A call being streamed. `index` is ours; `id` is the server's, "" where it gave none."""

    index: int
    id: str
    name: str = ""

    def is_another(self, id_: str, name: str) -> bool:
        """Whether a piece begins another call: whole calls may all carry index 0, or none."""
        if id_ and self.id:
            return bool(name) and id_ != self.id
        return bool(name and self.name) and name != self.name


class Decoder:
    """Decodes the chunks of one stream in order; it remembers which calls are open and what was said before."""

    def __init__(self, name: str) -> None:
        """`name` is the backend's, for its error messages."""
        self._name = name
        self._calls: dict[int, _Call] = {}
        self._count = 0
        self._reported = Reported("")
        self._usage = Usage()

    def decode(self, chunk: Any) -> Iterator[Event]:
        """One chunk may carry anything at once: reasoning, text, calls, usage, an error and the finish."""
        if not isinstance(chunk, dict):
            raise BackendError("malformed", f"{self._name} sent a chunk that is no JSON object: {str(chunk)[:80]!r}")
        model = _text(chunk.get("model")) or self._reported.model
        server = _text(chunk.get("system_fingerprint")) or self._reported.server
        if model != self._reported.model or server != self._reported.server:
            self._reported = Reported(model, server)
            yield self._reported
        reason = ""
        for choice in _list(chunk.get("choices")):
            if not isinstance(choice, dict) or choice.get("index"):  # only the first choice is asked for
                continue
            if delta := _dict(choice.get("delta")):
                yield from self._delta(delta)
            reason = _text(choice.get("finish_reason")) or reason
        if found := _dict(chunk.get("usage")):
            usage = _usage(found)
            if usage != self._usage:  # some servers repeat it in every chunk
                self._usage = usage
                yield usage
        if error := chunk.get("error") or (chunk.get("object") == "error" and chunk):
            raise BackendError("midstream", f"{self._name} broke off: {words_of(error)}")
        if reason == "error":
            raise BackendError("midstream", f"{self._name} broke off with the finish reason 'error'.")
        if reason:
            yield Finished(reason)

    def _delta(self, delta: dict[str, Any]) -> Iterator[Event]:
        reasoning, twin = _text(delta.get("reasoning")), _text(delta.get("reasoning_content"))
        if reasoning:
            yield ReasoningDelta(reasoning)
        if twin and twin != reasoning:  # some gateways send the same text under both names
            yield ReasoningDelta(twin)
        content = delta.get("content")
        if isinstance(content, str):
            if content:
                yield TextDelta(content)
        else:
            yield from _parts(content)
        for position, piece in enumerate(_list(delta.get("tool_calls"))):
            if isinstance(piece, dict):
                yield from self._piece(position, piece)

    def _piece(self, position: int, piece: dict[str, Any]) -> Iterator[Event]:
        function = _dict(piece.get("function"))
        index, id_, name = piece.get("index"), _text(piece.get("id")), _text(function.get("name"))
        slot = index if isinstance(index, int) else position
        id_ = "" if id_ == "null" else id_  # the Mistral SDK's stand-in for no id
        call = self._calls.get(slot)
        new = call is None or call.is_another(id_, name)
        if call is None or new:
            call = self._calls[slot] = _Call(self._count, id_)
            self._count += 1
        fresh_name = "" if call.name else name
        call.name = call.name or name
        arguments = _arguments(function.get("arguments"))
        if new or fresh_name or arguments:
            yield ToolCallDelta(call.index, (id_ or new_call_id()) if new else "", fresh_name, arguments)


def new_call_id() -> str:
    """Nine letters and digits: the strictest form that a server asks for (the Mistral API)."""
    return secrets.token_hex(5)[:9]


def _parts(content: object) -> Iterator[Event]:
    """The Mistral API's list form: thinking and text parts; parts of unknown types are passed over."""
    for part in _list(content):
        match part:
            case {"type": "thinking", "thinking": str() as text} if text:
                yield ReasoningDelta(text)
            case {"type": "thinking", "thinking": [*inner]}:
                if text := "".join(_text(_dict(piece).get("text")) for piece in inner):
                    yield ReasoningDelta(text)
            case {"type": "text", "text": str() as text} if text:
                yield TextDelta(text)


def _arguments(arguments: object) -> str:
    match arguments:
        case None:
            return ""
        case str():
            return arguments
        case _:
            return orjson.dumps(arguments).decode()


def _usage(found: dict[str, Any]) -> Usage:
    prompt, completion = _dict(found.get("prompt_tokens_details")), _dict(found.get("completion_tokens_details"))
    return Usage(
        prompt=_count(found.get("prompt_tokens")),
        completion=_count(found.get("completion_tokens")),
        # SGLang counts reasoning beside the other totals
        reasoning=_count(completion.get("reasoning_tokens", found.get("reasoning_tokens"))),
        cached=_count(prompt.get("cached_tokens", found.get("num_cached_tokens"))),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    # past 2**53 no count is real (-1 as uint64), and a database or a page could not keep it
    return value if type(value) is int and 0 <= value < 2**53 else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
