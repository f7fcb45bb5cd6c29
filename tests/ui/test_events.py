"""The stream of a page's events ends and begins again with them: nothing may be lost between the two."""

import asyncio
from typing import Any

from playwright.sync_api import Page, Request, expect

from benchmarks.servers import Server
from tests.fake.serving import served
from tests.ui.conftest import on_a_thread
from tests.ui.test_page import until
from tests.ui.wire import wired
from ui.events import Events

LAG = 1.0  # seconds: longer than it takes to choose
STREAMS = 100


def test_what_is_asked_while_the_stream_ends_is_answered(page: Page, app: Server) -> None:
    streams: set[Request] = set()
    page.on("request", lambda request: streams.add(request) if "/queue/data" in request.url else None)
    page.on("requestfinished", lambda request: streams.discard(request))
    page.on("requestfailed", lambda request: streams.discard(request))
    with on_a_thread(wired(app.url, LAG)) as wire:
        page.goto(f"{wire.url}/?lanes=talks,talks")
        reach = [page.locator(f"#lane-{letter} .about .reach") for letter in "AB"]
        for each in reach:
            expect(each).to_have_text("ready")
        for _ in range(2):  # what the page asks by itself, and what follows from that
            page.wait_for_timeout(2 * LAG * 1000)
            until(page, lambda: not streams)
        for letter in "AB":
            page.locator(f"#backend-{letter} input").click()
            with page.expect_response(lambda response: "/queue/join" in response.url):
                page.locator(f"#backend-{letter} [role=option]", has_text="absent").click()
        for each in reach:
            expect(each).to_have_text("unreachable")
        page.goto("about:blank")


def test_who_chooses_again_at_once_gets_the_second(page: Page, app: Server) -> None:
    with on_a_thread(wired(app.url, LAG)) as wire:
        page.goto(f"{wire.url}/?lanes=talks,talks")
        reach = page.locator("#lane-A .about .reach")
        page.wait_for_function("window.arrived")
        expect(reach).to_have_text("ready")
        page.locator("#lane-A .settings .unfolds > .label-wrap").click()
        for name in ("dies", "absent"):
            page.locator("#backend-A input").click()
            page.locator("#backend-A [role=option]", has_text=name).click()
        expect(reach).to_have_text("unreachable")
        expect(page.locator("#model-A input")).to_have_value("absent")
        page.goto("about:blank")


def test_a_browser_asks_for_each_stream_once(page: Page) -> None:
    asked: list[str] = []

    async def dripping(scope: dict[str, Any], receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for _ in range(50):
            await send({"type": "http.response.body", "body": b"data: {}\n\n", "more_body": True})
            await asyncio.sleep(0.005)
        await send({"type": "http.response.body", "body": b""})

    with served(Events(dripping), lifespan="off") as url:
        page.goto(f"{url}/healthz")
        page.evaluate(
            """async (count) => {
              for (let i = 0; i < count; i++) {
                const leaving = new AbortController();
                const stream = await fetch('gradio_api/queue/data', { signal: leaving.signal });
                await stream.body.getReader().read();
                leaving.abort();
              }
            }""",
            STREAMS,
        )
        page.goto("about:blank")
    assert asked.count("/gradio_api/queue/data") == STREAMS
