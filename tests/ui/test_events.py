"""The stream of a page's events ends and begins again with them: nothing may be lost between the two."""

from playwright.sync_api import Page, Request, expect

from benchmarks.servers import Server
from tests.ui.conftest import on_a_thread
from tests.ui.test_page import until
from tests.ui.wire import wired

LAG = 1.0  # seconds: longer than it takes to choose


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
