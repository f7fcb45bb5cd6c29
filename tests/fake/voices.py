"""How a kind of server speaks: the chunks that a speech becomes, and the frames in which they travel."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from backends.events import ReasoningDelta, TextDelta, Usage
from backends.prompt import ToolCall
from tests.fake.script import Speech

Json = dict[str, Any]

DONE = b"data: [DONE]\n\n"


def framed(chunk: object) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(chunk)


def whole(place: int, call: ToolCall) -> list[Json]:
    function = {"name": call.name, "arguments": call.arguments}
    return [{"index": place, "id": call.id, "type": "function", "function": function}]


def in_pieces(place: int, call: ToolCall) -> list[Json]:
    """The name first, without arguments; then these, bit by bit."""
    first = {"index": place, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    cuts = range(0, len(call.arguments), 5)
    return [first, *({"index": place, "function": {"arguments": call.arguments[at : at + 5]}} for at in cuts)]


def counts(usage: Usage) -> Json:
    prompt, completion = usage.prompt or 0, usage.completion or 0
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def wrapped(message: str) -> bytes:
    return framed({"error": {"message": message, "type": "InternalServerError", "param": None, "code": 500}})


@dataclass(frozen=True)
class Voice:
    """One dialect; by default that of OpenAI's own server and of most others.

    `reasoned`, `call`, `usage`: the delta of a thought, the pieces of a call, the counts; `measured`: what stands
    beside the counts; `delta`, `choice`, `chunk`: what stands in each of these; `rework`: what the server does to its
    deltas; `usage_apart`: in a chunk without choices; `usage_asked`: only when asked for; `calls_end`: the last call
    carries the finish; `progress`: what the first chunks tell of the prompt, when asked; `done`: [DONE] ends a whole
    stream, `error_done` also one that broke off with `error`.
    """

    reasoned: Callable[[str], Json] = lambda text: {"reasoning_content": text}
    call: Callable[[int, ToolCall], list[Json]] = in_pieces
    head: Json = field(default_factory=lambda: {"role": "assistant", "content": ""})
    last: Json = field(default_factory=dict)
    delta: Json = field(default_factory=dict)
    choice: Json = field(default_factory=dict)
    chunk: Json = field(default_factory=dict)
    rework: Callable[[Speech, list[Json]], list[Json]] = lambda speech, deltas: deltas
    usage: Callable[[Usage], Json] = counts
    measured: Callable[[Usage], Json] = lambda usage: {}
    usage_apart: bool = True
    usage_asked: bool = True
    calls_end: bool = False
    progress: Callable[[int], Json] | None = None
    comment: bytes = b""
    error: Callable[[str], bytes] = wrapped
    done: bool = True
    error_done: bool = True

    def chunks(self, speech: Speech, include_usage: bool) -> Iterator[Json]:
        deltas, fault = self._deltas(speech), speech.script.fault
        if fault == "both":
            deltas = [_twice(delta) for delta in deltas]
        ends = fault == "finish_with_delta" or (self.calls_end and speech.calls)
        last = deltas.pop() if ends else self.last
        yield from (self._chunk(speech, delta) for delta in [self.head, *deltas])
        if fault == "no_finish":
            return
        finish, usage = self._chunk(speech, last, speech.reason), speech.usage
        if usage is None or (self.usage_asked and not include_usage):
            yield finish
            return
        told = {"usage": self.usage(usage)} | self.measured(usage)
        if self.usage_apart:
            yield finish
            yield finish | {"choices": []} | told
        else:
            yield finish | told

    def _deltas(self, speech: Speech) -> list[Json]:
        said = [
            self.reasoned(piece.text) if isinstance(piece, ReasoningDelta) else {"content": piece.text}
            for piece in speech.pieces
        ]
        pieces = [piece for place, call in enumerate(speech.calls) for piece in self.call(place, call)]
        return self.rework(speech, said + [{"tool_calls": [piece]} for piece in pieces])

    def _chunk(self, speech: Speech, delta: Json, reason: str | None = None) -> Json:
        return {
            "id": "chatcmpl-5a2c",
            "object": "chat.completion.chunk",
            "created": 1795443906,
            "model": speech.model,
            "choices": [{"index": 0, "delta": self.delta | delta, "finish_reason": reason} | self.choice],
        } | self.chunk

    def whole(self, speech: Speech) -> Json:
        """The answer in one piece: what is lost or leaked while it streams is not."""
        said = list(speech.pieces)
        thought, text = ("".join(p.text for p in said if isinstance(p, each)) for each in (ReasoningDelta, TextDelta))
        message = {"role": "assistant", "content": text} | (self.reasoned(thought) if thought else {})
        if thought and isinstance(message["content"], list):
            message["content"].append({"type": "text", "text": text})
        if speech.calls:
            message["tool_calls"] = [piece for place, call in enumerate(speech.calls) for piece in whole(place, call)]
        choice = {"index": 0, "message": message, "finish_reason": speech.reason}
        told = {} if speech.usage is None else {"usage": self.usage(speech.usage)}
        head = {"id": "chatcmpl-5a2c", "object": "chat.completion", "created": 1795443906, "model": speech.model}
        return head | {"choices": [choice]} | told

    def frames(self, speech: Speech, include_usage: bool) -> Iterator[bytes]:
        head, *others = self.chunks(speech, include_usage)
        told = [head | self.progress(done) for done in (512, 900)] if speech.progress and self.progress else []
        yield self.comment + b"".join(map(framed, [head, *told]))
        yield from map(framed, others)
        if self.done and speech.script.fault not in ("no_done", "no_finish"):
            yield DONE

    def breaks_off(self, message: str) -> bytes:
        return self.error(message) + (DONE if self.error_done else b"")


def _twice(delta: Json) -> Json:
    """The text of a thought under both names, as some gateways send it."""
    text = delta.get("reasoning") or delta.get("reasoning_content")
    return delta | {"reasoning": text, "reasoning_content": text} if text else delta
