"""The contract of every kind, whatever its server does: over real sockets, through the registry and the runner."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from backends.answer import Answer, State, fold
from backends.chat import ChatClient
from backends.events import Failed, Finished
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from backends.recording import dump, load
from backends.registry import Registry, kinds
from backends.registry import load as load_registry
from backends.runner import Run
from backends.status import Reach
from tests.backends.conftest import SQUARE
from tests.fake.pages import CONTEXT
from tests.fake.script import Script
from tests.fake.serving import Fake, faking

KINDS = sorted(kind.name for kind in kinds().values() if not kind.always)

KEY = "s3cret-and-long"
KEYED = "TEST_LANE_KEY"
SOME, ALL = "plain words ", "plain words that stand in for "
SOON, LATE = 0.4, 50.0  # seconds: a timeout, and when it has passed for sure

# What makes no difference to the answer.
HARMLESS = ["split", "crlf", "no_done", "finish_with_delta", "both", "stays", "deprecated"]

# How a lane ends that meets a fault, and what is kept of its text.
ENDS = {
    "stall": ("timeout", SOME),
    "drip": ("timeout", SOME),
    "silent": ("timeout", ""),
    "reset": ("truncated", SOME),
    "no_finish": ("truncated", ALL),
    "error_after": ("midstream", SOME),
    "wrong_json": ("malformed", SOME),
    "huge_line": ("endless", SOME),
    "http_429": ("rate_limit", ""),
    "http_500": ("refused", ""),
    "http_503": ("loading", ""),
    "no_model": ("model_not_found", ""),
    "tells_key": ("auth", ""),
    "html": ("not_a_stream", ""),
    "not_a_stream": ("not_a_stream", ""),
    "queued": ("loading", ""),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Fake]:
    with faking() as running:
        yield running


@pytest.fixture
def fake(server: Fake) -> Fake:
    server.asked.clear()
    return server


@pytest.fixture
def environ() -> dict[str, str]:
    return {KEYED: KEY}


@pytest.fixture
async def registry(environ: dict[str, str]) -> AsyncIterator[Registry]:
    found = load_registry(None, environ)
    yield found
    await found.aclose()


def saying(**script: object) -> Prompt:
    return Prompt("Be brief.", (UserTurn(str(Script(**{"tokens": 6, "rate": 0} | script))),))


async def over(run: Run) -> None:
    async with asyncio.timeout(60):
        await run.ended()


async def until(run: Run, reached: Callable[[], bool]) -> None:
    seen = 0
    while not reached():
        assert not run.over
        seen = await run.changed(seen)


async def answers(registry: Registry, asked: Sequence[tuple[Lane, Prompt]]) -> tuple[Answer, ...]:
    run = Run(registry.stream, asked)
    await over(run)
    for index in range(len(asked)):
        recording = [entry.stamped for entry in run.log if entry.lane == index]
        assert sum(isinstance(stamped.event, Finished | Failed) for stamped in recording) == 1
        assert fold(load(dump(recording))) == fold(recording) == run.answers()[index]
    return run.answers()


async def test_one_script_is_one_answer_in_every_dialect(fake: Fake, registry: Registry) -> None:
    prompt = Prompt("", saying(reasoning=5, calls=2).turns, (SQUARE,))
    told = await answers(registry, [(Lane(fake.backend(kind)), prompt) for kind in KINDS])
    for kind, answer in zip(KINDS, told, strict=True):
        assert (kind, answer.failure) == (kind, None)
        assert (answer.reasoning, answer.text, answer.model) == ("First I think about it. ", ALL, "simulated")
        assert [(call.name, json.loads(call.arguments)) for call in answer.calls] == [("measure", {"edge": "Oslo"})] * 2
        assert (answer.state, answer.finish_reason) == (State.DONE, "tool_calls")
        assert (answer.usage.prompt, answer.usage.completion) == (told[0].usage.prompt, 13)
        assert answer.usage.reasoning in (5, None)
        assert answer.usage.cached in (4, None)
    by_kind = dict(zip(KINDS, told, strict=True))
    assert [by_kind[kind].usage.reasoning for kind in ("vllm", "sglang", "openrouter", "mistral")] == [5, 5, 5, None]
    assert [by_kind[kind].usage.cached for kind in ("mistral", "llamacpp", "openrouter", "sglang")] == [4, 4, 4, None]


@pytest.mark.parametrize("kind", KINDS)
async def test_how_an_answer_travels_makes_no_difference(kind: str, fake: Fake, registry: Registry) -> None:
    lane, hasty = Lane(fake.backend(kind)), Lane(fake.backend(kind, timeout=1.0))
    plain, *others, odd = await answers(
        registry,
        [
            (lane, saying(reasoning=5)),
            *((hasty if fault == "stays" else lane, saying(reasoning=5, fault=fault)) for fault in HARMLESS),
            (lane, saying(show="separators")),
        ],
    )
    assert (plain.state, plain.reasoning, plain.text) == (State.DONE, "First I think about it. ", ALL)
    for fault, answer in zip(HARMLESS, others, strict=True):
        found = (answer.state, answer.reasoning, answer.text, answer.usage.completion, answer.finish_reason)
        assert (fault, *found) == (fault, State.DONE, plain.reasoning, ALL, plain.usage.completion, "stop")
    assert odd.text == "One line\u2028another\u0085a third\u2029and 🙂 the last."


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_breaks_ends_its_own_lane_once_and_keeps_what_had_arrived(
    kind: str, fake: Fake, registry: Registry
) -> None:
    broken = []
    for fault, (end, text) in ENDS.items():
        wait = SOON if end == "timeout" else LATE
        backend = fake.backend(kind, key_env=KEYED, first_timeout=LATE if text else wait, timeout=wait)
        broken.append((Lane(backend), saying(fault=fault)))
    hasty = Lane(fake.backend(kind, first_timeout=SOON))
    from_the_start = (hasty, saying(fault="drip", after=0))
    endless = (Lane(fake.backend(kind)), saying(fault="endless"))
    neighbour = (Lane(fake.backend(kind)), saying(tokens=40, rate=80))
    *failed, dripped, endless_one, whole = await answers(registry, [*broken, from_the_start, endless, neighbour])
    assert (whole.state, whole.text) == (State.DONE, ALL + "an answer " + (ALL + "an answer ") * 4)
    found = dict(zip(ENDS, failed, strict=True))
    assert {fault: (answer.failure.kind, answer.text) for fault, answer in found.items()} == ENDS
    assert (dripped.failure.kind, dripped.text) == ("timeout", "")
    assert endless_one.failure.kind == "endless"
    for answer in [*failed, dripped, endless_one]:
        assert KEY not in repr(answer)
        assert answer.state == State.FAILED
        assert f"{kind} lane" in answer.failure.message
    for answer in [dripped, *(found[fault] for fault in ("stall", "drip", "silent"))]:
        assert SOON <= answer.times.end / 1e6 <= LATE
    assert found["http_429"].failure.retry_after == 7
    assert "[the key]" in found["tells_key"].failure.message
    assert "[the key]" in found["error_after"].failure.message


@pytest.mark.parametrize("kind", KINDS)
async def test_an_absent_server_is_named_and_its_address_only_logged(
    kind: str, registry: Registry, prompt: Prompt, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as reserved:  # bound but not listening: nobody else can take the port
        reserved.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        (answer,) = await answers(registry, [(Lane(Backend("gone", kind, address), "m"), prompt)])
    assert answer.failure.kind == "connect"
    assert answer.failure.message.startswith("gone can't be reached.")
    assert address not in answer.failure.message
    assert address in caplog.text


@pytest.mark.parametrize("kind", KINDS)
async def test_stopping_one_lane_leaves_its_neighbour_running(kind: str, fake: Fake, registry: Registry) -> None:
    run = Run(registry.stream, [(Lane(fake.backend(kind)), saying(fault="stall"))] * 2)
    await until(run, lambda: [answer.text for answer in run.answers()] == [SOME, SOME])
    run.stop(0)
    await until(run, lambda: run.answers()[0].state == State.STOPPED)
    assert [answer.state for answer in run.answers()] == [State.STOPPED, State.ANSWERING]
    run.stop()
    await over(run)
    assert [(answer.state, answer.text) for answer in run.answers()] == [(State.STOPPED, SOME)] * 2


@pytest.mark.parametrize("kind", KINDS)
async def test_the_key_is_sent_where_one_is_named_and_a_missing_one_is_said(
    kind: str, fake: Fake, registry: Registry, environ: dict[str, str]
) -> None:
    keyed, keyless = Lane(fake.backend(kind, key_env=KEYED)), Lane(fake.backend(kind))
    del environ[KEYED]
    (answer,) = await answers(registry, [(keyed, saying())])
    assert (answer.failure.kind, fake.asked) == ("auth", [])
    assert answer.failure.message == f"{kind} lane needs an API key: set {KEYED} and restart."
    environ[KEYED] = KEY
    (answer,) = await answers(registry, [(keyed, saying())])
    assert fake.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(answer)
    await answers(registry, [(keyless, saying())])
    assert "authorization" not in fake.asked[1].headers


@pytest.mark.parametrize("kind", KINDS)
async def test_streams_in_a_row_use_one_connection(kind: str, fake: Fake, registry: Registry) -> None:
    for _ in range(2):
        (answer,) = await answers(registry, [(Lane(fake.backend(kind)), saying())])
        assert answer.state == State.DONE
    connections = {asked.connection for asked in fake.asked}
    assert (len(fake.asked), len(connections)) == (2, 1 if kinds()[kind].dialect.keep_alive else 2)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_whole_history_is_taken_and_recorded_as_it_went_out_with_fingerprints_for_images(
    kind: str, fake: Fake, registry: Registry, long_prompt: Prompt
) -> None:
    lane = Lane(fake.backend(kind), effort="high", temperature=0.5, max_tokens=9, seed=7)
    (answer,) = await answers(registry, [(lane, replace(long_prompt, system="(fake rate=0)"))])
    assert answer.failure is None
    recorded, sent = orjson.loads(answer.request), fake.asked[0].body
    assert sent.keys() <= kinds()[kind].dialect.keys
    for noted, given in zip(images(recorded), images(sent), strict=True):
        assert noted.pop("url").startswith("sha256:")
        assert given.pop("url").startswith("data:image/png;base64,")
    assert recorded == sent


def images(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [part["image_url"] for part in body["messages"][1]["content"] if "image_url" in part]


async def test_an_answer_that_is_put_off_is_fetched_where_it_stands(fake: Fake) -> None:
    """As NVIDIA's cloud does; elsewhere, the key would go to a stranger."""
    backend, kind = fake.backend("nim"), kinds()["nim"]

    def queued(headers: Mapping[str, str]) -> str:
        path = urlsplit(kind.dialect.queued(headers)).path
        return f"{fake.url}/nim{path}"

    cloud = replace(kind, base_url=backend.base_url, dialect=replace(kind.dialect, queued=queued))
    client = ChatClient(cloud, backend, {})
    run = Run(client.stream, [(Lane(backend), saying(fault="queued"))])
    await over(run)
    await client.aclose()
    assert (run.answers()[0].state, run.answers()[0].text) == (State.DONE, ALL)


async def test_a_proxy_in_the_environment_does_not_stand_before_a_near_server(
    fake: Fake, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    (answer,) = await answers(registry, [(Lane(fake.backend("vllm")), saying())])
    assert answer.state == State.DONE


async def test_without_a_model_the_server_is_asked_for_its_first(fake: Fake, registry: Registry) -> None:
    (answer,) = await answers(registry, [(Lane(fake.backend("vllm", model="")), saying())])
    assert (answer.state, fake.asked[0].body["model"]) == (State.DONE, "simulated")


async def test_what_a_server_measures_itself_is_kept(fake: Fake, registry: Registry) -> None:
    vllm, llamacpp = await answers(registry, [(Lane(fake.backend(kind)), saying()) for kind in ("vllm", "llamacpp")])
    assert "time_to_first_token_ms" in vllm.rounds[0].measured
    assert "predicted_per_second" in llamacpp.rounds[0].measured
    assert (llamacpp.progress.done, llamacpp.progress.total) == (900, 900)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_finds_out_what_its_server_serves(kind: str, fake: Fake, registry: Registry) -> None:
    status = await registry.client(fake.backend(kind)).discover()
    assert status.reach == Reach.READY
    assert status.model("simulated").context in (CONTEXT, None)
