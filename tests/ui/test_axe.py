"""Every page and sheet as axe judges it: nothing serious or critical, wide and narrow, light and dark; and where Tab
stops."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from benchmarks.servers import Server
from tests.ui.test_page import PICTURE, ask, expect_state, run_of, visit

AXE = Axe()
GRAVE = "serious", "critical"
STILL = (
    "*, ::before, ::after, ::backdrop { transition: none !important; animation: none !important; }"  # no half colours
)
ALL = {"resultTypes": ["violations"]}
COLOURS = {"runOnly": ["color-contrast"]}
# what is laid out hangs on the width alone, and nearly all colours on the scheme alone
LOOKS = (1440, "light", ALL), (1440, "dark", COLOURS), (1024, "dark", ALL), (390, "dark", ALL), (390, "light", COLOURS)


def expect_no_barrier(page: Page, where: str, within: str = "html") -> None:
    page.add_style_tag(content=STILL)
    for width, scheme, options in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("(dark) => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
        found = AXE.run(page, context=within, options=options).response["violations"]
        assert [
            f"{where}, {scheme}, {width} px: {each['help']}: {node['html']} {node['failureSummary']}"
            for each in found
            if each["impact"] in GRAVE
            for node in each["nodes"]
        ] == []
    page.set_viewport_size({"width": 1440, "height": 900})


def open_sheet(page: Page, button: str, title: str) -> None:
    """By the keyboard, which is back at the button once it is closed."""
    page.locator(button).press("Enter")
    sheet = page.get_by_role("dialog", name=title)
    expect(sheet).to_be_visible()
    expect_no_barrier(page, title, within="dialog[open]")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.locator(button)).to_be_focused()


STOP = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect();
  if (at === document.body) return null;
  const shown = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const own = [at, at.closest('label')].filter(Boolean);
  let ring = at;
  while (ring && getComputedStyle(ring).outlineStyle === 'none' && getComputedStyle(ring).boxShadow === 'none')
    ring = ring.parentElement;
  return {
    what: [at.closest('[id]')?.id, at.tagName, at.ariaLabel || at.textContent.slice(0, 30)].join(' '),
    seen: own.some((each) => each.contains(shown)) || !!shown?.contains(at),
    ringed: !!ring,
  };
}"""


def expect_ways_of_the_keyboard(page: Page, least: int) -> None:
    """Tab goes on until the page ends; where it stops is seen, and nothing stands before it."""
    page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
    page.mouse.click(2, 2)
    stops: list[str] = []
    while len(stops) < 200:
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None:
            break
        stops.append(stop["what"])
        assert stop["seen"], stops
        assert stop["ringed"], stops
    assert least <= len(stops) < 200, stops


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
    page.get_by_role("tab", name="Serve").click()
    expect(page.locator(".serve .code pre")).to_contain_text("vllm serve")
    page.locator(".serve details").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")
    page.locator(".serve .guide").get_by_label("yes").last.check()
    expect(page.locator(".serve .leads")).not_to_be_empty()
    expect_no_barrier(page, "serve")
    expect_ways_of_the_keyboard(page, least=20)


def test_a_comparison_has_no_barrier(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls", "holds", "dies")
    page.set_input_files("#prompt input[type=file]", PICTURE)
    expect(page.locator("#prompt .thumbnail-item")).to_have_count(1)
    ask(page, "Hello")
    expect_state(page, "C", "answering")
    expect_state(page, "A", "done")
    expect_no_barrier(page, "answering", within="#lanes")
    page.locator("#lane-C [data-act=stop]").click()
    expect(page.locator(".player .play")).to_be_enabled()
    expect_ways_of_the_keyboard(page, least=60)
    expect_state(page, "A", "done")  # the lists of backends were passed, and nothing was chosen
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
    page.locator(".player .seek").fill("0")
    expect(page.locator("body")).to_have_class(re.compile("replaying"))
    expect_no_barrier(page, "replaying", within="#bars")
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".history li")).not_to_have_count(0)
    page.locator(".history .choose").first.check()
    page.locator(".history [data-act=filters]").evaluate("(button) => button.click()")  # which only a narrow page has
    page.get_by_role("button", name="Export …").click()
    expect(page.locator(".history .export .about")).not_to_be_empty()
    expect_no_barrier(page, "history")
    expect_ways_of_the_keyboard(page, least=20)


def test_rating_blindly_has_no_barrier(page: Page, app: Server, browser: Browser) -> None:
    visit(page, app, "talks", "tricks")
    page.get_by_role("button", name="How it runs").click()
    page.locator("#blind input").check()
    ask(page, "Blindly?")
    expect_state(page, "A", "done")
    expect_state(page, "B", "done")
    expect_no_barrier(page, "sealed", within="#lanes")
    with somebody_else(browser) as other:
        other.goto(f"{app.url}/rate")
        expect(other.locator(".queue .name")).to_be_visible()
        expect_no_barrier(other, "who rates", within=".queue")
        other.get_by_label("Your name").fill("Ann")
        other.keyboard.press("Enter")
        expect(other.locator(".queue .empty")).to_be_visible()
        expect_no_barrier(other, "nothing to rate", within=".queue")
        other.goto(f"{app.url}/rate?run={run_of(page)}")
        expect(other.locator(".rating .choices button").first).to_be_enabled()
        expect_no_barrier(other, "rating")
        expect_ways_of_the_keyboard(other, least=15)
        other.keyboard.press("Escape")
        other.keyboard.press("1")
        expect(other.locator(".rating .ask")).to_contain_text("reasoning")
        expect_no_barrier(other, "reasoning", within="#rating")
        other.keyboard.press("s")
        expect(other.locator("#lane-A .label")).not_to_be_empty()
        expect_no_barrier(other, "rated", within="#lanes")
    page.locator(".rating .reveal").click()
    expect(page.locator("#lane-A .label")).not_to_be_empty()
    expect_no_barrier(page, "revealed", within="#lanes")


@contextmanager
def somebody_else(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()
