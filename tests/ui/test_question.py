"""What was asked, above the answers: its first lines, and all of it."""

from playwright.sync_api import Page, expect

from benchmarks.servers import Server
from tests.ui.test_page import ask, visit

LINES = """lines => {
    const asked = document.querySelector(".question .asked");
    const shown = asked.getBoundingClientRect().height / parseFloat(getComputedStyle(asked).lineHeight);
    return Math.abs(shown - lines) < 0.01;
}"""


def test_a_long_question_shows_whole_lines_and_all_of_it_when_that_is_asked_for(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    ask(page, "\n".join(f"line {number}" for number in range(15)))
    asked, whole = page.locator(".question .asked"), page.locator(".question .whole")
    expect(whole).to_have_text("Show all")
    page.wait_for_function(LINES, arg=3)
    whole.press("Enter")
    expect(whole).to_have_text("Show less")
    page.wait_for_function(LINES, arg=15)
    whole.press("Enter")
    page.wait_for_function(LINES, arg=3)
    ask(page, "A short one")
    expect(asked).to_have_text("A short one")
    expect(whole).to_be_hidden()
