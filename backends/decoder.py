"""Chunks of a chat completion stream become events: one decoder for every dialect. It does no I/O."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from backends.errors import BackendError, broken_off, words_of
from backends.events import (
    Event,
    Finished,
    Measured,
    Progress,
    ReasoningDelta,
    Reported,
    TextDelta,
    ToolCallDelta,
    Usage,
)

# Where servers tell what they measured of a request: llama.cpp, vLLM, SGLang, LM Studio.
FIGURES = ("timings", "metrics", "sglext", "stats")
TOLD = frozenset({"usage", *FIGURES})


_OURS = "lw"  # begins the ids of calls that came without one
_MARKS = re.compile(r'["{}\[\]]|\\.?', re.DOTALL)


class _Json:
    """Tells whether JSON that comes in pieces is whole: each piece is looked at once, and only when it is asked."""

    __slots__ = ("_begun", "_depth", "_quoted", "_unread")

    def __init__(self) -> None:
        self._unread: list[str] = []
        self._depth, self._begun, self._quoted = 0, False, False

    def append(self, piece: str) -> None:
        self._unread.append(piece)

    def is_whole(self) -> bool:
        mark = ""
        for mark in _MARKS.findall("".join(self._unread)):
            if mark == '"':
                self._quoted = not self._quoted
            elif mark in ("{", "[") and not self._quoted:
                self._depth, self._begun = self._depth + 1, True
            elif mark in ("}", "]") and not self._quoted:
                self._depth -= 1
        self._unread = [mark] if mark == "\\" else []  # what it escapes comes with the next piece
        return self._begun and self._depth <= 0 and not self._quoted


@dataclass(slots=True)
class _Call:
    """A call being streamed. `index` is ours; `id` is the server's, "" where it gave none."""

    index: int
    id: str
    name: str = ""
    arguments: _Json = field(default_factory=_Json)

    def is_another(self, id_: str, name: str, arguments: str) -> bool:
        """Whether a piece begins another call: whole calls may all carry index 0, or none, and no id either; but the
        name alone tells nothing, since some servers repeat it with every piece."""
        if id_ and self.id:
            return bool(name) and id_ != self.id
        return bool(name and self.name) and (name != self.name or bool(arguments and self.arguments.is_whole()))


class Decoder:
    """Decodes the chunks of one stream in order; it remembers which calls are open and what was said before."""

    def __init__(self, name: str) -> None:
        """`name` is the backend's, for its error messages."""
        self._name = name
        self._calls: dict[int, _Call] = {}
        self._count = 0
        self._reported = Reported("")
        self._usage = Usage()
        self._figures: dict[str, Any] = {}
        self._measured = Measured("{}")
        self._finished = False

    def decode(self, chunk: Any) -> Iterator[Event]:
        """One chunk may carry anything at once: progress, reasoning, text, calls, usage, an error and the finish."""
        if not isinstance(chunk, dict):
            raise BackendError("malformed", f"{self._name} sent a chunk that is no JSON object.")
        model = _text(chunk.get("model")) or self._reported.model
        server = _text(chunk.get("system_fingerprint")) or self._reported.server
        if model != self._reported.model or server != self._reported.server:
            self._reported = Reported(model, server)
            yield self._reported
        if read := _dict(chunk.get("prompt_progress")):
            yield from _progress(read)
        reason = ""
        for choice in _list(chunk.get("choices")):
            if not isinstance(choice, dict) or choice.get("index"):  # only the first choice is asked for
                continue
            # an answer that was not streamed is one `message`; a few servers add it to their deltas, as a sum
            if delta := _dict(choice.get("delta", choice.get("message"))):
                yield from self._delta(delta)
            reason = _text(choice.get("finish_reason")) or reason
        if reason:
            self._finished = True
        if self._finished or not TOLD.isdisjoint(chunk):
            yield from self._told(chunk)
        if error := chunk.get("error") or ("choices" not in chunk and _error(chunk)):
            raise broken_off(self._name, words_of(error))
        if reason == "error":
            raise broken_off(self._name, "it gave the finish reason 'error'")
        if reason:
            yield Finished(reason)

    def _told(self, chunk: dict[str, Any]) -> Iterator[Event]:
        """The server's own counts and figures: some servers repeat them in every chunk, and the last are right."""
        if found := _dict(chunk.get("usage")):
            usage = _usage(found)
            if usage != self._usage:
                self._usage = usage
                yield usage
            if type(found.get("cost")) in (int, float):  # OpenRouter, in US dollars
                self._figures["cost"] = found["cost"]
        for key in FIGURES:
            if figures := chunk.get(key):
                self._figures |= _dict(figures)
        if self._finished and self._figures:
            measured = Measured(self._json(self._figures))
            if measured != self._measured:
                self._measured = measured
                yield measured

    def _delta(self, delta: dict[str, Any]) -> Iterator[Event]:
        reasoning, twin = _text(delta.get("reasoning")), _text(delta.get("reasoning_content"))
        if reasoning:
            yield ReasoningDelta(reasoning)
        if twin and twin != reasoning:  # some gateways send the same text under both names
            yield ReasoningDelta(twin)
        if "reasoning_details" in delta and not (reasoning or twin):
            yield from _details(delta["reasoning_details"])
        if refusal := _text(delta.get("refusal")):  # OpenAI: what its model says in place of an answer
            yield TextDelta(refusal)
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
        said = function.get("arguments")
        arguments = said if isinstance(said, str) else "" if said is None else self._json(said)
        call = self._calls.get(slot)
        new = call is None or call.is_another(id_, name, arguments)
        if call is None or new:
            call = self._calls[slot] = _Call(self._count, id_)
            self._count += 1
        fresh_name = "" if call.name else name
        call.name = call.name or name
        if arguments:
            call.arguments.append(arguments)
        if new or fresh_name or arguments:
            yield ToolCallDelta(call.index, (id_ or new_call_id()) if new else "", fresh_name, arguments)

    def _json(self, value: object) -> str:
        try:
            return orjson.dumps(value).decode()
        except TypeError as error:  # it reads deeper than it writes
            raise BackendError("malformed", f"{self._name} sent JSON that is nested too deep.") from error


def new_call_id() -> str:
    """Nine letters and digits: the strictest form that a server asks for (the Mistral API)."""
    return f"{_OURS}{secrets.token_hex(4)[:7]}"


def is_ours(call_id: str) -> bool:
    """Whether an id was made here, for a call to which the server gave none."""
    return re.fullmatch(rf"{_OURS}[0-9a-f]{{7}}", call_id) is not None


def _details(details: object) -> Iterator[Event]:
    """OpenRouter's, which say the same as its `reasoning` where it sends that."""
    for part in _list(details):
        if text := _text(_dict(part).get("text")) or _text(_dict(part).get("summary")):
            yield ReasoningDelta(text)


def _parts(content: object) -> Iterator[Event]:
    """The Mistral API's list form: thinking and text parts; parts of unknown types are passed over."""
    for part in _list(content):
        match part:
            case str() if part:
                yield TextDelta(part)
            case {"type": "thinking", "thinking": str() as text} if text:
                yield ReasoningDelta(text)
            case {"type": "thinking", "thinking": [*inner]}:
                if text := "".join(_text(piece) or _text(_dict(piece).get("text")) for piece in inner):
                    yield ReasoningDelta(text)
            case {"type": "text", "text": str() as text} if text:
                yield TextDelta(text)


def _error(chunk: dict[str, Any]) -> object:
    """What a chunk without an answer says went wrong, where it does so in another form than `error`."""
    match chunk:
        case {"event": "error"}:
            return chunk.get("data") or chunk
        case {"object": "error"}:  # the Mistral API, SGLang
            return chunk
        case {"message": str(), "code": int() as code} if code >= 400:  # vLLM behind a NIM
            return chunk
        case {"detail": (str() | list()) as said} if said:  # FastAPI, and problem details
            return chunk
        case _:
            return None


def _progress(read: dict[str, Any]) -> Iterator[Event]:
    """llama.cpp's, while it reads the prompt; what it still knew from before counts as read."""
    done, total = _count(read.get("processed")), _count(read.get("total"))
    if done is not None and total:
        yield Progress(done, total)


def _usage(found: dict[str, Any]) -> Usage:
    prompt, completion = _dict(found.get("prompt_tokens_details")), _dict(found.get("completion_tokens_details"))
    return Usage(
        prompt=_count(found.get("prompt_tokens")),
        completion=_count(found.get("completion_tokens")),
        # SGLang counts reasoning beside the other totals
        reasoning=_count(completion.get("reasoning_tokens"), found.get("reasoning_tokens")),
        cached=_count(prompt.get("cached_tokens"), found.get("num_cached_tokens")),
        image=_count(prompt.get("multimodal_tokens"), prompt.get("image_tokens")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(*values: object) -> int | None:
    """The first of the values that is a count."""
    # past 2**53 no count is real (-1 as uint64), and a database or a page could not keep it
    return next((value for value in values if type(value) is int and 0 <= value < 2**53), None)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
