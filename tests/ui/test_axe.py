"""Every page and sheet as axe judges it: nothing serious or critical, wide and light, narrow and dark."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from benchmarks.servers import Server
from tests.ui.test_page import PICTURE, ask, expect_state, visit
from tests.ui.test_raw import run_of

AXE = Axe()
GRAVE = "serious", "critical"
STILL = (
    "*, ::before, ::after, ::backdrop { transition: none !important; animation: none !important; }"  # no half colours
)


def expect_no_barrier(page: Page, where: str) -> None:
    page.add_style_tag(content=STILL)
    # what is laid out hangs on the width alone, colours on the scheme alone
    for width, scheme in ((1440, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("(dark) => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
        found = [each for each in AXE.run(page).response["violations"] if each["impact"] in GRAVE]
        assert [
            f"{where}, {scheme}, {width} px: {each['help']}: {node['html']} {node['failureSummary']}"
            for each in found
            for node in each["nodes"]
        ] == []
    page.set_viewport_size({"width": 1440, "height": 900})


def open_sheet(page: Page, button: str, title: str) -> None:
    page.locator(button).click()
    sheet = page.get_by_role("dialog", name=title)
    expect(sheet).to_be_visible()
    expect_no_barrier(page, title)
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_asking_has_no_barrier(page: Page, app: Server) -> None:
    visit(page, app, "local", "talks", "absent")
    for part in ("Prompts", "System prompt", "Tools", "How it runs"):
        page.locator("#composer").get_by_role("button", name=part).click()
    page.locator("#lane-A").get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Save as …").click()
    expect(page.locator(".library button").first).to_be_visible()
    expect_no_barrier(page, "asking")
    page.get_by_role("tab", name="Backends").click()
    expect(page.locator(".backends .server").first).to_be_visible()
    expect_no_barrier(page, "backends")


def test_a_comparison_has_no_barrier(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls", "holds", "dies")
    page.set_input_files("#prompt input[type=file]", PICTURE)
    expect(page.locator("#prompt .thumbnail-item")).to_have_count(1)
    ask(page, "Hello")
    expect_state(page, "C", "answering")
    expect_state(page, "A", "done")
    expect_no_barrier(page, "answering")
    page.locator("#lane-C [data-act=stop]").click()
    expect(page.locator(".player .play")).to_be_enabled()
    for fold in page.locator(".card summary, .rating summary, .question summary").all():
        if fold.is_visible():
            fold.click()
    page.keyboard.press("Escape")
    page.locator("[data-act=differ]").click()
    expect(page.locator(".difference .counts")).not_to_be_empty()
    expect_no_barrier(page, "over")
    open_sheet(page, "[data-act=open]", "Share this comparison")
    open_sheet(page, "#lane-A [data-act=raw]", "Lane A: request and response")
    open_sheet(page, "button.keys", "Keys")
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".history li")).not_to_have_count(0)
    page.locator(".history .choose").first.check()
    expect_no_barrier(page, "history")


def test_rating_blindly_has_no_barrier(page: Page, app: Server, browser: Browser) -> None:
    visit(page, app, "talks", "tricks")
    page.get_by_role("button", name="How it runs").click()
    page.locator("#blind input").check()
    ask(page, "Blindly?")
    expect_state(page, "A", "done")
    expect_state(page, "B", "done")
    expect_no_barrier(page, "sealed")
    with somebody_else(browser) as other:
        other.goto(f"{app.url}/rate?run={run_of(page)}")
        expect(other.locator(".rating .choices button").first).to_be_visible()
        expect_no_barrier(other, "rating")
        other.goto(f"{app.url}/rate")
        expect(other.locator(".queue .name")).to_be_visible()
        expect_no_barrier(other, "who rates")


@contextmanager
def somebody_else(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()
