"""The Backends tab and the JSON behind it, in the real app: servers that answer, hang, refuse and are absent."""

import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from backends.inquiry import PATIENCE
from benchmarks.servers import Server, serving
from tests.fake.serving import Fake
from tests.ui.conftest import free_port, settings

KEY = "sk-a-very-secret-key"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, fake: Fake) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("app")
    entry = '[[backend]]\nname = "{}"\nkind = "{}"\nbase_url = "{}"\nartifact = "FP8"\n'
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections, and says nothing
        entries = [
            entry.format("my/vllm", "vllm", f"{fake.url}/vllm/v1") + 'model = "simulated"\nkey_env = "THE_KEY"\n',
            entry.format("mute", "llamacpp", f"http://127.0.0.1:{mute.getsockname()[1]}/v1"),
            entry.format("absent", "sglang", f"http://127.0.0.1:{free_port()}/v1"),
            entry.format("locked", "openai", f"{fake.url}/openai/v1") + 'key_env = "ANOTHER_KEY"\n',
        ]
        (folder / "backends.toml").write_text("\n".join(entries))
        with serving("app.py", **settings(folder), THE_KEY=KEY) as server:
            yield server


def test_a_server_that_hangs_delays_neither_the_page_nor_the_list(app: Server) -> None:
    mute = httpx.get(f"{app.url}/backends.json", timeout=PATIENCE - 1).json()[2]
    assert (mute["name"], mute["models"]) == ("mute", [])
    assert httpx.get(app.url, timeout=PATIENCE - 1).status_code == 200


def test_the_list_tells_what_servers_told_but_no_address_and_no_key(app: Server, fake: Fake) -> None:
    httpx.post(f"{app.url}/backends/my/vllm/refresh", timeout=10).raise_for_status()
    said = httpx.get(f"{app.url}/backends.json")
    first = said.json()[1]
    assert first.pop("latency_ms") > 0
    assert first.pop("asked_at")
    assert "simulated" in first.pop("models")
    assert first == {
        "name": "my/vllm",
        "kind": "vllm",
        "title": "vLLM",
        "model": "simulated",
        "artifact": "FP8",
        "note": "",
        "efforts": ["none", "high"],
        "reach": "ready",
        "problem": "",
        "version": "0.0-simulated",
        "context": 8192,
        "vision": None,
        "parsers": [],
        "trouble": None,
        "checked": None,
        "load": first["load"],
    }
    assert first["load"]["tokens per step"] == pytest.approx(2.7)
    assert KEY not in said.text
    assert fake.url.rpartition(":")[2] not in said.text


def test_only_what_is_there_is_asked_and_only_for_this_page(app: Server) -> None:
    assert httpx.post(f"{app.url}/backends/nobody/refresh").status_code == 404
    foreign = httpx.post(f"{app.url}/backends/locked/refresh", headers={"Origin": "https://example.com"})
    assert foreign.status_code == 403


def card(page: Page, name: str) -> Locator:
    return page.locator(".server").filter(has=page.get_by_text(name, exact=True))


def open_tab(page: Page, app: Server) -> None:
    page.goto(app.url)
    expect(page.locator("#prompt textarea")).to_be_visible()
    page.get_by_role("tab", name="Backends").click()


def test_the_tab_shows_how_each_server_is(page: Page, app: Server) -> None:
    open_tab(page, app)
    expect(page.locator(".server")).to_have_count(5)
    ready = card(page, "my/vllm")
    expect(ready).to_have_attribute("data-reach", "ready")
    for said in ("simulated · FP8", "8,192 tokens", "0.0-simulated", "Tokens per step", "Offers"):
        expect(ready).to_contain_text(said, ignore_case=True)
    expect(card(page, "local")).to_contain_text("tiny demo model")
    expect(card(page, "locked").locator(".problem")).to_have_text(
        "locked needs an API key: set ANOTHER_KEY and restart."
    )
    expect(card(page, "absent")).to_have_attribute("data-reach", "unreachable")
    expect(card(page, "mute")).to_have_attribute("data-reach", "unreachable")
    expect(page.locator(".declare")).to_be_hidden()


def test_a_press_asks_again(page: Page, app: Server) -> None:
    open_tab(page, app)
    absent = card(page, "absent")
    expect(absent).to_have_attribute("data-reach", "unreachable")
    before = absent.locator("time").get_attribute("datetime")
    with page.expect_response("**/backends/absent/refresh"):
        absent.get_by_role("button", name="Ask absent again").click()
    expect(absent.locator("time")).not_to_have_attribute("datetime", before)
    expect(absent.get_by_role("button")).to_be_enabled()


class Models(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data":[{"id":"m"}]}')


def test_a_server_that_is_back_still_shows_its_last_trouble(
    page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, port = tmp_path_factory.mktemp("back"), free_port()
    entry = f'[[backend]]\nname = "late"\nkind = "openai"\nbase_url = "http://127.0.0.1:{port}/v1"\n'
    (folder / "backends.toml").write_text(entry)
    with serving("app.py", **settings(folder)) as app:
        open_tab(page, app)
        late = card(page, "late")
        expect(late).to_have_attribute("data-reach", "unreachable")
        expect(late.locator(".trouble")).to_be_hidden()
        with HTTPServer(("127.0.0.1", port), Models) as server:
            answering = threading.Thread(target=server.serve_forever)
            answering.start()
            late.get_by_role("button", name="Ask late again").click()
            expect(late).to_have_attribute("data-reach", "ready")
            expect(late.locator(".problem")).to_be_hidden()
            expect(late.locator(".trouble")).to_have_text(re.compile(r"Last trouble, .+: late can't be reached\."))
            server.shutdown()
            answering.join()


def test_a_narrow_page_has_the_tab_in_reach(page: Page, app: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app.url)
    expect(page.locator("#prompt textarea")).to_be_visible()
    page.get_by_role("tab", name="Backends").click()
    expect(card(page, "my/vllm")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_backends_it_says_how_to_declare_one_and_without_a_check_how_to_begin_one(
    page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving("app.py", **settings(tmp_path_factory.mktemp("alone"))) as alone:
        open_tab(page, alone)
        expect(page.locator(".declare")).to_contain_text("backends.toml")
        expect(card(page, "local")).to_have_attribute("data-reach", "ready")
        page.get_by_role("tab", name="Check", exact=True).click()
        expect(page.locator(".checks .empty")).to_contain_text("Press Check below a backend, or Check all")
        expect(page).to_have_url(re.compile("tab=check"))
        expect(page.locator(".checks .files")).to_be_hidden()
