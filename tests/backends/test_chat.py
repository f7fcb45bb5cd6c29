"""Requests in each server's dialect: exactly the keys it takes, and earlier turns as it wants them."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from types import MappingProxyType
from typing import Any

import httpx
import orjson
import pytest

from backends import mistral, vllm
from backends.chat import ChatClient, left_out, nine_characters, request_body, with_images
from backends.errors import BackendError
from backends.events import Finished, Sent
from backends.http import base_address, is_near
from backends.kind import Dialect, without_reasoning
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Prompt, ToolCall, ToolTurn, UserTurn
from backends.registry import kinds
from tests.backends.conftest import SQUARE, picture
from tests.backends.fake_server import delta, sse

BACKEND = Backend("lane", "vllm", "http://127.0.0.1:8000")
DIALECTS = {kind.name: kind.dialect for kind in kinds().values()}
CHOICES = ("", "auto", "none", "required", "measure")

# Where a server may look for the effort and for the seed: each dialect knows one of them.
EFFORT = {
    "reasoning_effort": "high",
    "reasoning": {"effort": "high"},
    "chat_template_kwargs": {"reasoning_effort": "high"},
}
SEED = {"seed": 7, "random_seed": 7}
ALWAYS = {"model", "messages", "stream"}
UNASKED = {"stream_options", "return_progress"}

NAMED = {"type": "function", "function": {"name": "measure"}}
USAGE = {"stream_options": {"include_usage": True}}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "R"}]}


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("choice", CHOICES)
def test_each_kind_is_sent_exactly_the_keys_it_takes(name: str, choice: str, long_prompt: Prompt) -> None:
    dialect = DIALECTS[name]
    honoured = ("named" if choice == "measure" else choice) in dialect.tool_choices
    for effort, images, tools, history, replays in product(
        ("", "none", "high"), (0, 1, 3), (False, True), (False, True), (False, True)
    ):
        pictures = tuple(picture(number) for number in range(images))
        turns = (*(long_prompt.turns[:-1] if history else ()), UserTurn("And now?", pictures))
        prompt = Prompt("", turns, (SQUARE,) if tools else (), choice)
        body = request_body(dialect, "m", Lane(BACKEND, effort=effort, replays=replays), prompt)
        expected = ALWAYS | (UNASKED & dialect.keys)
        if effort:
            expected |= EFFORT.keys() & dialect.keys
        if tools:
            expected |= {"tools"} | ({"tool_choice"} if honoured else set())
        assert body.keys() == expected, (effort, images, tools, history, replays)
        last = body["messages"][-1]["content"]
        assert (
            last == "And now?" if not images else [part["type"] for part in last] == ["image_url"] * images + ["text"]
        )
        assert (b"I need both edges" in orjson.dumps(body)) == (
            history and replays and dialect.replay is not without_reasoning
        )


@pytest.mark.parametrize("name", DIALECTS)
def test_an_answer_in_one_piece_is_asked_for_without_what_only_streams_have(name: str, prompt: Prompt) -> None:
    lane = Lane(BACKEND, stop=("END",), streams=False)
    body = request_body(DIALECTS[name], "m", lane, prompt)
    assert body.keys() == ALWAYS | ({"stop"} & DIALECTS[name].keys)
    assert (body["stream"], body.get("stop", ["END"])) == (False, ["END"])


@pytest.mark.parametrize("name", DIALECTS)
def test_every_setting_of_a_lane_is_sent_even_when_it_is_zero(name: str, prompt: Prompt) -> None:
    body = request_body(DIALECTS[name], "m", Lane(BACKEND, temperature=0.0, max_tokens=5, seed=0), prompt)
    assert (body["temperature"], body["max_tokens"]) == (0.0, 5)
    assert [body[key] for key in SEED.keys() & body.keys()] == [0]
    assert len(EFFORT.keys() & DIALECTS[name].keys) == 1


@pytest.mark.parametrize(
    ("name", "settings", "reasoning"),
    [
        ("vllm", USAGE | {"reasoning_effort": "high", "seed": 7, "tool_choice": NAMED}, "reasoning"),
        ("nim", USAGE | {"reasoning_effort": "high", "seed": 7, "tool_choice": NAMED}, "reasoning"),
        ("sglang", USAGE | {"reasoning_effort": "high", "seed": 7, "tool_choice": NAMED}, "reasoning_content"),
        ("llamacpp", USAGE | {"reasoning_effort": "high", "seed": 7, "return_progress": True}, "reasoning_content"),
        ("transformers", {"chat_template_kwargs": {"reasoning_effort": "high"}, "seed": 7}, ""),
        ("openai", USAGE | {"reasoning_effort": "high", "seed": 7, "tool_choice": NAMED}, ""),
        ("ollama", USAGE | {"reasoning_effort": "high", "seed": 7}, "reasoning"),
        ("lmstudio", USAGE | {"reasoning_effort": "high", "seed": 7}, "reasoning_content"),
        ("openrouter", USAGE | {"reasoning": {"effort": "high"}, "seed": 7, "tool_choice": NAMED}, "reasoning"),
        ("mistral", {"reasoning_effort": "high", "random_seed": 7, "tool_choice": NAMED}, "a part of its content"),
    ],
)
def test_the_whole_body_in_each_kinds_dialect(name: str, settings: dict[str, Any], reasoning: str) -> None:
    call = ToolCall("k3Jd9QpZa", "measure", '{"edge":"AB"}')
    turns = (
        UserTurn("Measure it.", (picture(1),)),
        AssistantTurn("", "R", (call,)),
        ToolTurn(call.id, call.name, "4.2"),
        AssistantTurn("It is 4.2.", "R"),
        UserTurn("Sure?"),
    )
    lane = Lane(BACKEND, effort="high", temperature=0.7, max_tokens=9, seed=7)
    calling: dict[str, Any] = {"content": ""}
    answering: dict[str, Any] = {"content": "It is 4.2."}
    if name == "mistral":
        calling, answering = {"content": [THINKING]}, {"content": [THINKING, {"type": "text", "text": "It is 4.2."}]}
    elif reasoning:
        calling, answering = calling | {reasoning: "R"}, answering | {reasoning: "R"}
    function = {"name": "measure", "arguments": '{"edge":"AB"}'}
    tool = {"name": "measure", "description": "Measure an edge", "parameters": SQUARE.parameters}
    image = {"type": "image_url", "image_url": {"url": f"sha256:{1:064x}"}}
    assert request_body(DIALECTS[name], "m", lane, Prompt("Be brief.", turns, (SQUARE,), "measure")) == settings | {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [image, {"type": "text", "text": "Measure it."}]},
            {"role": "assistant", **calling, "tool_calls": [{"id": call.id, "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": call.id, "name": "measure", "content": "4.2"},
            {"role": "assistant", **answering},
            {"role": "user", "content": "Sure?"},
        ],
        "stream": True,
        "temperature": 0.7,
        "max_tokens": 9,
        "tools": [{"type": "function", "function": tool}],
    }


@pytest.mark.parametrize("name", DIALECTS)
def test_the_system_message_is_always_sent_and_no_content_is_null(name: str, long_prompt: Prompt) -> None:
    messages = request_body(DIALECTS[name], "m", Lane(BACKEND), long_prompt)["messages"]
    assert messages[0] == {"role": "system", "content": ""}
    assert [message["role"] for message in messages[1:]] == ["user", "assistant", "tool", "tool", "assistant", "user"]
    assert all(message["content"] is not None for message in messages)
    assert [message["content"] for message in messages if message["role"] == "tool"] == ["4.2", "4.3"]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_key_that_this_one_server_does_not_take_is_left_out_and_said(name: str, prompt: Prompt) -> None:
    backend = replace(BACKEND, omit=("temperature", "tools", "top_k"))
    lane, asked = Lane(backend, temperature=0.5), replace(prompt, tools=(SQUARE,), tool_choice="auto")
    body = request_body(DIALECTS[name], "m", lane, asked)
    assert not body.keys() & {"temperature", "tools", "tool_choice"}
    assert "Not sent, as declared: temperature, tools." in left_out(DIALECTS[name], lane, asked)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("choice", CHOICES)
def test_a_tool_choice_that_a_server_would_misread_is_not_sent_and_said(name: str, choice: str, prompt: Prompt) -> None:
    asked = replace(prompt, tools=(SQUARE,), tool_choice=choice)
    sent = request_body(DIALECTS[name], "m", Lane(BACKEND), asked).get("tool_choice", "")
    said = list(left_out(DIALECTS[name], Lane(BACKEND), asked))
    if sent:
        assert (sent, said) == (NAMED if choice == "measure" else choice, [])
    else:
        assert len(said) == bool(choice)
        assert all(repr(choice) in each for each in said)


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("arguments", ["", '{"edge":', "AB", "[1]", "null"])
def test_earlier_arguments_that_are_no_object_break_no_request(name: str, arguments: str, prompt: Prompt) -> None:
    call = ToolCall("k3Jd9QpZa", "measure", arguments)
    asked = replace(prompt, turns=(*prompt.turns, AssistantTurn("", "", (call,)), ToolTurn(call.id, call.name, "no")))
    sent = request_body(DIALECTS[name], "m", Lane(BACKEND), asked)["messages"][-2]["tool_calls"][0]["function"]
    assert sent == {"name": "measure", "arguments": "{}"}
    assert ["go back as {}" in said for said in left_out(DIALECTS[name], Lane(BACKEND), asked)] == [True] * bool(
        arguments
    )


def test_call_ids_become_nine_characters_only_where_the_server_asks_for_it(long_prompt: Prompt) -> None:
    def ids(dialect: Dialect) -> list[tuple[list[str], list[str]]]:
        messages = request_body(dialect, "m", Lane(BACKEND), long_prompt)["messages"]
        made = [call["id"] for message in messages for call in message.get("tool_calls", ())]
        return made, [message["tool_call_id"] for message in messages if message["role"] == "tool"]

    assert ids(vllm.DIALECT) == (["call_0f3c", "k3Jd9QpZa"],) * 2
    strict = [nine_characters("call_0f3c"), "k3Jd9QpZa"]
    assert ids(mistral.DIALECT) == (strict, strict)
    assert all(len(call_id) == 9 and call_id.isalnum() for call_id in strict)


CAVEATS = [
    ("sglang", {}, {}, ["Without an effort"]),
    ("sglang", {"effort": "none"}, {"tools": (SQUARE,)}, ["every ] is missing"]),
    ("sglang", {"effort": "none"}, {"tools": (SQUARE,), "tool_choice": "none"}, []),
    ("sglang", {"effort": "none"}, {"tools": (SQUARE,), "tool_choice": "measure"}, ["every ]", "named tool alone"]),
    ("vllm", {"effort": "none"}, {"tools": (SQUARE,)}, []),
    ("vllm", {"effort": "high"}, {"tools": (SQUARE,), "tool_choice": "measure"}, ["`stop`"]),
    ("nim", {"effort": "high"}, {}, []),
    ("llamacpp", {"effort": "high"}, {"tools": (SQUARE,)}, []),
    ("mistral", {"effort": "high", "seed": 1}, {"tools": (SQUARE,)}, []),
    ("transformers", {"effort": "none", "backend": replace(BACKEND, context=9)}, {}, []),
    ("transformers", {"effort": "high", "seed": 1}, {}, ["may arrive as one", "whole server", "with nonsense"]),
    ("transformers", {"effort": "none"}, {"tools": (SQUARE,)}, ["may arrive as one", "with nonsense"]),
    ("transformers", {"effort": "none"}, {"turns": (UserTurn("", (picture(1),)),)}, ["without eyes", "with nonsense"]),
    ("openai", {}, {"tools": (SQUARE,)}, []),
    ("openai", {"effort": "high"}, {"tools": (SQUARE,), "tool_choice": "auto"}, ["the effort", "the tool choice"]),
    ("ollama", {"effort": "high"}, {}, ["can't think", "dropped without a word"]),
    ("ollama", {"effort": "none", "backend": replace(BACKEND, context=9)}, {}, []),
    (
        "lmstudio",
        {"effort": "none"},
        {"tools": (SQUARE,), "tool_choice": "required"},
        ["Only some models", "llama.cpp"],
    ),
    ("openrouter", {}, {}, ["A provider is picked"]),
]


@pytest.mark.parametrize(("name", "lane", "asked", "said"), CAVEATS)
def test_what_a_server_gets_wrong_is_said_only_where_it_applies(
    name: str, lane: dict[str, Any], asked: dict[str, Any], said: list[str], prompt: Prompt
) -> None:
    found = list(kinds()[name].caveats(Lane(**{"backend": BACKEND} | lane), replace(prompt, **asked)))
    assert len(found) == len(said)
    assert all(part in sentence for part, sentence in zip(said, found, strict=True))


def test_what_becomes_of_an_earlier_answer_is_said() -> None:
    call = ToolCall("k3Jd9QpZa", "measure", "{}")
    turns = (UserTurn("Hi"), AssistantTurn("Let me see.", "R", (call,)), ToolTurn(call.id, call.name, "4.2"))
    prompt, lane = Prompt("", turns), Lane(BACKEND, effort="none")
    assert any("Mistral's own tokenizer" in each for each in kinds()["sglang"].caveats(lane, prompt))
    assert not list(kinds()["sglang"].caveats(replace(lane, replays=False), prompt))
    assert any("beside an earlier tool call" in each for each in kinds()["transformers"].caveats(lane, prompt))


@pytest.mark.parametrize("name", DIALECTS)
def test_caveats_are_short_sentences(name: str, long_prompt: Prompt) -> None:
    for effort, choice in product(("", "none", "high"), CHOICES):
        lane = Lane(BACKEND, effort=effort, seed=1)
        said = list(kinds()[name].caveats(lane, replace(long_prompt, tool_choice=choice)))
        assert all(each.endswith(".") and len(each) <= 100 for each in said)


async def test_the_written_request_names_images_by_their_hash_and_only_they_become_bytes() -> None:
    mark = f"sha256:{1:064x}"
    prompt = Prompt(mark, (UserTurn(f'{mark} "url":"{mark}"', (picture(1), picture(2))),))
    body = request_body(vllm.DIALECT, "m", Lane(BACKEND), prompt)
    sent = orjson.loads(await with_images(orjson.dumps(body), prompt))
    for part, number in zip(body["messages"][1]["content"][:-1], (1, 2), strict=True):
        assert part["image_url"]["url"] == f"sha256:{number:064x}"
        part["image_url"]["url"] = f"data:image/png;base64,{base64.b64encode(picture(number).data).decode()}"
    assert sent == body


def test_an_image_without_words_is_sent_without_an_empty_text() -> None:
    prompt = Prompt("", (UserTurn("", (picture(1),)),))
    content = request_body(vllm.DIALECT, "m", Lane(BACKEND), prompt)["messages"][1]["content"]
    assert [part["type"] for part in content] == ["image_url"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://h:8000", "http://h:8000/v1"),
        ("http://h:8000/", "http://h:8000/v1"),
        ("http://h:8000/v1/", "http://h:8000/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
    ],
)
def test_an_address_without_a_path_means_v1(written: str, meant: str) -> None:
    assert base_address(written) == base_address(meant) == meant


def test_this_machine_and_its_network_are_near() -> None:
    near = ["127.0.0.1", "::1", "localhost", "vllm", "192.168.1.7", "10.0.0.2", "box.local", "app.internal"]
    assert [is_near(host) for host in near] == [True] * len(near)
    assert not any(is_near(host) for host in ("api.mistral.ai", "8.8.8.8", "localhost.example.org"))


def answering(
    answer: httpx.Response, environ: Mapping[str, str] = MappingProxyType({}), **settings: str
) -> tuple[ChatClient, list[httpx.Request]]:
    """A client whose requests end in a list, and all get the same answer."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    return (
        ChatClient(vllm.KIND, replace(BACKEND, **settings), environ, transport=httpx.MockTransport(handle)),
        asked,
    )


def good() -> httpx.Response:
    body = sse(delta(content="Hi"), delta(finish="stop"))
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)


async def test_what_is_recorded_as_sent_is_what_was_sent(long_prompt: Prompt) -> None:
    client, asked = answering(good())
    events = [event async for event in client.stream(Lane(BACKEND, "m", effort="high", seed=1), long_prompt)]
    assert isinstance(events[0], Sent)
    recorded, sent = orjson.loads(events[0].request), orjson.loads(asked[0].content)
    for noted, given in zip(recorded["messages"][1]["content"][:-1], sent["messages"][1]["content"][:-1], strict=True):
        assert noted["image_url"].pop("url").startswith("sha256:")
        assert given["image_url"].pop("url").startswith("data:image/png;base64,")
    assert recorded == sent
    assert str(asked[0].url) == "http://127.0.0.1:8000/v1/chat/completions"


async def test_the_request_is_sent_when_a_connection_takes_it_and_not_before(prompt: Prompt) -> None:
    asked, connected, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.set()
        await connected.wait()
        await request.extensions["trace"]("http11.send_request_headers.started", {})
        await answered.wait()
        return good()

    client = ChatClient(vllm.KIND, BACKEND, {}, transport=httpx.MockTransport(handle))
    events = client.stream(Lane(BACKEND, "m"), prompt)
    first = asyncio.create_task(anext(events))
    await asked.wait()
    assert not first.done()
    connected.set()
    assert isinstance(await first, Sent)  # while the answer is still to come
    answered.set()
    assert Finished("stop") in [event async for event in events]


async def test_the_key_goes_into_its_header_and_nowhere_else(prompt: Prompt) -> None:
    environ = {"TEST_LANE_KEY": " s3cret-and-long\n"}
    client, asked = answering(good(), environ, key_env="TEST_LANE_KEY")
    events = [event async for event in client.stream(Lane(BACKEND, "m"), prompt)]
    assert asked[0].headers["authorization"] == "Bearer s3cret-and-long"
    assert "s3cret" not in repr(events)

    client, _ = answering(
        httpx.Response(401, json={"detail": "Not s3cret-and-long!"}), environ, key_env="TEST_LANE_KEY"
    )
    with pytest.raises(BackendError, match="Check the key in TEST_LANE_KEY") as caught:
        [event async for event in client.stream(Lane(BACKEND, "m"), prompt)]
    assert "s3cret" not in repr(caught.value)


@pytest.mark.parametrize(
    ("key", "message"), [("", "set TEST_LANE_KEY and restart"), ("k\u2013ey", "copy the key again")]
)
async def test_a_missing_or_broken_key_is_said_before_anything_is_sent(key: str, message: str, prompt: Prompt) -> None:
    client, asked = answering(good(), {"TEST_LANE_KEY": key}, key_env="TEST_LANE_KEY")
    with pytest.raises(BackendError, match=message) as caught:
        [event async for event in client.stream(Lane(BACKEND, "m"), prompt)]
    assert (caught.value.kind, asked) == ("auth", [])


async def test_without_a_key_no_authorization_is_sent(prompt: Prompt) -> None:
    client, asked = answering(good())
    assert [event async for event in client.stream(Lane(BACKEND, "m"), prompt)]
    assert "authorization" not in asked[0].headers


async def test_a_backend_without_a_model_asks_for_the_first_that_is_served(prompt: Prompt) -> None:
    client, asked = answering(httpx.Response(200, json={"data": [{"id": "served"}, {"id": "other"}]}))
    with pytest.raises(BackendError):  # the same answer again is no event stream
        [event async for event in client.stream(Lane(BACKEND), prompt)]
    assert [request.url.path for request in asked] == ["/v1/models", "/v1/chat/completions"]
    assert orjson.loads(asked[1].content)["model"] == "served"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200, json={"data": []}), "model_not_found"),
        (httpx.Response(200, text="<html>"), "model_not_found"),
        (httpx.Response(401, json={"error": "Unauthorized"}), "auth"),
        (httpx.Response(404, json={"detail": "Not Found"}), "refused"),
    ],
)
async def test_a_server_that_names_no_model_fails_clearly(answer: httpx.Response, kind: str, prompt: Prompt) -> None:
    client, asked = answering(answer)
    with pytest.raises(BackendError) as caught:
        [event async for event in client.stream(Lane(BACKEND), prompt)]
    assert (caught.value.kind, len(asked)) == (kind, 1)
