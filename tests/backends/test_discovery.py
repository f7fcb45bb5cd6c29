"""What servers tell of themselves, asked over real sockets: recorded answers of real servers, and odd ones."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import inquiry
from backends.declaration import kinds
from backends.discovery import Discovery
from backends.errors import BackendError
from backends.kind import Kind
from backends.lane import Backend
from backends.metrics import load
from backends.registry import Registry
from backends.status import Model, Reach, Status
from tests.fake.pages import pages as told_by

FOLDER = Path(__file__).parent.parent / "servers"
KEY = "sk-a-very-secret-key"
SERVED = [kind for kind in kinds().values() if not kind.always]


def recorded(name: str) -> bytes:
    """A whole HTTP answer."""
    head, _, body = (FOLDER / f"{name}.http").read_bytes().partition(b"\n\n")
    lines = [*head.split(b"\n"), b"content-length: %d" % len(body), b"connection: close"]
    return b"\r\n".join([*lines, b"", body])


def answer(found: object, status: int = 200) -> bytes:
    body = found.encode() if isinstance(found, str) else orjson.dumps(found)
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body)


async def silence(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def without_end(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 X\r\nconnection: close\r\n\r\n")
    while True:
        writer.write(b" " * 64_000)
        await writer.drain()


Page = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Pages:
    """A server of these pages, and of recorded 404s; `asked` grows with each request."""

    pages: Mapping[str, Page]
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def backend(self, kind: str, name: str = "", **settings: Any) -> Backend:
        return Backend(name or kind, kind, f"http://127.0.0.1:{self.port}/v1", **settings)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.split()[1])
            page = self.pages.get(self.asked[-1], recorded("transformers/not-found"))
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(writer)
        writer.close()


@asynccontextmanager
async def serving(pages: Mapping[str, Page]) -> AsyncIterator[Pages]:
    served, open_ = Pages(pages), set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(served.serve(reader, writer))
        open_.add(task)
        task.add_done_callback(open_.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in open_:
            task.cancel()


async def ask(backend: Backend, **environ: str) -> Status:
    registry = Registry((backend,), (), environ)
    try:
        return await registry.client(backend).discover()
    finally:
        await registry.aclose()


VLLM = {
    "/v1/models": recorded("vllm/models"),
    "/version": recorded("vllm/version"),
    "/metrics": recorded("vllm/metrics"),
}
LLAMACPP = {
    "/v1/models": recorded("llamacpp/models"),
    "/health": recorded("llamacpp/health"),
    "/props": recorded("llamacpp/props"),
    "/metrics": recorded("llamacpp/metrics"),
}


# what each tells


async def test_vllm_tells_models_version_and_load() -> None:
    async with serving(VLLM) as server:
        status = await ask(server.backend("vllm"))
    assert status.reach is Reach.READY
    assert status.server.models == (Model("smollm2-135m", 2048),)
    assert status.server.version == "0.32.0"
    assert status.server.load == {
        "requests running": 0,
        "requests waiting": 0,
        "prompt tokens": 1955,
        "generated tokens": 524,
        "KV cache %": 0,
    }
    assert status.latency > 0
    assert status.at


async def test_llamacpp_tells_the_context_of_a_slot_and_its_load() -> None:
    async with serving(LLAMACPP) as server:
        status = await ask(server.backend("llamacpp"))
    model = Model("smollm2-135m-instruct", 2048, False, ("smollm2-135m-instruct",), tools=False)
    assert (status.reach, status.server.models) == (Reach.READY, (model,))
    assert status.server.version == "b0-unknown"
    assert status.server.load["generated tokens"] == 1095


async def test_llamacpp_tells_that_its_template_knows_tools() -> None:
    async with serving(LLAMACPP | {"/props": recorded("llamacpp/props-tools")}) as server:
        status = await ask(server.backend("llamacpp"))
    assert status.server.models[0].tools is True


async def test_the_mistral_api_tells_which_model_calls_tools() -> None:
    pages = {path: answer(page) for path, page in told_by("mistral", "small").items()}
    async with serving(pages) as server:
        status = await ask(server.backend("mistral", key_env="THE_KEY"), THE_KEY=KEY)
    assert status.server.models[0].tools is True


@pytest.mark.parametrize("props", [{"/props": recorded("llamacpp/props-vision")}, {}])
async def test_llamacpp_tells_that_it_sees_with_or_without_its_props(props: dict[str, bytes]) -> None:
    async with serving({"/v1/models": recorded("llamacpp/models-vision")} | props) as server:
        status = await ask(server.backend("llamacpp"))
    assert status.server.models[0].vision is True


async def test_transformers_may_offer_nothing() -> None:
    pages = {"/v1/models": recorded("transformers/models"), "/health": recorded("transformers/health")}
    async with serving(pages) as server:
        status = await ask(server.backend("transformers"))
    assert (status.reach, status.server.models, status.server.version) == (Reach.READY, (), "")


async def test_sglang_is_never_asked_for_what_generates_a_token() -> None:
    async with serving({path: answer(page) for path, page in told_by("sglang", "small").items()}) as server:
        status = await ask(server.backend("sglang"))
    assert status.server.models == (Model("small", 8192, vision=True),)
    assert status.server.parsers == ("reasoning: mistral", "tools: mistral")
    assert not {"/health", "/health_generate"} & set(server.asked)


@pytest.mark.parametrize("kind", SERVED, ids=lambda kind: kind.name)
async def test_every_kind_is_ready_where_its_server_is(kind: Kind) -> None:
    async with serving({path: answer(page) for path, page in told_by(kind.name, "small").items()}) as server:
        status = await ask(server.backend(kind.name))
    assert (status.reach, status.problem) == (Reach.READY, "")
    assert status.model("").id == "small"


@pytest.mark.parametrize("kind", SERVED, ids=lambda kind: kind.name)
async def test_no_kind_needs_more_than_its_models(kind: Kind) -> None:
    pages = {"/v1/models": answer({"data": [{"id": "small"}]}), "/health": answer("ok")}
    async with serving(pages) as server:
        status = await ask(server.backend(kind.name))
    assert (status.reach, status.server.models) == (Reach.READY, (Model("small"),))


async def test_ollama_s_models_go_without_their_default_tag() -> None:
    async with serving({"/v1/models": answer({"data": [{"id": "llama3.2:latest"}]})}) as server:
        status = await ask(server.backend("ollama"))
    assert status.model("llama3.2") == Model("llama3.2:latest", aliases=("llama3.2",))


def test_a_model_is_found_by_its_aliases_and_alone_without_a_name() -> None:
    small = Model("mistral-small-2603", aliases=("mistral-small-latest",))
    status = Status(server=inquiry.Server((small, Model("other"))))
    assert status.model("mistral-small-latest") is small
    assert status.model("") is None
    assert status.model("absent") is None
    assert Status(server=inquiry.Server((small,))).model("") is small


async def test_what_is_no_name_and_no_version_is_not_shown_as_one() -> None:
    ids = ["good", "", "two\nlines", "\u202egood", "x" * 301, *(f"more-{number}" for number in range(2100))]
    pages = {
        "/v1/models": answer({"data": [{"id": id_} for id_ in ids]}),
        "/version": answer({"version": "\x1b[31m1.0\r\n\u202e" + "x" * 30_000}),
        "/metrics": answer(
            "vllm:num_requests_running NaN\nvllm:kv_cache_usage_perc 1e308\nvllm:num_requests_waiting 2\n"
        ),
    }
    async with serving(pages) as server:
        told = (await ask(server.backend("vllm"))).server
    assert [each.id for each in told.models[:2]] == ["good", "more-0"]
    assert len(told.models) == 2000
    assert (told.version[:8], len(told.version)) == ("[31m1.0 ", 80)
    assert told.load == {"requests waiting": 2}


async def test_a_proxys_prefix_belongs_to_the_server_behind_it() -> None:
    async with serving({f"/gpu-1{path}": page for path, page in VLLM.items()}) as server:
        backend = Backend("behind", "vllm", f"http://127.0.0.1:{server.port}/gpu-1/v1")
        assert (await ask(backend)).server.version == "0.32.0"


# what may be wrong


@pytest.mark.parametrize("path", ["/health", "/v1/models"])
async def test_a_model_that_loads_is_told_from_one_that_fails(path: str) -> None:
    async with serving(LLAMACPP | {path: recorded("llamacpp/loading")}) as server:
        status = await ask(server.backend("llamacpp"))
    assert status.reach is Reach.LOADING
    assert status.problem == "llamacpp is still loading its model. It will be asked again."


@pytest.mark.parametrize(("kind", "path"), [("sglang", "/ready"), ("nim", "/v1/health/ready")])
@pytest.mark.parametrize("code", [502, 503])
async def test_a_server_that_says_not_ready_loads(kind: str, path: str, code: int) -> None:
    async with serving({path: answer("not yet", code)}) as server:
        assert (await ask(server.backend(kind))).reach is Reach.LOADING


@pytest.mark.parametrize(("kind", "body"), [("vllm", "vllm/no-key"), ("llamacpp", "llamacpp/wrong-key")])
async def test_a_wrong_key_is_refused_with_what_to_do(kind: str, body: str) -> None:
    async with serving({"/v1/models": recorded(body)}) as server:
        status = await ask(server.backend(kind, key_env="THE_KEY"), THE_KEY=KEY)
    assert status.reach is Reach.REFUSED
    assert status.problem.endswith("Check the key in THE_KEY.")


async def test_a_missing_key_is_known_without_asking() -> None:
    async with serving(VLLM) as server:
        status = await ask(server.backend("vllm", key_env="THE_KEY"))
    assert (status.reach, server.asked) == (Reach.REFUSED, [])
    assert status.problem == "vllm needs an API key: set THE_KEY and restart."


async def test_a_key_that_a_server_repeats_is_not_shown() -> None:
    async with serving({"/v1/models": answer({"error": f"no such key: {KEY}"}, 401)}) as server:
        status = await ask(server.backend("openai", key_env="THE_KEY"), THE_KEY=KEY)
    assert KEY not in status.problem
    assert "[the key]" in status.problem


async def test_nobody_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    status = await ask(Backend("absent", "vllm", f"http://127.0.0.1:{port}/v1"))
    assert status.reach is Reach.UNREACHABLE
    assert "may refuse connections" in status.problem


@pytest.mark.parametrize(
    ("page", "reach", "said"),
    [
        (silence, Reach.UNREACHABLE, "did not answer within 0.2 s"),
        (without_end, Reach.REFUSED, "answered without end"),
        (b"SSH-2.0-OpenSSH\r\n", Reach.UNREACHABLE, "broke off its answer"),
        (b"HTTP/1.1 200 X\r\ncontent-length: 99\r\n\r\n{", Reach.UNREACHABLE, "broke off its answer"),
        (answer("<html>Welcome</html>"), Reach.REFUSED, "no list of models"),
        (answer(["small"]), Reach.REFUSED, "no list of models"),
        (answer("gone", 502), Reach.UNREACHABLE, "answered 502"),
        (answer("busy", 429), Reach.REFUSED, "answered 429"),
        (recorded("transformers/not-found"), Reach.REFUSED, "often ends in /v1"),
    ],
)
async def test_whatever_a_server_does_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, page: Page, reach: Reach, said: str
) -> None:
    monkeypatch.setattr(inquiry, "PATIENCE", 0.2)
    async with serving({"/v1/models": page}) as server:
        status = await ask(server.backend("openai"))
    assert status.reach is reach
    assert said in status.problem


@pytest.mark.parametrize("page", [silence, answer("off", 501), answer("<html></html>"), answer([1, {"version": 2}])])
async def test_what_is_optional_fails_nothing(monkeypatch: pytest.MonkeyPatch, page: Page) -> None:
    monkeypatch.setattr(inquiry, "PATIENCE", 0.2)
    async with serving(VLLM | {"/version": page, "/metrics": page}) as server:
        status = await ask(server.backend("vllm"))
    assert (status.reach, status.server.version, status.server.load) == (Reach.READY, "", {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "id", "meta", "n_ctx", "aliases", "version", "capabilities", "architecture"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(found=JSON)
async def test_no_answer_makes_a_kind_raise_but_in_words(found: object) -> None:
    async def get(path: str) -> object:
        return {"data": [found]} if path == "models" else found

    for kind in SERVED:
        with suppress(BackendError):
            await kind.discover(get)


# load


def test_load_is_read_whatever_stands_before_its_names() -> None:
    names = ["num_requests_running 2", "gpu_cache_usage_perc 0.25", "prompt_tokens_total 7"]
    expected = {"requests running": 2, "KV cache %": 25, "prompt tokens": 7}
    assert load("\n".join(names)) == load("\n".join(f"vllm:{name}" for name in names)) == expected


def test_load_adds_up_what_engines_count_and_averages_their_shares() -> None:
    lines = (
        f'vllm:{name}{{engine="{engine}"}} {value}'
        for engine in (2, 4)
        for name, value in (("num_requests_running", engine), ("kv_cache_usage_perc", engine / 10))
    )
    assert load("\n".join(lines)) == pytest.approx({"requests running": 6, "KV cache %": 30})


def test_speculation_is_computed_from_its_counters() -> None:
    counters = {"drafts": 100, "draft_tokens": 300, "accepted_tokens": 180}
    text = "\n".join(f"vllm:spec_decode_num_{name}_total {value}" for name, value in counters.items())
    assert load(text) == pytest.approx({"drafts accepted %": 60, "tokens drafted": 300, "tokens per step": 2.8})
    assert load(recorded("llamacpp/metrics").decode()).keys() == {
        "requests running",
        "requests waiting",
        "prompt tokens",
        "generated tokens",
    }


@pytest.mark.parametrize("text", ["num_requests_running NaN", "num_requests_running x", "<html>", "", None, {"a": 1}])
def test_what_is_no_figure_is_none(text: object) -> None:
    assert load(text) == {}


# keeping it


@asynccontextmanager
async def discovering(*backends: Backend, pace: float = 30.0, fresh: float = 0) -> AsyncIterator[Discovery]:
    registry = Registry(backends, (), {})
    discovery = Discovery(registry, pace, fresh)
    yield discovery
    await discovery.aclose()
    await registry.aclose()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 (what it waits for sets no event)
            await asyncio.sleep(0.005)


async def test_nothing_is_asked_before_it_is_started() -> None:
    async with serving(VLLM) as server, discovering(server.backend("vllm")) as discovery:
        assert discovery.status("vllm") == Status()
        assert not server.asked


async def test_a_server_that_hangs_delays_no_other() -> None:
    async with (
        serving({"/v1/models": silence}) as mute,
        serving(VLLM) as server,
        discovering(mute.backend("vllm", "mute"), server.backend("vllm", "talks")) as discovery,
    ):
        discovery.start()
        await until(lambda: discovery.status("talks").reach is Reach.READY)
        assert discovery.status("mute").reach is Reach.UNKNOWN


async def test_it_goes_on_asking() -> None:
    async with serving(VLLM) as server, discovering(server.backend("openai"), pace=0.01) as discovery:
        discovery.start()
        await until(lambda: len(server.asked) >= 3)


async def test_a_server_that_fails_is_asked_less_and_less_often() -> None:
    async with serving({}) as server, discovering(server.backend("openai"), pace=0.02) as discovery:
        began = asyncio.get_running_loop().time()
        discovery.start()
        await until(lambda: len(server.asked) >= 4)
        assert asyncio.get_running_loop().time() - began >= 0.04 + 0.08 + 0.16


def test_only_a_makers_own_address_is_a_hosted_service() -> None:
    hosted = kinds()["nim"].base_url
    assert kinds()["nim"].is_service(Backend("nim", "nim", hosted))
    assert not kinds()["nim"].is_service(Backend("own", "nim", "http://127.0.0.1:8000/v1"))
    assert not kinds()["local"].is_service(Backend("local", "local"))


async def test_a_server_that_failed_is_asked_again_at_once_when_somebody_wants_it() -> None:
    async with (
        serving({"/v1/models": answer("gone", 502)}) as server,
        discovering(server.backend("openai")) as discovery,
    ):
        discovery.start()
        await until(lambda: discovery.status("openai").reach is Reach.UNREACHABLE)
        server.pages = VLLM
        assert (await discovery.refresh("openai")).reach is Reach.READY
        assert discovery.status("openai").reach is Reach.READY


async def test_the_last_trouble_is_remembered_with_its_time_once_it_is_over() -> None:
    async with (
        serving({"/v1/models": answer("gone", 502)}) as server,
        discovering(server.backend("openai")) as discovery,
    ):
        down = await discovery.refresh("openai")
        assert (down.trouble.problem, down.trouble.at) == (down.problem, down.at)
        for page in (VLLM["/v1/models"], recorded("llamacpp/loading")):
            server.pages = {"/v1/models": page}
            later = await discovery.refresh("openai")
            assert (later.trouble, later.at > down.at) == (down.trouble, True)
        server.pages = {}
        assert "often ends in /v1" in (await discovery.refresh("openai")).trouble.problem


async def test_two_who_ask_at_once_share_one_question() -> None:
    async with serving({"/v1/models": silence}) as server, discovering(server.backend("openai")) as discovery:
        asking = [asyncio.create_task(discovery.refresh("openai")) for _ in range(2)]
        await until(lambda: bool(server.asked))
        asking[0].cancel()
        await asyncio.wait([asking[0]])
        assert (len(server.asked), asking[1].done()) == (1, False)


async def test_however_often_somebody_wants_to_know_a_server_is_asked_only_so_often() -> None:
    async with serving(VLLM) as server, discovering(server.backend("openai"), fresh=3600) as discovery:
        told = [await discovery.refresh("openai") for _ in range(20)]
        assert server.asked.count("/v1/models") == 1
        assert {each.reach for each in told} == {Reach.READY}


async def test_only_a_backends_name_can_be_refreshed() -> None:
    async with discovering() as discovery:
        with pytest.raises(KeyError):
            await discovery.refresh("nobody")


class Broken(Registry):
    def client(self, backend: Backend) -> NoReturn:
        raise RuntimeError("a bug")


async def test_a_bug_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    discovery = Discovery(Broken((Backend("odd", "vllm"),), (), {}))
    status = await discovery.refresh("odd")
    await discovery.aclose()
    assert status.reach is Reach.UNREACHABLE
    assert "broke inside Lanewise" in status.problem
    assert "a bug" in caplog.text


async def test_the_embedded_model_is_not_started_to_be_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gguf = tmp_path / "Mistral-7B.Q4_K_M.gguf"
    gguf.touch()

    def started(*_: object) -> None:
        raise AssertionError("it was started")

    monkeypatch.setattr("backends.local._start", started)
    backend = Backend("local", "local", model="Mistral-7B")
    status = await ask(backend, LOCAL_GGUF=str(gguf))
    assert (status.reach, status.model("").vision) == (Reach.READY, False)
    gguf.unlink()
    status = await ask(backend, LOCAL_GGUF=str(gguf))
    assert status.reach is Reach.REFUSED
    assert "LOCAL_GGUF names no file" in status.problem
