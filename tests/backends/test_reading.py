"""How an event stream is read, whatever stands around its chunks. `test_streams` has those of real servers."""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BackendError
from backends.events import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from backends.http import read
from backends.lane import Backend
from tests.backends.fake_server import delta, sse
from tests.backends.test_streams import answer_of

BACKEND = Backend("lane", "vllm", "http://127.0.0.1:1/v1")
SHORT = sse(
    delta(role="assistant", content=""),
    delta(reasoning_content="né"),
    delta(content="a\u2028b\u0085🙂"),
    delta(tool_calls=[{"index": 0, "id": "k3Jd9QpZa", "function": {"name": "f", "arguments": '{"x":'}}]),
    delta(tool_calls=[{"index": 0, "id": None, "function": {"name": None, "arguments": "1}"}}]),
    delta(finish="tool_calls"),
)


async def events_of(pieces: Iterable[bytes], content_type: str = "text/event-stream", status: int = 200) -> list[Event]:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    response = httpx.Response(status, headers={"content-type": content_type}, content=body())
    async with aclosing(read(BACKEND, response)) as events:
        return [event async for event in events]


async def test_the_events_are_the_same_for_every_cut() -> None:
    whole = await events_of([SHORT])
    assert [type(event) for event in whole[1:]] == [
        ReasoningDelta,
        TextDelta,
        ToolCallDelta,
        ToolCallDelta,
        Finished,
    ]
    for cut in range(len(SHORT)):
        assert await events_of([SHORT[:cut], SHORT[cut:]]) == whole


@given(st.lists(st.integers(0, len(SHORT)), max_size=6), st.sampled_from([b"\n", b"\r\n", b"\r"]))
async def test_the_events_are_the_same_for_any_cuts_and_line_ends(cuts: list[int], end: bytes) -> None:
    body = SHORT.replace(b"\n", end)
    edges = [0, *sorted(cuts), len(body)]
    assert await events_of(body[a:b] for a, b in pairwise(edges)) == await events_of([SHORT])


@pytest.mark.parametrize(
    "body",
    [
        SHORT.replace(b"data: [DONE]\n\n", b""),
        SHORT.replace(b"\n\ndata: [DONE]\n\n", b""),
        SHORT.replace(b"\n\ndata: [DONE]\n\n", b"\n"),
        b": keep-alive\n\n" + SHORT.replace(b"\n\n", b"\n\n:\n\n: PROCESSING\n\n"),
        b"retry: 3000\n\nevent: message\nid: 7\n" + SHORT,
        SHORT.replace(b"data: ", b"data:"),
        SHORT + b"data: nothing after the end is read\n\n",
    ],
    ids=[
        "no [DONE]",
        "no last blank line",
        "half a blank line",
        "comments",
        "other fields",
        "no space",
        "after [DONE]",
    ],
)
async def test_the_frame_around_the_chunks_does_not_matter(body: bytes) -> None:
    assert await events_of([body]) == await events_of([SHORT])


async def test_an_event_stream_is_utf_8_whatever_its_header_says() -> None:
    assert await events_of([SHORT], "text/event-stream; charset=iso-8859-1") == await events_of([SHORT])


async def test_a_stream_cut_at_any_byte_is_never_a_success() -> None:
    end = SHORT.index(b'"finish_reason":"tool_calls"')
    for cut in range(end):
        answer = await answer_of([SHORT[:cut]])
        assert answer.failure is not None
        assert answer.failure.kind == "truncated"


async def test_a_chunk_that_is_not_json_is_malformed() -> None:
    with pytest.raises(BackendError, match="not JSON") as caught:
        await events_of([b"data: oops\n\n" + SHORT])
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize("chunk", ["7", "[]", "null", '"x"'])
async def test_a_chunk_that_is_no_object_is_malformed(chunk: str) -> None:
    with pytest.raises(BackendError, match="no JSON object"):
        await events_of([sse(chunk)])


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": None},
        {"choices": [None, 3, "x"]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": 5, "reasoning": {}, "tool_calls": {}}}]},
        {"choices": [{"delta": {"content": [None, 1, {"type": "thinking", "thinking": [None, 2, {"text": None}]}]}}]},
        {"choices": [{"delta": {"tool_calls": [None, "x"]}}], "usage": []},
        {"choices": [{"index": 1, "delta": {"content": "the second choice"}, "finish_reason": "stop"}]},
        {"usage": None, "error": None, "model": None, "system_fingerprint": 5},
    ],
)
async def test_odd_chunks_say_nothing_and_break_nothing(chunk: dict[str, object]) -> None:
    assert await events_of([sse(chunk)]) == []


async def test_calls_without_ids_are_told_apart_by_their_names() -> None:
    pieces = [("f", '{"a":'), ("f", "1}"), ("g", '{"b":'), ("", "2}")]
    chunks = [delta(tool_calls=[{"function": {"name": name, "arguments": said}}]) for name, said in pieces]
    answer = await answer_of([sse(*chunks, delta(finish="tool_calls"))])
    assert [(call.name, call.arguments) for call in answer.calls] == [("f", '{"a":1}'), ("g", '{"b":2}')]


async def test_usage_repeated_in_every_chunk_is_told_once() -> None:
    chunk = {**delta(content="a"), "usage": {"prompt_tokens": 3}}
    assert (await events_of([sse(chunk, chunk)])).count(Usage(prompt=3)) == 1


@pytest.mark.parametrize("count", [2**64 - 1, 2**53, -1, True, 1.5, "3"])
async def test_a_count_that_no_count_can_be_is_none(count: object) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": 2**53 - 1}
    assert (await events_of([sse({"usage": usage})])) == [Usage(completion=2**53 - 1)]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<html><title>Welcome</title>nginx</html>"),
        ("application/json", b'{"message":"Welcome"}'),
        ("", b""),
    ],
)
async def test_an_answer_that_is_no_event_stream_says_so(content_type: str, body: bytes) -> None:
    with pytest.raises(BackendError, match="OpenAI-compatible") as caught:
        await events_of([body], content_type)
    assert caught.value.kind == "not_a_stream"
    assert not body or "Welcome" in str(caught.value)


async def test_an_endless_refusal_is_read_only_at_its_beginning() -> None:
    def endless() -> Iterable[bytes]:
        while True:
            yield b"no " * 1000

    with pytest.raises(BackendError, match="answered 500"):
        await events_of(endless(), "text/plain", 500)
