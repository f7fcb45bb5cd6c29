"""Declared backends: what works appears, what is wrong is named, and neither disturbs the other."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import fields
from pathlib import Path

import pytest

from backends.declaration import RULES
from backends.errors import BackendError
from backends.events import Event, Finished, Sent
from backends.lane import Backend, Lane
from backends.prompt import Prompt
from backends.registry import Registry, kinds, load

EXAMPLE = Path(__file__).parents[2] / "backends.example.toml"
ALWAYS = [kind.name for kind in kinds().values() if kind.always]


def declared(registry: Registry) -> list[Backend]:
    """The backends that are not always there."""
    return [backend for backend in registry.backends if backend.kind not in ALWAYS]


@pytest.fixture
def written(tmp_path: Path):
    def load_text(text: str, **environ: str) -> Registry:
        path = tmp_path / "backends.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, environ)

    return load_text


GOOD = '[[backend]]\nname = "good"\nkind = "vllm"\nbase_url = "http://gpu:8000"\n'


def test_every_field_of_a_backend_can_be_declared_and_is_in_the_example() -> None:
    assert set(RULES) == {field.name for field in fields(Backend)}
    assert all(key in EXAMPLE.read_text(encoding="utf-8") for key in RULES)


def test_the_example_file_has_no_problems() -> None:
    registry = load(EXAMPLE, {})
    assert registry.problems == ()
    assert [backend.artifact for backend in declared(registry) if backend.kind == "vllm"] == [
        "FP8",
        "NVFP4",
        "FP8 + eagle",
    ]
    hosted = next(backend for backend in registry.backends if backend.kind == "mistral")
    assert (hosted.model, hosted.key_env) == ("mistral-small-2603", "MISTRAL_API_KEY")
    assert (hosted.price_in, hosted.price_out) == (0.15, 0.60)
    assert registry.missing_key(hosted) == "MISTRAL_API_KEY"


@pytest.mark.parametrize("model", ["", 'model = ""\n'])
def test_another_address_of_the_mistral_api_has_the_same_model_and_no_price(written, model: str) -> None:
    entry = '[[backend]]\nname = "eu"\nkind = "mistral"\nbase_url = "https://api.eu.mistral.ai"\n'
    (backend,) = declared(written(entry + model))
    assert (backend.model, backend.price_in) == ("mistral-small-2603", None)


def test_without_a_file_and_environment_only_what_is_always_there_remains(tmp_path: Path) -> None:
    for registry in (load(None, {}), load(tmp_path / "absent.toml", {})):
        assert [backend.kind for backend in registry.backends] == ALWAYS
        assert registry.problems == ()


def test_keys_and_addresses_in_the_environment_make_their_lanes_appear() -> None:
    environ = {
        "MISTRAL_API_KEY": "k",
        "NVIDIA_API_KEY": "k",
        "VLLM_BASE_URL": "http://gpu:8000",
        "VLLM_ARTIFACT": "NVFP4",
        "OPENAI_BASE_URL": "https://example.org/v1",
        "OPENAI_API_KEY": "k",
        "OPENAI_MODEL": "m",
    }
    registry = load(None, environ)
    found = {backend.name: backend for backend in declared(registry)}
    assert list(found) == ["mistral", "nim", "openai", "vllm"]
    assert found["mistral"].model == "mistral-small-2603"
    assert found["nim"].model == "mistralai/mistral-small-4-119b-2603"
    assert (found["vllm"].artifact, found["vllm"].model, found["vllm"].key_env) == ("NVFP4", "", "")
    assert (found["openai"].model, found["openai"].key_env) == ("m", "OPENAI_API_KEY")
    assert [registry.missing_key(backend) for backend in found.values()] == [""] * 4
    assert registry.problems == ()


@pytest.mark.parametrize("kind", [kind for kind in kinds().values() if kind.url_env], ids=lambda kind: kind.name)
def test_every_kind_with_an_address_variable_appears_by_it(kind) -> None:
    (backend,) = declared(load(None, {kind.url_env: "http://gpu:8000/v1"}))
    assert (backend.kind, backend.base_url, backend.key_env) == (kind.name, "http://gpu:8000/v1", "")


def test_a_hosted_services_key_is_not_given_to_ones_own_server() -> None:
    hosted, own = declared(load(None, {"NVIDIA_API_KEY": "k", "NIM_BASE_URL": "http://gpu:8000"}))
    assert (hosted.name, hosted.key_env) == ("nim", "NVIDIA_API_KEY")
    assert (own.name, own.base_url, own.key_env, own.model) == ("nim-own", "http://gpu:8000", "", "")


def test_what_is_always_there_comes_first_and_the_file_before_the_environment(written) -> None:
    registry = written(GOOD, VLLM_BASE_URL="http://other:1")
    assert [backend.name for backend in declared(registry)] == ["good", "vllm"]
    assert [backend.kind for backend in registry.backends][: len(ALWAYS)] == ALWAYS


def test_the_file_wins_over_the_environment(written) -> None:
    registry = written(GOOD.replace('"good"', '"vllm"'), VLLM_BASE_URL="http://other:1")
    assert [backend.base_url for backend in declared(registry)] == ["http://gpu:8000"]
    assert registry.problems == ()


def test_one_address_may_be_declared_for_several_artifacts(written) -> None:
    registry = written("".join(GOOD.replace("good", name) + f'artifact = "{name}"\n' for name in ("FP8", "NVFP4")))
    assert [backend.artifact for backend in declared(registry)] == ["FP8", "NVFP4"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('modle = "x"', "unknown key `modle`; allowed are name, kind"),
        ('key = "s3cret"', "keys don't belong in this file"),
        ('api_key = "s3cret"', "keys don't belong in this file"),
        ('key_env = "s3cretABC"', "never the key itself"),
        ("price_in = -1", "US dollars per million"),
        ('price_out = "0.6"', "US dollars per million"),
        ("price_in = true", "US dollars per million"),
        ("price_in = nan", "US dollars per million"),
        ('efforts = "high"', '["none", "high"]'),
        ("efforts = []", '["none", "high"]'),
        ("efforts = [1]", '["none", "high"]'),
        ("timeout = 0", "above 0"),
        ("temperature = 3", "from 0 to 2"),
        ("max_tokens = 0", "a whole number from 1"),
        ("max_tokens = true", "a whole number from 1"),
        ("model = 4", "the model id, as text"),
    ],
)
def test_a_wrong_key_is_named_with_its_line_and_what_is_allowed_and_the_rest_works(
    written, line: str, said: str
) -> None:
    registry = written(f'{GOOD}\n[[backend]]\nname = "bad"\nkind = "vllm"\nbase_url = "http://gpu:8000"\n{line}\n')
    assert [backend.name for backend in declared(registry)] == ["good"]
    (problem,) = registry.problems
    assert problem.startswith("backends.toml, line 6 ('bad'): ")
    assert said in problem
    assert "s3cret" not in problem


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('kind = "vllm"\nbase_url = "http://gpu"', "`name` is missing"),
        ('name = " "\nkind = "vllm"', "`name` must be"),
        ('name = "a"\nbase_url = "http://gpu"', "`kind` is missing"),
        ('name = "a"\nkind = "vlm"\nbase_url = "http://gpu"', "`kind` must be the name of a kind: llamacpp"),
        ('name = "a"\nkind = ["vllm"]', "`kind` must be"),
        ('name = "a"\nkind = "vllm"', "`base_url` is missing"),
        ('name = "a"\nkind = "vllm"\nbase_url = ""', "`base_url` must be"),
        ('name = "a"\nkind = "vllm"\nbase_url = "gpu:8000"', "`base_url` must be"),
        ('name = "a"\nkind = "vllm"\nbase_url = "http://me:s3cret@gpu"', "without a password"),
        ('name = "a"\nkind = "vllm"\nbase_url = "http://gpu/v1?token=s3cret"', "without a password, ? or #"),
        ('name = "a"\nkind = "vllm"\nbase_url = "http://gpu/v1#s3cret"', "without a password, ? or #"),
        ('name = "a"\nkind = "vllm"\nbase_url = "http://gpu:99999"', "`base_url` must be"),
    ],
)
def test_an_incomplete_entry_says_what_it_lacks(written, entry: str, said: str) -> None:
    registry = written(f"[[backend]]\n{entry}\n{GOOD}")
    assert [backend.name for backend in declared(registry)] == ["good"]
    (problem,) = registry.problems
    assert problem.startswith("backends.toml, line 1")
    assert said in problem
    assert "s3cret" not in problem


def test_a_name_used_twice_is_refused(written) -> None:
    registry = written(GOOD + GOOD)
    assert len(declared(registry)) == 1
    assert registry.problems == (
        "backends.toml, line 5 ('good'): the name 'good' is taken by an earlier entry: give each its own.",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{GOOD}\nname = \n", "at line 6"),
        ('[backend]\nname = "a"', "two brackets"),
        ("backend = [1]", "two brackets"),
        ('name = "a"', "unknown name"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_named_and_the_environment_still_works(
    written, text: str, said: str
) -> None:
    registry = written(text, VLLM_BASE_URL="http://gpu:8000")
    assert [backend.name for backend in declared(registry)] == ["vllm"]
    (problem,) = registry.problems
    assert "backends.toml" in problem
    assert said in problem


@pytest.mark.parametrize("content", [b"\xff\xfe[\x00", None])
def test_a_file_that_cant_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "backends.toml"
    path.mkdir() if content is None else path.write_bytes(content)
    (problem,) = load(path, {}).problems
    assert problem.startswith("backends.toml can't be read: ")


def test_a_wrong_address_in_the_environment_is_named() -> None:
    registry = load(None, {"VLLM_BASE_URL": "gpu:8000", "SGLANG_BASE_URL": "http://gpu:1"})
    assert [backend.name for backend in declared(registry)] == ["sglang"]
    assert registry.problems[0].startswith("VLLM_BASE_URL: `base_url` must be an address such as")


def test_an_entrys_efforts_stand_in_for_its_kinds(written) -> None:
    registry = written(GOOD + 'efforts = ["", "low"]\n')
    (backend,) = declared(registry)
    assert registry.efforts(backend) == ("", "low")
    assert registry.efforts(Backend("other", "vllm")) == ("none", "high")


def test_a_kind_that_is_no_more_fails_when_it_is_asked(prompt: Prompt) -> None:
    with pytest.raises(BackendError, match="does not have") as caught:
        load(None, {}).stream(Lane(Backend("old", "gone")), prompt)
    assert caught.value.kind == "setup"


class Counting(Registry):
    """Of which each backend answers when it is let go; it counts what is with it."""

    def __init__(self, *backends: Backend) -> None:
        super().__init__(backends, (), {})
        self.there, self.most, self.free = 0, 0, asyncio.Event()

    def client(self, backend: Backend) -> "Counting":  # type: ignore[override]
        return self

    async def ask(self, lane: Lane) -> list[Event]:
        async with aclosing(super().stream(lane, Prompt("", ()))) as events:
            return [event async for event in events]

    async def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:  # type: ignore[override]
        self.there += 1
        self.most = max(self.most, self.there)
        try:
            yield Sent("{}")
            await self.free.wait()
            yield Finished("stop")
        finally:
            self.there -= 1


async def quiet() -> None:
    """Until nobody has anything to do."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_backend_gets_no_more_requests_at_once_than_it_may_have() -> None:
    narrow, wide = Backend("narrow", "vllm", concurrency=2), Backend("wide", "vllm")
    registry = Counting(narrow, wide)
    asking = [asyncio.create_task(registry.ask(Lane(narrow))) for _ in range(5)]
    await quiet()
    assert registry.there == 2
    beside = [asyncio.create_task(registry.ask(Lane(wide))) for _ in range(3)]
    await quiet()
    assert registry.there == 5
    asking[4].cancel()  # who waits no more leaves the turn to the others
    asking[0].cancel()
    await quiet()
    assert registry.there == 5
    registry.free.set()
    for answer in await asyncio.gather(*asking[1:4], *beside):
        assert answer == [Sent("{}"), Finished("stop")]
    assert (registry.there, registry.most) == (0, 5)
