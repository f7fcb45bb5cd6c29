"""The History tab in the real page: flags as chips, and a filter that goes along with paging and the keyboard."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from backends.answer import fold
from backends.flags import Flag
from benchmarks.servers import Server, serving
from storage.store import Store
from tests.storage.made import BEGAN, ONE, TWO, asking, stamped
from tests.ui.conftest import settings

LEAK, CUT = Flag("marker_leak", "In line 1."), Flag("out_of_tokens", "At 10.")
NEWER = Flag("<b>newer</b>", "Of another version.")


async def fill(store: Store) -> None:
    """Sixty comparisons: each second has a flag, one has more."""
    for number in range(60):
        prompt = asking(f"question {number}")
        comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)])
        flags = [(), (LEAK,)] if number % 2 else [(), ()]
        if number == 59:
            flags = [(CUT, NEWER), (LEAK, CUT)]
        await store.append(comparison_id, BEGAN, [], dict.fromkeys(range(2), fold(stamped())), flags)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environ = settings(tmp_path_factory.mktemp("app"))
    store = Store.open(environ["DATABASE_URL"])
    with ThreadPoolExecutor(1) as beside:  # Playwright has a loop of its own in this thread
        beside.submit(asyncio.run, fill(store)).result()
    store.close()
    with serving("app.py", **environ) as server:
        yield server


def visit(page: Page, app: Server) -> None:
    page.goto(app.url)
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".history li")).to_have_count(25)


def test_a_row_shows_what_is_flagged_in_which_lanes(page: Page, app: Server) -> None:
    visit(page, app)
    first, second = (page.locator(".history li").nth(number) for number in range(2))
    expect(first.locator(".flag")).to_have_text(["A Bout of tokens", "A<b>newer</b>", "Bmarker in the answer"])
    expect(first.locator(".flag").first).to_have_attribute("title", "out of tokens: lane A B")
    expect(first.locator(".lanes .chip").nth(1)).to_have_text("Btwo · m-2 · effort high")
    expect(second.locator(".flag")).to_have_count(0)


def test_the_history_is_filtered_by_a_flag_from_page_to_page(page: Page, app: Server) -> None:
    visit(page, app)
    chosen = page.get_by_label("Flag")
    expect(chosen.locator("option")).to_have_text(
        ["all", "marker in the answer (30)", "out of tokens (1)", "<b>newer</b> (1)"]
    )
    chosen.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".history strong").nth(1)).to_have_text("question 57")
    expect(chosen).to_be_focused()
    page.get_by_role("button", name="Older").click()
    expect(page.locator(".history strong")).to_have_text([f"question {number}" for number in (9, 7, 5, 3, 1)])
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".history strong").nth(1)).to_have_text("question 57")
    expect(chosen).to_have_value("marker_leak")
    chosen.select_option("out_of_tokens")
    expect(page.locator(".history strong")).to_have_text(["question 59"])
    expect(page.locator(".history .pages")).to_be_hidden()
    chosen.select_option("all")
    expect(page.locator(".history li")).to_have_count(25)
