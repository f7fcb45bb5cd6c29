"""How an event stream is read, whatever stands around its chunks. `test_streams` has those of real servers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import nim
from backends.chat import ChatClient
from backends.errors import BackendError
from backends.events import Event, Failed, Finished, ReasoningDelta, Reported, Sent, TextDelta, ToolCallDelta, Usage
from backends.http import read
from backends.lane import Backend, Lane
from backends.prompt import Prompt
from backends.runner import Run
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


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'data: {"message":"CUDA out of memory","code":500}\n', "lane broke off: CUDA out of memory."),
        (b'data: {"error":{"message":"CUDA out of memory."}}\n', "lane broke off: CUDA out of memory."),
        (b'data: "CUDA out of memory"\n', "lane broke off: CUDA out of memory."),
        (b"data: CUDA out\ndata: of memory\n", "lane broke off: CUDA out of memory."),
        (b"data:\n", "lane broke off and did not say why."),
        (b"", "lane broke off and did not say why."),
    ],
    ids=["an object", "one in another", "JSON text", "plain text", "no words", "no data"],
)
async def test_an_error_event_is_a_failure_in_the_servers_words(data: bytes, said: str) -> None:
    body = sse(delta(content="Hi"), done=False) + b"event: error\n" + data + b"\n" + sse()
    answer = await answer_of([body])
    assert (answer.text, answer.failure) == ("Hi", Failed("midstream", said))


async def test_a_chunk_that_is_not_json_is_malformed() -> None:
    with pytest.raises(BackendError, match="not JSON") as caught:
        await events_of([b"data: oops\n\n" + SHORT])
    assert caught.value.kind == "malformed"


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


HOSTED = Backend("lane", "nim", nim.KIND.base_url, "m", key_env="NVIDIA_API_KEY", first_timeout=10)
WHOLE = {
    "model": "m",
    "choices": [{"index": 0, "message": {"reasoning": "R", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3},
}


async def put_off(backend: Backend, prompt: Prompt, *late: httpx.Response) -> tuple[list[Event], list[httpx.Request]]:
    """What comes where the first answer is that it will come later, and what was asked."""
    asked: list[httpx.Request] = []
    answers = iter((httpx.Response(202, headers={"NVCF-REQID": "a/1"}), *late))

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return next(answers)

    environ = {"NVIDIA_API_KEY": "s3cret-and-long"}
    client = ChatClient(nim.KIND, backend, environ, transport=httpx.MockTransport(handle))
    return [event async for event in client.stream(Lane(backend), prompt)], asked


@pytest.mark.parametrize(
    "late",
    [
        httpx.Response(200, json=WHOLE),
        httpx.Response(200, headers={"content-type": "text/event-stream"}, content=sse(WHOLE)),
    ],
    ids=["whole", "as a stream"],
)
async def test_an_answer_that_was_put_off_is_asked_for_until_it_is_there(late: httpx.Response, prompt: Prompt) -> None:
    events, asked = await put_off(HOSTED, prompt, httpx.Response(202), late)
    assert [type(event) for event in events[:2]] == [Sent, Reported]
    assert events[2:] == [ReasoningDelta("R"), TextDelta("Hi"), Usage(prompt=3), Finished("stop")]
    assert [request.method for request in asked] == ["POST", "GET", "GET"]
    assert str(asked[1].url) == "https://api.nvcf.nvidia.com/v2/nvcf/pexec/status/a%2F1"
    assert {request.headers["authorization"] for request in asked} == {"Bearer s3cret-and-long"}


async def test_an_answer_that_is_put_off_for_too_long_ends_by_its_timeout(prompt: Prompt) -> None:
    with pytest.raises(BackendError, match="Raise its `first_timeout`"):
        await put_off(replace(HOSTED, first_timeout=0.05), prompt)


async def test_a_refusal_may_be_put_off_too(prompt: Prompt) -> None:
    with pytest.raises(BackendError, match="no credit") as caught:
        await put_off(HOSTED, prompt, httpx.Response(402, json={"detail": "no credit"}))
    assert caught.value.kind == "billing"


async def test_the_key_of_another_server_is_sent_to_no_hosted_service(prompt: Prompt) -> None:
    with pytest.raises(BackendError) as caught:
        await put_off(replace(HOSTED, base_url="http://nim:8000/v1"), prompt)
    assert caught.value.kind == "loading"


class Ending(httpx.AsyncByteStream):
    """A body that takes its time to close."""

    def __init__(self) -> None:
        self.closing, self.may_close, self.closed = asyncio.Event(), asyncio.Event(), False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield SHORT

    async def aclose(self) -> None:
        self.closing.set()
        await self.may_close.wait()
        self.closed = True


async def test_a_connection_is_given_back_even_where_its_lane_is_stopped_just_then(prompt: Prompt) -> None:
    body = Ending()
    answer = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=body)
    client = ChatClient(nim.KIND, BACKEND, {}, transport=httpx.MockTransport(lambda _: answer))
    run = Run(client.stream, [(Lane(BACKEND, "m"), prompt)])
    await body.closing.wait()
    run.stop()
    body.may_close.set()
    await run.ended()
    assert body.closed
