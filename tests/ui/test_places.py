"""Where lanes stand: side by side, or one alone, always in a narrow window and in a wide one when asked to."""

import re

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from benchmarks.servers import Server
from tests.ui.test_page import ask, expect_state, visit

NARROW = {"width": 390, "height": 844}


SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => { for (const { value } of list.getEntries()) window.shifted += value; })
  .observe({ type: 'layout-shift' });
"""

# where the text of each answer begins, frame by frame
BEGINS = """
window.begins = { A: new Set(), B: new Set() };
const look = () => {
  for (const letter in begins) {
    const answer = document.getElementById(`answer-${letter}`), top = answer.getBoundingClientRect().top + scrollY;
    if (answer.offsetParent && answer.textContent.trim()) begins[letter].add(Math.round(top));
  }
  requestAnimationFrame(look);
};
look();
"""


def expect_alone(page: Page, letter: str, of: str) -> None:
    for lane in of:
        expect(page.locator(f"#lane-{lane}")).to_be_visible(visible=lane == letter)
    expect(page.locator(".places [aria-pressed=true]")).to_have_text(letter)


def test_a_narrow_window_shows_one_lane_and_its_switch_follows_the_lanes(page: Page, app: Server) -> None:
    page.set_viewport_size(NARROW)
    visit(page, app, "talks", "calls")
    expect_alone(page, "A", of="AB")
    page.get_by_role("button", name="Add lane").click()
    expect(page.locator(".places")).to_have_text("ABC")
    expect_alone(page, "C", of="ABC")
    expect(page.locator("#backend-C input")).to_be_visible()
    page.locator("#lane-C [data-act=remove]").click()
    expect(page.locator(".places")).to_have_text("AB")
    expect_alone(page, "A", of="AB")
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


@pytest.mark.parametrize("size", [NARROW, {"width": 1024, "height": 768}, {"width": 1440, "height": 700}])
def test_who_comes_for_answers_finds_them_at_the_top_of_a_tight_window(
    page: Page, app: Server, size: ViewportSize
) -> None:
    page.set_viewport_size(size)
    visit(page, app, "talks", "calls")
    expect(page.locator("#prompt")).to_be_in_viewport(ratio=1)
    ask(page, "Hello")
    question, prompt = page.locator(".question .asked"), page.locator("#prompt")
    for _ in range(2):
        expect(question).to_have_text("Hello")
        expect(question).to_be_in_viewport(ratio=1)
        expect(prompt).not_to_be_in_viewport()
        page.reload()


def test_what_was_unfolded_to_ask_makes_room_for_the_answers(page: Page, app: Server) -> None:
    visit(page, app, "talks", "tricks")
    runs = page.get_by_role("button", name="How it runs")
    runs.click()
    expect(page.locator("#blind")).to_be_visible()
    ask(page, "")
    expect(page.locator("#notice")).to_contain_text("Write a prompt first.")
    expect(page.locator("#blind")).to_be_visible()
    page.locator("#blind input").check()
    ask(page, "Hello")
    expect(page.locator("#blind")).to_be_hidden()
    expect(runs).to_contain_text("(blind)")
    expect_state(page, "A", "done")
    expect(page.locator("#answer-A")).to_be_in_viewport()


def test_a_lane_that_was_added_comes_into_sight(page: Page, app: Server) -> None:
    visit(page, app, *["talks"] * 5)
    page.get_by_role("button", name="Add lane").click()
    expect(page.locator("#lane-F")).to_be_in_viewport(ratio=0.9)
    page.keyboard.press("f")
    expect_alone(page, "A", of="ABCDEF")


def test_heads_and_switch_stay_in_sight_beside_long_answers(page: Page, app: Server) -> None:
    page.set_viewport_size({"width": 1440, "height": 400})
    visit(page, app, "talks", "tricks")
    ask(page, "Hello")
    expect_state(page, "B", "done")
    end = page.locator("#lane-B .answer > .end")
    end.evaluate("(end) => end.scrollIntoView({ block: 'center' })")
    for letter in "AB":
        expect(page.locator(f"#lane-{letter} .card > header")).to_be_in_viewport(ratio=1)
    expect(page.locator("#backend-A")).not_to_be_in_viewport()

    page.set_viewport_size(NARROW | {"height": 500})
    page.locator(".places button", has_text="B").click()
    end.evaluate("(end) => end.scrollIntoView({ block: 'center' })")
    expect(page.locator("#backend-B")).not_to_be_in_viewport()
    for stays in (".places", "#lane-B .card > header", ".rating .choices"):
        expect(page.locator(stays)).to_be_in_viewport(ratio=1)
    switch, head = (page.locator(each).bounding_box() for each in (".places", "#lane-B .card > header"))
    assert switch["y"] + switch["height"] <= head["y"] + 1  # a pixel, so that no text shows between them


def test_f_goes_from_lane_to_lane_and_back_to_all(page: Page, app: Server) -> None:
    visit(page, app, "talks", "tricks")
    ask(page, "Hello")
    expect_state(page, "A", "done")
    expect_state(page, "B", "done")
    expect(page.locator(".places")).to_be_hidden()
    for letter in "AB":
        page.keyboard.press("f")
        expect_alone(page, letter, of="AB")
    page.keyboard.press("f")
    expect(page.locator(".lane:visible")).to_have_count(2)
    page.locator("#lane-A [data-act=focus]").click()
    expect_alone(page, "A", of="AB")
    page.locator(".places button", has_text="B").press("Enter")
    expect_alone(page, "B", of="AB")
    page.keyboard.press("Escape")
    expect(page.locator(".lane:visible")).to_have_count(2)
    expect(page.locator("#lane-A [data-act=focus]")).to_be_focused()
    page.locator("#lane-A [data-act=duplicate]").click()
    page.locator("#lane-C [data-act=remove]").press("Enter")
    expect(page.locator("#lane-C")).to_be_hidden()
    expect(page.locator("#lane-B [data-act=remove]")).to_be_focused()


def test_nothing_jumps_while_answers_stream_nor_when_they_end(page: Page, app: Server) -> None:
    page.add_init_script(SHIFTS)
    for size in ({"width": 1440, "height": 900}, NARROW):
        page.set_viewport_size(size)
        visit(page, app, "unfolds;effort=high", "trickles")
        page.evaluate(BEGINS)
        ask(page, "Hello")
        expect(page.locator("#answer-A")).to_have_text(re.compile(r"(word ?){3}"))
        page.evaluate("window.shifted = 0")
        expect(page.locator("#lane-A .measured")).to_be_visible()
        assert page.evaluate("window.shifted") < 0.05
        page.locator("#stop").click()
        expect(page.locator("#lane-A .flag", has_text="out of tokens")).to_be_visible()
        assert page.evaluate("Math.max(begins.A.size, begins.B.size)") == 1


def test_nothing_moves_where_that_is_unwanted(page: Page, app: Server) -> None:
    visit(page, app, "trickles", "talks")
    ask(page, "Hello")
    expect_state(page, "A", "answering")
    assert page.evaluate("document.getAnimations().length") > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate("document.getAnimations().length") == 0


def test_all_lanes_are_told_at_one_height_whatever_one_of_them_is_advised(page: Page, app: Server) -> None:
    visit(page, app, "talks", "talks;effort=high", "tricks")
    page.fill("#prompt textarea", "Hello")
    page.locator("#prompt textarea").blur()
    expect(page.locator("#about-B .advice")).to_be_visible()
    for letter in "AC":
        expect(page.locator(f"#about-{letter} .advice")).to_be_hidden()
    heads = [page.locator(f"#lane-{letter} .card > header").bounding_box() for letter in "ABC"]
    assert len({head["y"] for head in heads if head}) == 1
