"""The Serve tab in the real app: what is chosen becomes a command, and the command a lane that answers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Locator, Page, expect

from backends.discovery import Discovery
from backends.registry import load
from benchmarks.servers import Server, serving
from tests.fake.serving import Fake
from tests.ui.conftest import settings
from ui import serve

CARD = """\
vllm serve mistralai/Mistral-Small-4-119B-2603 \\
  --max-model-len 262144 \\
  --tensor-parallel-size 2 \\
  --attention-backend FLASH_ATTN_MLA \\
  --tool-call-parser mistral \\
  --enable-auto-tool-choice \\
  --reasoning-parser mistral \\
  --max_num_batched_tokens 16384 \\
  --max_num_seqs 128 \\
  --gpu_memory_utilization 0.8"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def app(folder: Path) -> Iterator[Server]:
    (folder / "backends.toml").write_text("# what was here\n")
    with serving("app.py", **settings(folder)) as server:
        yield server


def visit(page: Page, app: Server, address: str = "?tab=serve") -> None:
    page.goto(app.url + address)
    expect(page.locator(".serve .told h2")).not_to_be_empty()


def field(page: Page, name: str) -> Locator:
    return page.locator(f".serve .wish [name={name}]")


def test_it_begins_with_the_command_of_the_model_card(page: Page, app: Server) -> None:
    visit(page, app)
    pre = page.locator(".serve .code pre")
    expect(pre).to_have_text(CARD)
    expect(page.locator(".serve .fit")).to_have_attribute("data-verdict", "fits")
    expect(page.locator(".serve .flags dl > div")).to_have_count(9)
    expect(page.locator(".serve .versions")).to_contain_text("vLLM ≥ 0.20")
    expect(page.locator(".serve .versions")).to_contain_text("mistral-common ≥ 1.10.0")
    expect(page.locator(".serve .vendor tr[aria-current]")).to_have_text(re.compile("HGX H200.*2×.*4×"))
    page.locator("[data-copy=code]").click()
    expect(page.locator("[data-copy=code]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == CARD
    page.get_by_role("button", name="Compose").click()
    expect(pre).to_contain_text('image: "vllm/vllm-openai:')


def test_a_choice_stands_in_the_address_and_is_found_again(page: Page, app: Server) -> None:
    visit(page, app)
    field(page, "engine").select_option("sglang")
    expect(page.locator(".serve h2")).to_have_text("FP8 by SGLang")
    field(page, "artifact").select_option("FP8 + eagle")
    expect(page.locator(".serve .code pre")).to_contain_text("--speculative-algorithm EAGLE")
    field(page, "hardware").select_option("hgx-h100")
    field(page, "context").fill("65536")
    page.keyboard.press("Tab")
    expect(page.locator(".serve .code pre")).to_contain_text("--context-length 65536")
    expect(page.locator(".serve .warnings")).to_contain_text("every ] is lost")
    page.reload()
    expect(page.locator(".serve h2")).to_have_text("FP8 + eagle by SGLang")
    expect(page.locator(".serve .code pre")).to_contain_text("--context-length 65536")
    expect(field(page, "gpus")).to_have_value("4")  # the vendor's minimum there
    page.get_by_role("tab", name="History").click()
    expect(page).to_have_url(re.compile(r"tab=history"))
    assert "engine" not in page.url


def test_what_does_not_go_together_is_told_with_a_way_out_on_a_narrow_page_too(page: Page, app: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, app, "?tab=serve&engine=llamacpp&artifact=FP8+%2B+eagle")
    expect(page.locator(".serve .refusal")).to_contain_text("can't use the eagle head")
    expect(page.locator(".serve .code")).to_be_hidden()
    expect(page.locator(".serve .add")).to_be_hidden()
    page.get_by_role("button", name="Take Q4_K_M").click()
    expect(page.locator(".serve .code pre")).to_contain_text("llama-server")
    expect(page.locator(".serve .refusal")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def told(app: Server, **asked: str) -> dict[str, Any]:
    return httpx.get(f"{app.url}/serve.json", params=asked).raise_for_status().json()


def test_too_little_memory_is_told_with_the_sum(app: Server) -> None:
    fit = told(app, hardware="hgx-h100", gpus="2")["fit"]
    assert fit["verdict"] == "does not fit"
    assert (fit["lines"][1]["sum"], fit["lines"][1]["result"]) == ("119.0 GB / 2 GPUs", "59.5 GB")


def test_the_guide_ends_in_a_recipe_and_warns(page: Page, app: Server) -> None:
    visit(page, app, "?tab=serve&engine=sglang")
    page.locator(".serve .guide > summary").click()
    guide = page.locator(".serve .guide")
    guide.get_by_role("group", name="throughput").get_by_label("yes").check()
    expect(guide.locator(".leads")).to_contain_text("NVFP4 by vLLM")
    expect(guide.locator(".warns")).to_contain_text("long context")
    guide.get_by_role("group", name="long").get_by_label("yes").check()
    expect(guide.locator(".leads")).to_contain_text("FP8 by vLLM")
    guide.get_by_role("button", name="Take it").click()
    expect(page.locator(".serve .code pre")).to_contain_text("vllm serve")
    expect(field(page, "artifact")).to_have_value("FP8")


def test_a_service_has_steps_in_place_of_a_command(app: Server) -> None:
    service = told(app, engine="mistral")
    assert "MISTRAL_API_KEY" in service["steps"][1]
    assert (service["command"], service["fit"]) == ("", None)
    assert 'key_env = "MISTRAL_API_KEY"' in service["entry"]


def test_what_is_wrong_is_told_at_its_field(page: Page, app: Server, folder: Path) -> None:
    before = (folder / "backends.toml").read_text()
    visit(page, app)
    add = page.locator(".serve .add")
    add.get_by_label("Name").fill("local")
    add.get_by_label("Address").fill("gpu-1:8000")
    add.get_by_label("Variable").fill("sk-secret")
    add.get_by_role("button", name="Add as backend").click()
    expect(page.locator("#serve-name")).to_contain_text("already")
    expect(page.locator("#serve-base_url")).to_contain_text("http://127.0.0.1:8000/v1")
    expect(page.locator("#serve-key_env")).to_contain_text("never the key itself")
    expect(add.get_by_label("Name")).to_be_focused()
    expect(add.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    assert (folder / "backends.toml").read_text() == before


def test_an_added_backend_is_a_lane_that_answers_at_once(page: Page, app: Server, folder: Path, fake: Fake) -> None:
    visit(page, app)
    add = page.locator(".serve .add")
    add.get_by_label("Name").fill("fresh one")
    add.get_by_label("Address").fill(f"{fake.url}/vllm/v1")
    add.get_by_label("Address").press("Enter")
    expect(page.locator(".offer")).to_contain_text("fresh one is not checked yet")
    page.get_by_role("tab", name="Backends").click()
    card = page.locator(".server").filter(has=page.get_by_text("fresh one", exact=True))
    expect(card).to_have_attribute("data-reach", "ready")
    assert (folder / "backends.toml").read_text().startswith("# what was here\n")
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("combobox", name="Lane A").click()
    page.get_by_role("option", name="fresh one").click()
    expect(page.locator("#about-A .size")).to_contain_text("262,144")
    page.locator("#prompt textarea").fill("Are you there?")
    page.locator("#prompt textarea").press("Enter")
    expect(page.locator("#card-A [data-state]").first).to_have_attribute("data-state", "done")
    expect(page.locator("#card-A")).to_contain_text("fresh one")
    asked = fake.asked[-1]
    assert (asked.kind, asked.body["model"]) == ("vllm", "mistralai/Mistral-Small-4-119B-2603")


def test_what_another_process_writes_is_taken_over(page: Page, app: Server, folder: Path, fake: Fake) -> None:
    visit(page, app)
    path = folder / "backends.toml"
    entry = f'\n[[backend]]\nname = "from elsewhere"\nkind = "vllm"\nbase_url = "{fake.url}/vllm/v1"\n'
    path.write_text(path.read_text() + entry)
    page.get_by_role("tab", name="Backends").click()
    card = page.locator(".server").filter(has=page.get_by_text("from elsewhere", exact=True))
    expect(card).to_have_attribute("data-reach", "ready")


def test_nonsense_in_an_address_is_as_if_it_were_left_out(app: Server) -> None:
    asked = "engine=<b>&artifact=x&hardware=../..&gpus=-1&context=1e9&requests=99999999999&model=%00"
    choice = httpx.get(f"{app.url}/serve.json?{asked}").raise_for_status().json()["choice"]
    assert choice == httpx.get(f"{app.url}/serve.json").json()["choice"]
    assert (
        httpx.get(f"{app.url}/serve.json?gpus=64&context=1&requests=0").json()["choice"]
        | {
            "gpus": 8,
            "context": 1024,
            "requests": 1,
        }
        == httpx.get(f"{app.url}/serve.json?gpus=64&context=1&requests=0").json()["choice"]
    )


def test_no_other_page_adds_one(app: Server) -> None:
    said = {"name": "foreign", "base_url": "http://127.0.0.1:9/v1"}
    refused = httpx.post(f"{app.url}/serve/backend", json=said, headers={"Origin": "https://example.com"})
    assert refused.status_code == 403


GOOD = {"engine": "vllm", "name": "new", "base_url": "http://gpu-1:8000/v1", "key_env": ""}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "backends.toml"


def client(path: Path, admin: bool) -> TestClient:
    registry = load(path, {})
    app = FastAPI()
    app.include_router(serve.routes(registry, Discovery(registry), lambda request: admin))
    return TestClient(app)


def test_who_is_no_admin_adds_nothing(path: Path) -> None:
    refused = client(path, admin=False).post("/serve/backend", json=GOOD)
    assert (refused.status_code, refused.json()["detail"]) == (403, serve.NOT_ADMIN)
    assert not path.exists()
    assert client(path, admin=False).get("/serve.json").json()["admin"] is False


@pytest.mark.parametrize(
    ("said", "field", "why"),
    [
        ({"name": " "}, "name", "Give it a name"),
        ({"name": "a\nb"}, "name", "on one line"),
        ({"name": "n" * 61}, "name", "at most 60"),
        ({"base_url": ""}, "base_url", "Say where it answers"),
        ({"base_url": "file:///etc/passwd"}, "base_url", "It must be an address"),
        ({"base_url": "http://me:word@gpu/v1"}, "base_url", "without a password"),
        ({"base_url": "http://gpu:8000/\nv1"}, "base_url", "It must be an address"),
        ({"base_url": "http://a b/v1"}, "base_url", "It must be an address"),
        ({"base_url": "http://\u202e/v1"}, "base_url", "It must be an address"),
        ({"key_env": "AWS_SECRET_ACCESS_KEY"}, "key_env", "no key but its own, VLLM_API_KEY"),
        ({"key_env": "OPENAI_API_KEY"}, "key_env", "write this entry into backends.toml yourself"),
        ({"key_env": "MISTRAL_API_KEY"}, "key_env", "sent there alone"),
        ({"engine": "nvidia", "key_env": "MISTRAL_API_KEY"}, "key_env", "sent there alone"),
    ],
)
def test_bad_input_is_refused_by_field(path: Path, said: dict[str, Any], field: str, why: str) -> None:
    refused = client(path, admin=True).post("/serve/backend", json=GOOD | said)
    assert refused.status_code == 422
    assert list(refused.json()["problems"]) == [field]
    assert why in refused.json()["problems"][field]
    assert not path.exists()


def test_a_hosted_service_may_have_its_own_key(path: Path) -> None:
    said = {"engine": "mistral", "name": "eu", "key_env": "MISTRAL_API_KEY"}
    registry = load(path, {})
    recipe, wish = serve.chosen(said)
    made = serve.entry(recipe, wish, name="eu", key_env="MISTRAL_API_KEY")
    assert serve.problems(registry, recipe, made, said | {"base_url": ""}) == {}


def test_a_key_goes_only_to_the_server_that_has_it(path: Path) -> None:
    """An admin of the page may not read every key that the app has, by sending it to a server of their own."""
    path.write_text(
        '[[backend]]\nname = "own"\nkind = "sglang"\nbase_url = "https://gpu-1/v1"\nkey_env = "GATEWAY_API_KEY"\n'
        '[[backend]]\nname = "other"\nkind = "vllm"\nbase_url = "https://gpu-2/v1"\nkey_env = "VLLM_API_KEY"\n'
    )
    admin = client(path, admin=True)
    for number, (key_env, base_url, status) in enumerate(
        [
            ("GATEWAY_API_KEY", "https://gpu-1/other/v1", 200),
            ("GATEWAY_API_KEY", "https://gpu-3/v1", 422),
            ("GATEWAY_API_KEY", "http://gpu-1/v1", 422),
            ("GATEWAY_API_KEY", "https://gpu-1:8000/v1", 422),
            ("GATEWAY_API_KEY", "https://gpu-1.evil.example/v1", 422),
            ("VLLM_API_KEY", "https://gpu-1/v1", 422),
            ("VLLM_API_KEY", "https://gpu-2/v1", 200),
        ]
    ):
        said = GOOD | {"name": f"new-{number}", "key_env": key_env, "base_url": base_url}
        assert admin.post("/serve/backend", json=said).status_code == status, (key_env, base_url)


def test_a_broken_file_stays_as_it_is(path: Path) -> None:
    path.write_text("[[backend")
    refused = client(path, admin=True).post("/serve/backend", json=GOOD)
    assert refused.status_code == 409
    assert "can't be read, so nothing is added" in refused.json()["problems"][""]
    assert path.read_text() == "[[backend"
