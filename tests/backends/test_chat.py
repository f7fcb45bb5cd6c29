"""Requests in each server's dialect: exactly the keys it takes, and earlier turns as it wants them."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from types import MappingProxyType

import httpx
import orjson
import pytest

from backends import llamacpp, mistral, nim, openai, sglang, transformers, vllm
from backends.chat import ChatClient, nine_characters, request_body, with_images
from backends.errors import BackendError
from backends.events import Finished, Sent
from backends.http import base_address, is_near
from backends.kind import Dialect
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Prompt, ToolCall, UserTurn
from backends.registry import kinds
from tests.backends.conftest import SQUARE, picture
from tests.backends.fake_server import delta, sse

BACKEND = Backend("lane", "vllm", "http://127.0.0.1:8000")
DIALECTS = {module.KIND.name: module.DIALECT for module in (llamacpp, mistral, nim, openai, sglang, transformers, vllm)}
ALWAYS = {"model", "messages", "stream"}
USAGE = {name: {"stream_options"} for name in ("llamacpp", "nim", "openai", "sglang", "vllm")}
EFFORT = dict.fromkeys(DIALECTS, "reasoning_effort") | {"transformers": "chat_template_kwargs"}
SEED = dict.fromkeys(DIALECTS, "seed") | {"mistral": "random_seed"}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "R"}]}
SETTINGS = list(product(DIALECTS, ("", "none", "high"), (0, 1, 3), (False, True), (False, True)))


@pytest.mark.parametrize(("name", "effort", "images", "tools", "history"), SETTINGS)
def test_each_kind_is_sent_exactly_the_keys_it_takes(
    name: str, effort: str, images: int, tools: bool, history: bool, long_prompt: Prompt
) -> None:
    turns = (long_prompt.turns[:-1] if history else ()) + (
        UserTurn("And now?", tuple(picture(number) for number in range(images))),
    )
    prompt = Prompt("", turns, (SQUARE,) if tools else ())
    body = request_body(DIALECTS[name], "m", Lane(BACKEND, effort=effort), prompt)
    expected = ALWAYS | USAGE.get(name, set()) | ({EFFORT[name]} if effort else set()) | ({"tools"} if tools else set())
    assert body.keys() == expected
    assert body.keys() <= kinds()[name].dialect.keys
    last = body["messages"][-1]["content"]
    assert last == "And now?" if not images else [part["type"] for part in last] == ["text"] + ["image_url"] * images


@pytest.mark.parametrize("name", DIALECTS)
def test_every_setting_of_a_lane_is_sent_even_when_it_is_zero(name: str, prompt: Prompt) -> None:
    lane = Lane(BACKEND, effort="high", temperature=0.0, max_tokens=5, seed=0)
    body = request_body(DIALECTS[name], "m", lane, prompt)
    assert (body["temperature"], body["max_tokens"], body[SEED[name]]) == (0.0, 5, 0)
    assert body[EFFORT[name]] in ("high", {"reasoning_effort": "high"})


@pytest.mark.parametrize("name", DIALECTS)
def test_the_system_message_is_always_sent_and_no_content_is_null(name: str, long_prompt: Prompt) -> None:
    messages = request_body(DIALECTS[name], "m", Lane(BACKEND), long_prompt)["messages"]
    assert messages[0] == {"role": "system", "content": ""}
    assert [message["role"] for message in messages[1:]] == ["user", "assistant", "tool", "tool", "assistant", "user"]
    assert all(message["content"] is not None for message in messages)
    assert [message["content"] for message in messages if message["role"] == "tool"] == ["4.2", "4.3"]


@pytest.mark.parametrize(
    ("name", "calling", "answering"),
    [
        ("vllm", {"content": "", "reasoning": "R"}, {"content": "A", "reasoning": "R"}),
        ("nim", {"content": "", "reasoning": "R"}, {"content": "A", "reasoning": "R"}),
        ("sglang", {"content": "", "reasoning_content": "R"}, {"content": "A", "reasoning_content": "R"}),
        ("llamacpp", {"content": "", "reasoning_content": "R"}, {"content": "A", "reasoning_content": "R"}),
        ("transformers", {"content": ""}, {"content": "A"}),
        ("openai", {"content": ""}, {"content": "A"}),
        ("mistral", {"content": [THINKING]}, {"content": [THINKING, {"type": "text", "text": "A"}]}),
    ],
)
def test_earlier_reasoning_goes_back_in_the_servers_own_field(name: str, calling: object, answering: object) -> None:
    replay = DIALECTS[name].replay
    assert replay(AssistantTurn("", "R", (ToolCall("a", "f", "{}"),))) == calling
    assert replay(AssistantTurn("A", "R")) == answering
    assert replay(AssistantTurn("A")) == {"content": "A"}


def test_every_kind_with_a_dialect_is_tested_here() -> None:
    assert set(DIALECTS) == set(kinds()) - {"local"}


def test_call_ids_become_nine_characters_only_where_the_server_asks_for_it(long_prompt: Prompt) -> None:
    def ids(dialect: Dialect) -> list[tuple[list[str], list[str]]]:
        messages = request_body(dialect, "m", Lane(BACKEND), long_prompt)["messages"]
        made = [call["id"] for message in messages for call in message.get("tool_calls", ())]
        return made, [message["tool_call_id"] for message in messages if message["role"] == "tool"]

    assert ids(vllm.DIALECT) == (["call_0f3c", "k3Jd9QpZa"],) * 2
    strict = [nine_characters("call_0f3c"), "k3Jd9QpZa"]
    assert ids(mistral.DIALECT) == (strict, strict)
    assert all(len(call_id) == 9 and call_id.isalnum() for call_id in strict)


async def test_the_written_request_names_images_by_their_hash_and_only_they_become_bytes() -> None:
    mark = f"sha256:{1:064x}"
    prompt = Prompt(mark, (UserTurn(f'{mark} "url":"{mark}"', (picture(1), picture(2))),))
    body = request_body(vllm.DIALECT, "m", Lane(BACKEND), prompt)
    sent = orjson.loads(await with_images(orjson.dumps(body), prompt))
    for part, number in zip(body["messages"][1]["content"][1:], (1, 2), strict=True):
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
    for noted, given in zip(recorded["messages"][1]["content"][1:], sent["messages"][1]["content"][1:], strict=True):
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
