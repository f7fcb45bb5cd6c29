"""Two texts word by word: nothing is lost, and what is the same is found. How the page shows them, and lanes alone."""

from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from benchmarks.servers import Server
from tests.ui.test_page import ask, expect_state, visit
from ui.difference import BOTH, LEFT, RIGHT, Part, parts

texts = st.text(alphabet="ab ,.\n\té", max_size=40)


@given(texts, texts)
def test_either_text_can_be_read_from_the_parts(left: str, right: str) -> None:
    found = parts(left, right)
    assert "".join(part.text for part in found if part.where in (BOTH, LEFT)) == left
    assert "".join(part.text for part in found if part.where in (BOTH, RIGHT)) == right


@given(texts)
def test_equal_texts_are_one_common_part(text: str) -> None:
    assert parts(text, text) == ([Part(BOTH, text)] if text else [])


def test_a_changed_word_stands_beside_the_one_in_its_place() -> None:
    assert parts("The sky is blue.", "The sky is green.") == [
        Part(BOTH, "The sky is "),
        Part(LEFT, "blue"),
        Part(RIGHT, "green"),
        Part(BOTH, "."),
    ]


def test_words_that_only_share_their_blanks_are_one_difference() -> None:
    assert parts("one two three.", "uno dos tres.") == [
        Part(LEFT, "one two three"),
        Part(RIGHT, "uno dos tres"),
        Part(BOTH, "."),
    ]


def test_huge_texts_are_told_apart_by_lines() -> None:
    left = "many words " * 25_000
    assert parts(f"{left}\nend", f"{left}more\nend") == [
        Part(LEFT, f"{left}\n"),
        Part(RIGHT, f"{left}more\n"),
        Part(BOTH, "end"),
    ]


def test_a_key_shows_them_wherever_the_page_stands(page: Page, app: Server) -> None:
    visit(page, app, "talks", "tricks")
    ask(page, "Hello")
    for lane in "AB":
        expect_state(page, lane, "done")
    expect(page.locator("[data-act=differ]")).to_be_visible()
    page.locator("#lanes").focus()
    page.keyboard.press("d")
    expect(page.locator(".difference .counts")).to_contain_text("only in A")
    expect(page.locator(".difference .bar")).to_be_in_viewport()


def test_they_stay_when_the_lanes_are_revealed(page: Page, app: Server) -> None:
    visit(page, app, "talks", "tricks")
    page.get_by_role("button", name="How it runs").click()
    page.locator("#blind input").check()
    ask(page, "Hello")
    page.locator("[data-act=differ]").click()
    expect(page.locator(".difference .counts")).to_contain_text("only in A")
    page.get_by_role("button", name="Reveal without rating").click()
    expect(page.locator("#lanes .label", has_text="talks")).to_be_visible()
    expect(page.locator(".difference .counts")).to_contain_text("only in A")


def test_d_shows_where_two_answers_differ(page: Page, app: Server) -> None:
    visit(page, app, "tricks", "dies", "tricks")
    ask(page, "Hello")
    expect_state(page, "A", "done")
    expect_state(page, "B", "failed")
    expect_state(page, "C", "done")
    expect(page.locator("[data-act=differ]")).to_be_visible()
    page.keyboard.press("d")
    left, right = page.locator(".difference .pane").all()
    expect(page.locator(".difference .counts")).to_contain_text("only in A")
    expect(left.locator("p")).to_contain_text("<b>1</b> <img src=/healthz>")  # text, as it came
    expect(left.locator("del").first).to_be_visible()
    expect(right.locator("p")).to_have_text("Half an ans")

    page.locator(".difference .right").select_option("C")
    expect(page.locator(".difference .counts")).to_have_text("Word for word the same.")
    expect(right.locator("p")).to_contain_text("https://example.com")
    page.get_by_label("only differences").check()
    expect(right.locator("p")).not_to_contain_text("https://example.com")
    page.keyboard.press("d")
    expect(left).to_be_hidden()
