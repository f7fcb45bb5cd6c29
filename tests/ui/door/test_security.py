"""The whole app under attack: nobody comes past the login, and who is in reaches no file, host or page beyond it."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request
from starlette.routing import Mount, Route

from backends import registry
from backends.discovery import Discovery
from benchmarks.servers import Server
from storage.recorder import Recorder
from storage.store import Store
from tests.storage.made import png, scripted
from ui import access, rate, web
from ui.door.gate import FREE, SAFE

Browsing = Callable[[str], httpx.Client]


@contextmanager
def canary() -> Iterator[tuple[str, list[str]]]:
    """An address where nobody should ever knock, and who did."""
    knocked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                knocked.append(client.recv(1000).decode("latin-1"))
                client.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/canary.png", knocked
        listening.shutdown(socket.SHUT_RDWR)


def raw(browser: httpx.Client, path: str) -> tuple[int, bytes]:
    """Asks for the path exactly as it is written."""
    parts = urlsplit(str(browser.base_url))
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("host", parts.netloc)
    connection.putheader("cookie", cookies)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def every_route(store: Store) -> set[tuple[str, str]]:
    """Each method and path of the app, Gradio's and the rating page's among them."""
    known = registry.load(None, {})
    recorder, discovery = Recorder(store, scripted()), Discovery(known)
    whole = web.build(known, store, recorder, discovery)
    rating = web.mount(web.FastAPI(), rate.build(store, recorder))
    found: set[tuple[str, str]] = set()

    def walk(routes: Any, prefix: str) -> None:
        for each in routes:
            if isinstance(each, Mount):
                walk(getattr(each.app, "routes", []) or [], prefix + each.path)
            elif inner := getattr(each, "original_router", None):
                walk(inner.routes, prefix + each.include_context.prefix)
            elif isinstance(each, Route):
                found.update((method, prefix + each.path) for method in each.methods or ())

    walk(whole.routes, "")
    walk(rating.routes, "/rate")
    return found


def test_nobody_comes_past_the_login_by_any_route(store: Store, browsing: Browsing) -> None:
    nobody, routes = browsing(""), every_route(store)
    assert len(routes) > 80
    assert {"/gradio_api/queue/join", "/gradio_api/upload", "/export/{view}"} <= {path for _, path in routes}
    passed = []
    for method, template in sorted(routes):
        path = template.replace("{", "").replace("}", "").replace(":path", "")
        if path not in FREE:
            asked = nobody.request(method, path, headers={"accept": "application/json"})
            if asked.status_code not in (401, 403):
                passed.append((method, path, asked.status_code))
    assert not passed
    for odd in ("//healthz/../", "/healthz/", "/login/../", "/login/..%2f", "/LOGIN", "/healthz%00", "/rate/login"):
        status, body = raw(nobody, odd)
        assert status in (401, 307, 404), odd
        assert b"gradio" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file={users}",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../etc/passwd",
        "/gradio_api/file=%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/gradio_api/file=..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/gradio_api/file=app.py",
        "/gradio_api/file/etc/passwd",
        "/rate/gradio_api/file={users}",
        "/rate/gradio_api/file=/etc/passwd",
        "/images/../users.toml",
        "/images/..%2fusers.toml",
        "/images/%2e%2e%2fusers.toml",
        "/rate/images/..%2f..%2fusers.toml",
        "/pictures/../page.css",
        "/pictures/..%2fpage.css",
        "/pictures/%2e%2e/%2e%2e/web.py",
        "/static/../../routes.py",
        "/static/..%2f..%2froutes.py",
        "/assets/..%2f..%2f..%2froutes.py",
        "/svelte/..%2f..%2froutes.py",
        "/exports/..%2f..%2fetc%2fpasswd/file",
        "/export/..%2fjsonl",
        "/answers/..%2f..%2fx/0/raw",
        "/comparisons/..%2fusers.toml.html",
        "/gradio_api/stream/..%2f..%2fetc/passwd/x/playlist-file",
        "/custom_component/x/client/component/..%2f..%2fx/y",
    ],
)
def test_no_path_leads_to_a_file_beyond(browsing: Browsing, guarded: Server, folder: Path, path: str) -> None:
    status, body = raw(browsing("ann"), path.format(users=f"{folder}/users.toml"))
    assert status >= 400
    for inside in (b"argon2", b"root:", b"def main", b"import ", b"gradio-container {"):
        assert inside not in body


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file={url}",
        "/gradio_api/file=http%3A%2F%2F{host}/canary.png",
        "/gradio_api/file=http:/{host}/canary.png",
        "/gradio_api/file=//{host}/canary.png",
        "/gradio_api/proxy={url}",
        "/gradio_api/proxy=https%3A%2F%2F{host}",
        "/rate/gradio_api/file={url}",
        "/rate/gradio_api/proxy={url}",
    ],
)
def test_no_path_makes_the_app_fetch_from_elsewhere(browsing: Browsing, path: str) -> None:
    with canary() as (url, knocked):
        status, _ = raw(browsing("ann"), path.format(url=url, host=urlsplit(url).netloc))
        assert status >= 400
        assert not knocked


def event(browser: httpx.Client, files: list[dict[str, Any]]) -> str:
    """What Gradio says to a run with these files, sent as its page would."""
    config = browser.get("/config").json()
    box = next(each["id"] for each in config["components"] if each["type"] == "multimodaltextbox")
    wanted = next(each for each in config["dependencies"] if box in each["inputs"] and box in each["outputs"])
    values = {each["id"]: each["props"].get("value") for each in config["components"]}
    data = [{"text": "x", "files": files} if each == box else values[each] for each in wanted["inputs"]]
    body = {"data": data, "fn_index": wanted["id"], "session_hash": "attack", "trigger_id": box, "event_data": None}
    assert browser.post("/gradio_api/queue/join", json=body).status_code == 200
    with browser.stream("GET", "/gradio_api/queue/data?session_hash=attack") as stream:
        for line in stream.iter_lines():
            if "process_completed" in line:
                return line
    return ""


def test_a_run_takes_no_file_that_was_not_uploaded_and_fetches_none(browsing: Browsing, folder: Path) -> None:
    ann = browsing("ann")
    meta = {"meta": {"_type": "gradio.FileData"}}
    with canary() as (url, knocked):
        for path in (f"{folder}/users.toml", "/etc/passwd", url, f"file://{folder}/users.toml"):
            for file in ({"path": path}, {"path": path, "url": path}, {"path": path, "orig_name": "x.png"}):
                said = event(ann, [file | meta])
                assert said
                assert "run=" not in said
                assert "argon2" not in said
        assert not knocked


def test_uploads_are_bounded_and_never_run(browsing: Browsing) -> None:
    ann = browsing("ann")
    large = ann.post("/gradio_api/upload", files={"files": ("x.png", b"x" * 21_500_000, "image/png")})
    assert large.status_code == 413
    assert ann.post("/rate/gradio_api/upload", files={"files": ("x.png", b"xx", "image/png")}).status_code >= 400
    for name in ("x.svg", "x.html", "../../../up.html", "..%2f..%2fup.svg"):
        text = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
        (kept,) = ann.post("/gradio_api/upload", files={"files": (name, text, "image/svg+xml")}).json()
        assert "/uploads/" in kept
        assert "/../" not in kept
        got = ann.get(f"/gradio_api/file={kept}")
        assert "sandbox" in got.headers["content-security-policy"]
        assert browsing("").get(f"/gradio_api/file={kept}").status_code == 401


def test_a_bomb_becomes_a_sentence(browsing: Browsing) -> None:
    ann = browsing("ann")
    bomb = png(size=(12_000, 12_000))
    assert len(bomb) < 1_000_000
    (kept,) = ann.post("/gradio_api/upload", files={"files": ("bomb.png", bomb, "image/png")}).json()
    said = json.loads(event(ann, [{"path": kept, "meta": {"_type": "gradio.FileData"}}]).removeprefix("data:"))
    assert said["success"]
    assert "over 40 million pixels" in json.dumps(said)


def test_an_evaluator_spends_nothing_and_changes_no_backend(browsing: Browsing, folder: Path) -> None:
    bob, declared = browsing("bob"), (folder / "backends.toml").read_bytes()
    entry = {"engine": "vllm", "name": "mine", "base_url": "http://127.0.0.1:9/v1"}
    acts: list[tuple[str, Any]] = [("/serve/backend", entry)]
    acts += [(f"/checks/{act}", {"backends": ["talks"]}) for act in ("start", "stop")]
    acts += [(f"/measure/{kind}{more}", {}) for kind in ("load", "context", "effort") for more in ("", "/budget")]
    acts += [(f"/measurements/any/{act}", {}) for act in ("stop", "delete")]
    assert {(path, bob.post(path, json=sent).status_code) for path, sent in acts} == {(path, 403) for path, _ in acts}
    told = (("/serve.json", "admin"), ("/checks/state", "may"), ("/measure/load", "admin"))
    assert not any(bob.get(path).json()[name] for path, name in told)
    assert all(browsing("ann").get(path).json()[name] for path, name in told)
    assert (folder / "backends.toml").read_bytes() == declared


ADMINS = {
    "/serve/backend",
    "/checks/start",
    "/checks/stop",
    "/measure/{kind}",
    "/measure/{kind}/budget",
    "/measurements/{name}/stop",
    "/measurements/{name}/delete",
}
EVERYBODYS = {
    "/exports",
    "/exports/{job}/stop",
    "/rate/{act}",
    "/backends/{name:path}/refresh",
}
KINDS = ("load", "context", "effort")
GRADIOS = {"/login", "/login/", "/rate/login", "/rate/login/"}


def test_of_each_route_that_does_something_it_is_known_who_may_ask_for_it(store: Store, browsing: Browsing) -> None:
    """A new one fails here until somebody has thought of it: an admin's is refused to all others by the app itself."""
    acts = {path for method, path in every_route(store) if method not in SAFE and "/gradio_api/" not in path}
    assert acts - GRADIOS == ADMINS | EVERYBODYS
    bob = browsing("bob")
    for path in ADMINS:
        sent = {"backends": [], "name": "x"} if path.startswith("/checks") else {"name": "x"}
        assert bob.post(path.replace("{kind}", "load").replace("{name}", "any"), json=sent).status_code == 403, path


def every_event(browser: httpx.Client, base: str, sent: dict[str, Any]) -> list[str]:
    """What Gradio answers to each of a page's events, sent as they might be by whoever writes them by hand."""
    config = browser.get(f"{base}/config").json()
    values = {each["id"]: each["props"].get("value") for each in config["components"]}
    joined = []
    for each in config["dependencies"]:
        body = {
            "data": [values.get(one) for one in each["inputs"]],
            "fn_index": each["id"],
            "session_hash": "byhand",
            "trigger_id": None,
            "event_data": sent,
        }
        if each["backend_fn"]:
            answer = browser.post(f"{base}/gradio_api/queue/join", json=body)
            joined.append(answer.json()["event_id"] if answer.status_code == 200 else str(answer.status_code))
    said = set[str]()
    while len(said) < len(joined) and not joined[0].isdecimal():
        with browser.stream("GET", f"{base}/gradio_api/queue/data?session_hash=byhand") as stream:
            told = [json.loads(line[len("data: ") :]) for line in stream.iter_lines() if line.startswith("data: ")]
        found = {each["event_id"] for each in told if each["msg"] == "process_completed"} - said
        assert found, "no answer came any more"
        said |= found
    return joined


@pytest.mark.parametrize("base", ["", "/rate"])
def test_no_event_of_a_page_does_what_is_an_admins(browsing: Browsing, folder: Path, base: str) -> None:
    bob, ann, nobody, declared = browsing("bob"), browsing("ann"), browsing(""), (folder / "backends.toml").read_bytes()
    sent = {"name": "x", "key": "x/0", "call": 0, "content": "x", "backends": ["talks"], "overlap": 1, "act": "start"}
    events = every_event(bob, base, sent)
    assert len(events) > (20 if base else 80)
    assert (folder / "backends.toml").read_bytes() == declared
    state = ann.get("/checks/state").json()
    assert [each["last"] or each["progress"] for each in state["backends"]] == [None] * len(state["backends"])
    assert [ann.get(f"/measure/{kind}").json()["measurements"] for kind in KINDS] == [[], [], []]
    tried = [nobody.post(f"{base}/gradio_api/queue/join", json={"fn_index": number}) for number in range(len(events))]
    assert {each.status_code for each in tried} == {401}


def test_who_never_came_through_the_door_is_no_admin() -> None:
    assert not access.is_admin(Request({"type": "http"}))
