"""What servers tell of themselves, asked over real sockets: recorded answers of real servers, and odd ones."""

import socket
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends import inquiry
from backends.declaration import kinds
from backends.errors import BackendError
from backends.kind import Kind
from backends.lane import Backend
from backends.registry import Registry
from backends.status import Model, Reach, Status
from tests.backends.pages import LLAMACPP, VLLM, Page, answer, recorded, serving, silence, without_end
from tests.fake.pages import pages as told_by

KEY = "sk-a-very-secret-key"
SERVED = [kind for kind in kinds().values() if not kind.always]

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


async def ask(backend: Backend, **environ: str) -> Status:
    registry = Registry((backend,), (), environ)
    try:
        return await registry.client(backend).discover()
    finally:
        await registry.aclose()


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


@given(found=JSON)
async def test_no_answer_makes_a_kind_raise_but_in_words(found: object) -> None:
    async def get(path: str) -> object:
        return {"data": [found]} if path == "models" else found

    for kind in SERVED:
        with suppress(BackendError):
            await kind.discover(get)


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
