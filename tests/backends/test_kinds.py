"""The contract of every kind, whatever its server does: over real sockets, through the registry and the runner."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence

import orjson
import pytest

from backends.answer import Answer, State, fold
from backends.events import Failed, Finished
from backends.lane import Backend, Lane
from backends.prompt import Prompt
from backends.recording import dump, load
from backends.registry import Registry, kinds
from backends.registry import load as load_registry
from backends.runner import Run
from tests.backends.fake_server import FakeServer, chunked, delta, die, hold, reply, serving, stream

KINDS = sorted(kind.name for kind in kinds().values() if not kind.always)

HI = (delta(role="assistant", content=""), delta(content="Hi"), delta(content=" there"), delta(finish="stop"))
UNKNOWN = b'{"error":{"message":"The model `absent` does not exist.","type":"NotFoundError","code":404}}'
KEY = "s3cret-and-long"
BUSY = b'{"message":"Rate limit exceeded"}'


async def wordless(writer: asyncio.StreamWriter) -> None:
    """Takes the request and sends not even a status line, until the client goes."""
    await writer.wait_closed()


SAYS = {
    "good": stream(*HI, {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
    "deprecated": stream(*HI, x_model_deprecation_timestamp="2027-01-01T00:00:00Z"),
    "absent": reply(404, "application/json", UNKNOWN),
    "busy": reply(429, "application/json", BUSY, retry_after="7"),
    "refuses": reply(500, "text/plain", b"Internal Server Error"),
    "queues": reply(202, "application/json", b"{}"),
    "html": reply(200, "text/html", b"<html><body>Welcome to nginx</body></html>"),
    "json": reply(200, "application/json", b'{"id":"c1","object":"chat.completion","choices":[]}'),
    "dies": die(*HI[:2]),
    "breaks off": stream(*HI[:2], {"error": {"message": "out of memory"}}),
    "trails off": stream(*HI[:2]),
    "falls silent": hold(*HI[:2]),
    "never answers": hold(),
    "says no word": wordless,
    "keeps alive": chunked(*HI),
    "stays": hold(*HI, "[DONE]"),
    "repeats the key": reply(401, "application/json", b'{"error":"no such key: %b"}' % KEY.encode()),
    "breaks off with the key": stream(*HI[:2], {"error": {"message": f"no credit for {KEY}"}}),
}
ENDS = {
    "absent": ("model_not_found", ""),
    "busy": ("rate_limit", ""),
    "refuses": ("refused", ""),
    "queues": ("loading", ""),
    "html": ("not_a_stream", ""),
    "json": ("not_a_stream", ""),
    "dies": ("truncated", "Hi"),
    "breaks off": ("midstream", "Hi"),
    "trails off": ("truncated", "Hi"),
    "falls silent": ("timeout", "Hi"),
    "never answers": ("timeout", ""),
    "says no word": ("timeout", ""),
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer]:
    async with serving(SAYS) as server:
        yield server


@pytest.fixture
def environ() -> dict[str, str]:
    return {}


@pytest.fixture
async def registry(environ: dict[str, str]) -> AsyncIterator[Registry]:
    found = load_registry(None, environ)
    yield found
    await found.aclose()


def lane(kind: str, fake: FakeServer, model: str, timeout: float = 30.0) -> Lane:
    return Lane(Backend(f"{kind} lane", kind, fake.base_url, timeout=timeout), model)


async def answers(registry: Registry, prompt: Prompt, lanes: Sequence[Lane]) -> tuple[Answer, ...]:
    run = Run(registry.stream, [(lane, prompt) for lane in lanes])
    await over(run)
    for index in range(len(lanes)):
        recording = [entry.stamped for entry in run.log if entry.lane == index]
        assert sum(isinstance(stamped.event, Finished | Failed) for stamped in recording) == 1
        assert fold(load(dump(recording))) == fold(recording) == run.answers()[index]
    return run.answers()


async def over(run: Run) -> None:
    seen = 0
    while not run.over:
        seen = await run.changed(seen)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["good", "deprecated"])
async def test_every_kind_streams_an_answer(
    kind: str, model: str, fake: FakeServer, registry: Registry, prompt: Prompt
) -> None:
    (answer,) = await answers(registry, prompt, [lane(kind, fake, model)])
    assert (answer.state, answer.text, answer.finish_reason) == (State.DONE, "Hi there", "stop")
    assert answer.model == "good"
    assert fake.asked[0].path == "/v1/chat/completions"
    assert fake.asked[0].body.keys() <= kinds()[kind].dialect.keys
    assert "authorization" not in fake.asked[0].headers


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_breaks_ends_its_own_lane_once_and_keeps_what_had_arrived(
    kind: str, fake: FakeServer, registry: Registry, prompt: Prompt
) -> None:
    broken = [lane(kind, fake, model, timeout=0.5 if end == "timeout" else 30) for model, (end, _) in ENDS.items()]
    *failed, neighbour = await answers(registry, prompt, [*broken, lane("openai", fake, "good")])
    assert (neighbour.state, neighbour.text) == (State.DONE, "Hi there")
    found = dict(zip(ENDS, failed, strict=True))
    assert {model: (answer.failure and answer.failure.kind, answer.text) for model, answer in found.items()} == ENDS
    for answer in failed:
        assert answer.state == State.FAILED
        assert f"{kind} lane" in answer.failure.message
    assert "7 s" in found["busy"].failure.message


@pytest.mark.parametrize("kind", KINDS)
async def test_an_absent_server_is_named_and_its_address_only_logged(
    kind: str, registry: Registry, prompt: Prompt, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as reserved:  # bound but not listening: nobody else can take the port
        reserved.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        (answer,) = await answers(registry, prompt, [Lane(Backend("gone", kind, address), "m")])
    assert answer.failure.kind == "connect"
    assert answer.failure.message.startswith("gone can't be reached.")
    assert address not in answer.failure.message
    assert address in caplog.text


@pytest.mark.parametrize("kind", KINDS)
async def test_stopping_one_lane_leaves_its_neighbour_running(
    kind: str, fake: FakeServer, registry: Registry, prompt: Prompt
) -> None:
    run = Run(registry.stream, [(lane(kind, fake, model), prompt) for model in ("falls silent", "falls silent")])
    seen = 0
    while [answer.text for answer in run.answers()] != ["Hi", "Hi"]:
        seen = await run.changed(seen)
    run.stop(0)
    while run.answers()[0].state != State.STOPPED:
        seen = await run.changed(seen)
    assert [answer.state for answer in run.answers()] == [State.STOPPED, State.ANSWERING]
    run.stop()
    await over(run)
    assert [(answer.state, answer.text) for answer in run.answers()] == [(State.STOPPED, "Hi")] * 2


@pytest.mark.parametrize("kind", KINDS)
async def test_the_key_is_sent_and_a_missing_one_is_named(
    kind: str, fake: FakeServer, registry: Registry, prompt: Prompt, environ: dict[str, str]
) -> None:
    keyed = Lane(Backend("keyed", kind, fake.base_url, key_env="TEST_LANE_KEY"), "good")
    (answer,) = await answers(registry, prompt, [keyed])
    assert (answer.failure.kind, fake.asked) == ("auth", [])
    assert answer.failure.message == "keyed needs an API key: set TEST_LANE_KEY and restart."
    environ["TEST_LANE_KEY"] = KEY
    (answer,) = await answers(registry, prompt, [keyed])
    assert fake.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(answer)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("model", ["repeats the key", "breaks off with the key"])
async def test_a_key_that_the_server_repeats_is_not_repeated(
    kind: str, model: str, fake: FakeServer, registry: Registry, prompt: Prompt, environ: dict[str, str]
) -> None:
    environ["TEST_LANE_KEY"] = KEY
    keyed = Lane(Backend("keyed", kind, fake.base_url, key_env="TEST_LANE_KEY"), model)
    (answer,) = await answers(registry, prompt, [keyed])
    assert "[the key]" in answer.failure.message
    assert KEY not in repr(answer)


@pytest.mark.parametrize("kind", KINDS)
async def test_streams_in_a_row_use_one_connection(
    kind: str, fake: FakeServer, registry: Registry, prompt: Prompt
) -> None:
    for _ in range(2):
        (answer,) = await answers(registry, prompt, [lane(kind, fake, "keeps alive")])
        assert answer.state == State.DONE
    assert (len(fake.asked), fake.connections) == (2, 2 if kind == "llamacpp" else 1)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_stays_after_its_last_word_does_not_hold_the_lane(
    kind: str, fake: FakeServer, registry: Registry, prompt: Prompt
) -> None:
    async with asyncio.timeout(5):
        (answer,) = await answers(registry, prompt, [lane(kind, fake, "stays")])
    assert answer.state == State.DONE


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_recorded_is_what_went_out_with_fingerprints_for_images(
    kind: str, fake: FakeServer, registry: Registry, long_prompt: Prompt
) -> None:
    (answer,) = await answers(registry, long_prompt, [lane(kind, fake, "good")])
    recorded, sent = orjson.loads(answer.request), fake.asked[0].body
    for noted, given in zip(recorded["messages"][1]["content"][:-1], sent["messages"][1]["content"][:-1], strict=True):
        assert noted["image_url"].pop("url").startswith("sha256:")
        assert given["image_url"].pop("url").startswith("data:image/png;base64,")
    assert recorded == sent


async def test_a_proxy_in_the_environment_does_not_stand_before_a_near_server(
    fake: FakeServer, registry: Registry, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    (answer,) = await answers(registry, prompt, [lane("vllm", fake, "good")])
    assert answer.state == State.DONE


async def test_without_a_model_the_server_is_asked_for_its_first(
    fake: FakeServer, registry: Registry, prompt: Prompt
) -> None:
    (answer,) = await answers(registry, prompt, [lane("vllm", fake, "")])
    assert (answer.state, fake.asked[0].body["model"]) == (State.DONE, "good")
