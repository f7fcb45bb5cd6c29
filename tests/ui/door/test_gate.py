"""What passes the gate, how much of it, and what is known of it afterwards: health, figures, headers, proxies."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from tests.ui.door.conftest import SECRET, Client, enter
from ui.door.accounts import Users
from ui.door.door import Door
from ui.door.settings import Bounds, Settings

Behind = Callable[..., Client]


async def endless(bytes_: int) -> AsyncIterator[bytes]:
    for _ in range(bytes_ // 1000):
        yield b"x" * 1000


async def test_no_request_is_larger_than_it_may_be_whatever_it_says(behind: Behind) -> None:
    client = behind(Settings(bounds=Bounds(body=50_000, upload=80_000)))
    assert (await client.post("/act", content=b"x" * 50_000)).json() == {"read": 50_000}
    said = await client.post("/act", content=b"x" * 50_001)
    assert (said.status_code, said.text) == (413, "That is too large: at most 0.05 MB.")
    assert (await client.post("/act", content=endless(51_000))).status_code == 413
    assert (await client.post("/act", content=endless(50_000))).json() == {"read": 50_000}
    assert (await client.post("/gradio_api/upload", content=b"x" * 80_001)).status_code == 413
    assert (await client.post("/login", content=b"x" * 16_001)).status_code == 413


async def opened(door: Door, behind: Behind, reads: asyncio.Event, who: Client | None = None) -> int:
    """The status of a stream that stays open until `reads`."""
    app = (who or behind(door))._transport.app  # type: ignore[union-attr]
    began: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    headers = [(b"host", b"localhost")]
    if who:
        headers.append((b"cookie", "; ".join(f"{k}={v}" for k, v in who.cookies.items()).encode()))

    async def receive() -> dict[str, Any]:
        await reads.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            began.set_result(message["status"])

    scope = {"type": "http", "method": "GET", "path": "/gradio_api/queue/data", "query_string": b"", "headers": headers}
    scope |= {"client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http", "root_path": ""}
    task = asyncio.create_task(app(scope, receive, send))
    status = await began
    if status != 200:
        await task
    TASKS.append(task)
    return status


TASKS: list[asyncio.Task[None]] = []


async def test_each_client_has_only_so_many_streams_and_gets_them_back(behind: Behind, users: Users) -> None:
    door, over = Door(Settings(users=users, secret=SECRET, bounds=Bounds(streams=2))), asyncio.Event()
    ann, bob = behind(door), None
    bob = behind(door)
    bob._transport = ann._transport  # one app
    await enter(ann, "ann")
    await enter(bob, "bob")
    assert [await opened(door, behind, over, ann) for _ in range(3)] == [200, 200, 429]
    assert await opened(door, behind, over, bob) == 200
    over.set()
    await asyncio.gather(*TASKS)
    TASKS.clear()
    over.clear()
    assert await opened(door, behind, over, ann) == 200
    over.set()
    await asyncio.gather(*TASKS)
    TASKS.clear()


async def test_a_websocket_is_refused(behind: Behind) -> None:
    app, said = behind(Settings())._transport.app, []  # type: ignore[union-attr]

    async def send(message: dict[str, Any]) -> None:
        said.append(message["type"])

    scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"localhost")], "query_string": b""}
    await app(scope, None, send)
    assert said == ["websocket.close"]


async def test_how_it_is_can_be_asked_by_anybody_and_tells_nothing_else(behind: Behind, users: Users) -> None:
    door = Door(Settings(users=users, secret=SECRET, near=False))
    client = behind(door)
    ready = await client.get("/readyz", headers={"host": "10.0.0.9:7860"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    door.stopping = True
    stopping = await client.get("/readyz")
    assert (stopping.status_code, stopping.json()) == (503, {"status": "stopping"})


async def test_figures_are_for_who_may_have_them(behind: Behind, users: Users) -> None:
    here = behind(Settings())
    assert (await here.get("/metrics")).status_code == 200
    assert (await behind(Settings(near=False)).get("/metrics")).status_code == 401
    token = behind(Settings(metrics_token="t-1"))
    assert (await token.get("/metrics")).status_code == 401
    assert (await token.get("/metrics", headers={"authorization": "Bearer t-2"})).status_code == 401
    assert (await token.get("/metrics", headers={"authorization": "Bearer t-1"})).status_code == 200
    door = Door(Settings(users=users, secret=SECRET))
    ann, bob, nobody = behind(door), behind(door), behind(door)
    await enter(ann, "ann")
    await enter(bob, "bob")
    assert [(await each.get("/metrics")).status_code for each in (ann, bob, nobody)] == [200, 401, 401]


async def test_figures_name_routes_and_nobody(behind: Behind, users: Users) -> None:
    door = Door(Settings(users=users, secret=SECRET))
    client = behind(door)
    await enter(client, "ann")
    await client.get("/no/such/place/1234")
    await client.get("/?run=5678")
    await client.request("BREW", "/")
    text = (await client.get("/metrics")).text
    assert 'lanewise_requests_total{method="GET",route="/",status="200"} 1.0' in text
    assert 'lanewise_requests_total{method="GET",route="other",status="404"} 1.0' in text
    assert 'method="other"' in text
    for word in ("ann", "1234", "5678", "BREW"):
        assert word not in text.replace("lanewise", "")


async def test_a_request_has_an_id_and_a_line_without_its_query(
    behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    client = behind(Settings())
    with caplog.at_level("INFO", "lanewise"):
        given = await client.get("/?q=secret-words", headers={"x-request-id": "from-the-proxy.1"})
        odd = await client.get("/odd%0Aline", headers={"x-request-id": "a b\n{}"})
        await client.get("/gradio_api/file=/tmp/gradio/0123/holiday-of-ann.png")
    assert given.headers["x-request-id"] == "from-the-proxy.1"
    assert len(odd.headers["x-request-id"]) == 16
    lines = [record.request for record in caplog.records if record.message == "request"]
    assert lines[0] | {"ms": 0} == {"method": "GET", "path": "/", "status": 200, "ms": 0, "role": ""}
    assert lines[1]["path"] == "/odd\\nline"
    assert lines[2]["path"] == "/gradio_api/file="
    assert "secret-words" not in json.dumps(lines)


async def test_every_answer_has_the_headers_that_keep_a_browser_safe(behind: Behind, users: Users) -> None:
    client = behind(Settings(users=users, secret=SECRET))
    for path in ("/", "/login", "/healthz", "/no/such/place", "/gradio_api/proxy=x"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "camera=()" in headers["permissions-policy"]
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    uploaded = await client.get("/gradio_api/file=/x.svg")
    assert "sandbox" in uploaded.headers["content-security-policy"]


async def test_a_foreign_host_is_refused(behind: Behind) -> None:
    client = behind(Settings())
    for host in ("evil.example", "localhost.evil.example", "", "localhost@evil.example"):
        assert (await client.get("/", headers={"host": host})).status_code == 400, host
    assert (await client.get("/", headers={"host": "compare.example.org"})).status_code == 200


async def test_a_page_that_points_its_name_here_does_not_pass_for_a_proxy(behind: Behind) -> None:
    """By scripts of its own, which its browser takes for ours: there is no proxy, and whoever is near is trusted."""
    client = behind(Settings())
    said = {"host": "evil.example:7860", "sec-fetch-site": "same-origin", "x-forwarded-host": "localhost"}
    assert (await client.get("/", headers=said)).status_code == 400
    assert (await client.post("/act", headers=said | {"origin": "http://evil.example:7860"})).status_code == 400
    assert (await client.get("/readyz", headers=said)).status_code == 200


FORWARDED = {
    "x-forwarded-proto": "https",
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-host": "compare.example.org",
}


async def test_a_trusted_proxy_tells_who_asks_and_by_which_name(behind: Behind, users: Users) -> None:
    client = behind(Settings(users=users, secret=SECRET))  # which comes from 127.0.0.1
    entered = await client.post(
        "/login",
        data={"name": "ann", "password": "wrong"},
        headers=FORWARDED | {"origin": "https://compare.example.org"},
    )
    assert entered.status_code == 401
    assert "strict-transport-security" in entered.headers
    foreign = FORWARDED | {"origin": "https://elsewhere.example.org"}
    assert (await client.post("/login", headers=foreign)).status_code == 403
    assert (await client.get("/", headers=FORWARDED | {"x-forwarded-host": "evil.example"})).status_code == 400


async def test_anybody_elses_word_is_dropped(behind: Behind) -> None:
    client = behind(Settings(), client=("203.0.113.7", 1))
    answer = await client.get("/", headers=FORWARDED | {"x-forwarded-host": "evil.example"})
    assert answer.status_code == 200
    assert "strict-transport-security" not in answer.headers
    known = behind(Settings(proxies="203.0.113.0/24"), client=("203.0.113.7", 1))
    assert "strict-transport-security" in (await known.get("/", headers=FORWARDED)).headers


@pytest.mark.parametrize("kept", ["/lanewise", ""])
async def test_beneath_a_path_that_its_proxy_keeps_or_takes_away(behind: Behind, users: Users, kept: str) -> None:
    client = behind(Settings(users=users, secret=SECRET, root="/lanewise"))
    stranger = await client.get(f"{kept}/?run=7", headers={"accept": "text/html"})
    assert stranger.headers["location"] == "/lanewise/login?next=%2Flanewise%2F%3Frun%3D7"
    form = await client.get(f"{kept}/login")
    assert 'action="/lanewise/login"' in form.text
    entered = await client.post(
        f"{kept}/login", data={"name": "ann", "password": "correct horse battery", "next": "/lanewise/?run=7"}
    )
    assert entered.headers["location"] == "/lanewise/?run=7"
    assert "Path=/lanewise;" in entered.headers["set-cookie"]
    cookie = httpx.Cookies({"lanewise_session": entered.cookies["lanewise_session"]})
    client.cookies = cookie
    assert (await client.get(f"{kept}/")).json()["name"] == "ann"
    assert (await client.get(f"{kept}/healthz")).status_code in (200, 404)
    left = await client.post(f"{kept}/logout")
    assert left.headers["location"] == "/lanewise/login"
