"""The Mistral API through its SDK: what the SDK really sends, and what it must not get in the way of."""

from dataclasses import replace

import httpx
import orjson
import pytest

from backends.chat import ChatClient, request_body
from backends.errors import BackendError
from backends.events import Finished, Sent, TextDelta
from backends.lane import Backend, Lane
from backends.mistral import DIALECT, KIND
from backends.prompt import Prompt, Tool, UserTurn
from tests.backends.fake_server import delta, sse

BACKEND = Backend("mistral", "mistral", "https://api.mistral.ai/v1", KIND.model, key_env="TEST_LANE_KEY", timeout=33.0)
LANE = Lane(BACKEND, effort="high", temperature=0.7, max_tokens=2048, seed=7, stop=("END",))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "not this one")  # the SDK takes it silently when it is given none


def answering(response: httpx.Response, **settings: str) -> tuple[ChatClient, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return response

    return (
        ChatClient(
            KIND, replace(BACKEND, **settings), {"TEST_LANE_KEY": "s3cret"}, transport=httpx.MockTransport(handle)
        ),
        asked,
    )


def good(**headers: str) -> httpx.Response:
    body = sse(delta(content="Hi"), delta(finish="stop"))
    return httpx.Response(200, headers={"content-type": "text/event-stream", **headers}, content=body)


async def test_the_sdks_request_is_sent_and_recorded(long_prompt: Prompt) -> None:
    client, asked = answering(good())
    prompt = replace(long_prompt, tool_choice="measure")
    events = [event async for event in client.stream(LANE, prompt)]
    assert isinstance(events[0], Sent)
    recorded, sent = orjson.loads(events[0].request), orjson.loads(asked[0].content)
    assert sent.keys() == recorded.keys() == DIALECT.keys
    assert recorded == request_body(DIALECT, BACKEND.model, LANE, prompt)
    assert (sent["model"], sent["reasoning_effort"], sent["random_seed"]) == ("mistral-small-2603", "high", 7)
    assert str(asked[0].url).partition("#")[0] == "https://api.mistral.ai/v1/chat/completions"
    assert asked[0].headers["authorization"] == "Bearer s3cret"


async def test_connecting_has_a_timeout_of_its_own(prompt: Prompt) -> None:
    client, asked = answering(good(), connect_timeout=7.0)
    assert [event async for event in client.stream(LANE, prompt)]
    assert asked[0].extensions["timeout"] == {"connect": 7.0}


async def test_another_address_of_the_api_is_asked(prompt: Prompt) -> None:
    client, asked = answering(good(), base_url="https://api.eu.mistral.ai")
    assert [event async for event in client.stream(LANE, prompt)]
    assert asked[0].url.host == "api.eu.mistral.ai"


async def test_a_deprecated_model_still_answers(prompt: Prompt) -> None:
    client, _ = answering(good(**{"x-model-deprecation-timestamp": "2027-01-01T00:00:00Z"}))
    events = [event async for event in client.stream(LANE, prompt)]
    assert events[-2:] == [TextDelta("Hi"), Finished("stop")]


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (401, {"detail": "Unauthorized"}, "auth", "Check the key in TEST_LANE_KEY"),
        (
            400,
            {"object": "error", "message": "Invalid model: x", "type": "invalid_model"},
            "model_not_found",
            "Invalid",
        ),
        (
            422,
            {
                "object": "error",
                "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "no"}]},
            },
            "extra_field",
            "body.seed no",
        ),
        (
            422,
            {"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required"}]},
            "refused",
            "body",
        ),
        (429, {"object": "error", "message": "Rate limit exceeded", "code": "1300"}, "rate_limit", "Rate limit"),
        (503, {"message": "Service unavailable"}, "overloaded", "unavailable"),
    ],
)
async def test_the_apis_refusals_come_through_in_its_own_words(
    status: int, body: dict[str, object], kind: str, said: str, prompt: Prompt
) -> None:
    client, asked = answering(httpx.Response(status, json=body))
    with pytest.raises(BackendError, match=said) as caught:
        [event async for event in client.stream(LANE, prompt)]
    assert (caught.value.kind, len(asked)) == (kind, 1)


async def test_a_request_that_the_sdk_refuses_is_not_sent_and_says_why() -> None:
    client, asked = answering(good())
    prompt = Prompt("", (UserTurn("private words"),), (Tool(name=7),))  # type: ignore[arg-type]
    with pytest.raises(BackendError, match=r"The mistralai SDK refuses this request: .*name") as caught:
        [event async for event in client.stream(LANE, prompt)]
    assert (caught.value.kind, asked) == ("refused", [])
    assert "private words" not in str(caught.value)
