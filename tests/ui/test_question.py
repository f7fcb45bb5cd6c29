"""What was asked, above the answers: its first lines, and all of it."""

from playwright.sync_api import Page, expect

from benchmarks.servers import Server
from tests.ui.test_page import ask, visit

LINES = "e => e.clientHeight / parseFloat(getComputedStyle(e).lineHeight)"


def test_a_long_question_shows_whole_lines_and_all_of_it_when_that_is_asked_for(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    ask(page, "\n".join(f"line {number}" for number in range(15)))
    asked, whole = page.locator(".question .asked"), page.locator(".question .whole")
    expect(whole).to_have_text("Show all")
    assert round(asked.evaluate(LINES), 2) == 3
    whole.press("Enter")
    expect(whole).to_have_text("Show less")
    assert round(asked.evaluate(LINES), 2) == 15
    whole.press("Enter")
    assert round(asked.evaluate(LINES), 2) == 3
    ask(page, "A short one")
    expect(asked).to_have_text("A short one")
    expect(whole).to_be_hidden()
