"""Whatever a server sends, nothing but BackendError is raised, and memory stays bounded."""

import tracemalloc
from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import repeat
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backends.answer import fold
from backends.errors import BackendError
from backends.events import Event, Failed, Stamped
from backends.http import BOUND, reaching, read
from backends.lane import Backend
from backends.recording import dump, load
from tests.backends.test_reading import SHORT

BACKEND = Backend("lane", "vllm", "http://127.0.0.1:1/v1")
STREAM = {"content-type": "text/event-stream"}
WHOLE = {"content-type": "application/json"}

# The keys that chunks and errors have, so that what is made up gets far into the decoder.
KEYS = st.one_of(
    st.sampled_from(
        ["delta", "message", "index", "content", "reasoning", "reasoning_content", "type", "text", "thinking"]
    ),
    st.sampled_from(
        ["tool_calls", "id", "function", "name", "arguments", "error", "code", "detail", "loc", "msg", "raw"]
    ),
    st.sampled_from(
        ["prompt_tokens", "prompt_tokens_details", "cached_tokens", "reasoning_tokens", "processed", "total"]
    ),
    st.sampled_from(["title", "metadata", "cost"]),
)
TEXTS = st.sampled_from(["", "a", "stop", "error", "null", "text", "thinking", '{"a":1}', "\u2028🙂"]) | st.text()
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=3)
CALLS = st.fixed_dictionaries({"function": OBJECTS}, optional={"id": VALUES, "index": VALUES})
DELTAS = OBJECTS | st.fixed_dictionaries({"tool_calls": st.lists(CALLS, max_size=2)})
CHOICES = st.fixed_dictionaries({}, optional={"delta": DELTAS, "message": DELTAS, "finish_reason": VALUES})
TOLD = dict.fromkeys(["usage", "timings", "metrics", "prompt_progress", "model", "error"], OBJECTS)
CHUNKS = st.fixed_dictionaries({"choices": st.lists(CHOICES, max_size=2)}, optional=TOLD)

PIECES = st.sampled_from([b"data: ", b"data: [DONE]\n\n", b":", b"\n", b"\r", b"\r\n\r\n", b"event: x\n", b"{}", SHORT])
BODIES = st.lists(PIECES | st.binary(max_size=40), max_size=12)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "retry-after", "retry-after-ms", "location", "content-encoding"]),
    st.sampled_from([*STREAM.values(), *WHOLE.values(), "7", "-1", "nan", "/v1", "http://[", "gzip", "31 Dec"])
    | st.text(st.characters(min_codepoint=32, max_codepoint=126)),
)
DEEP = b'{"error":' * 1000 + b"{}" + b"}" * 1000
CALLED_DEEP = b'{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":' + DEEP + b"}}]}}]}"


async def events_of(pieces: Iterable[bytes], status: int = 200, headers: Mapping[str, str] = STREAM) -> list[Event]:
    """What comes, ended as the runner ends it."""

    async def content() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    response = httpx.Response(status, headers=headers, content=content())
    events: list[Event] = []
    try:
        with reaching(BACKEND, ""):
            async for event in read(BACKEND, response, whole=True):
                events.append(event)  # noqa: PERF401 (what came before a failure counts)
    except BackendError as error:
        events.append(Failed(error.kind, str(error), error.retry_after))
    return events


def is_sound(events: list[Event]) -> bool:
    """Whether it is stored as it is, and folds."""
    recording = [Stamped(0, event) for event in events]
    return list(load(dump(recording))) == recording and fold(recording).pieces <= len(events)


@given(BODIES)
@example([b"data: ", DEEP, b"\n\n"])
@example([b"data: ", CALLED_DEEP, b"\n\n"])
@settings(deadline=None)
async def test_any_bytes_are_read_or_refused(body: list[bytes]) -> None:
    assert is_sound(await events_of(body))


@given(st.lists(CHUNKS | VALUES, max_size=3))
@settings(deadline=None, max_examples=300)
async def test_any_chunks_are_read_or_refused(chunks: list[Any]) -> None:
    assert is_sound(await events_of(b"data: %b\n\n" % orjson.dumps(chunk) for chunk in chunks))


@given(CHUNKS.map(orjson.dumps) | VALUES.map(orjson.dumps) | st.binary())
@example(CALLED_DEEP)
@settings(deadline=None)
async def test_any_whole_answer_is_read_or_refused(answer: bytes) -> None:
    assert is_sound(await events_of([answer], headers=WHOLE))


@given(st.integers(100, 599), HEADERS, st.binary() | VALUES.map(orjson.dumps))
@example(500, {}, DEEP)
@example(200, STREAM | {"content-encoding": "gzip"}, SHORT)
@settings(deadline=None, max_examples=300)
async def test_any_other_answer_is_refused(status: int, headers: dict[str, str], body: bytes) -> None:
    assert is_sound(await events_of([body], status, headers))


@pytest.mark.parametrize(
    ("piece", "most"),
    [(b": still here\n\n" * 5000, BOUND // 8), (b"x" * 64_000, 5 * BOUND), (b"data: %b\n" % (b"1" * 8000), 5 * BOUND)],
    ids=["comments", "a line", "lines of one event"],
)
async def test_what_has_no_end_takes_no_endless_memory(piece: bytes, most: int) -> None:
    tracemalloc.start()
    (end,) = await events_of(repeat(piece))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(end, Failed)
    assert end.kind == "endless"
    assert peak < most
