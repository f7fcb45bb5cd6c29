"""Presets of lanes in a real browser: chosen, saved, deleted, shared; and what a link says."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from benchmarks.servers import Server
from tests.ui.test_page import ask, expect_state, kept, until, visit


def backend(page: Page, lane: str, name: str) -> None:
    expect(page.locator(f"#backend-{lane} input")).to_have_value(re.compile(rf"^{name}\b"))


def copied(page: Page) -> str:
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_role("button", name="Copy link").click()
    until(page, lambda: "lanes=" in page.evaluate("navigator.clipboard.readText()"))
    return str(page.evaluate("navigator.clipboard.readText()"))


def save(page: Page, name: str) -> None:
    page.get_by_role("button", name="Save as").press("Enter")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.locator(".lineup .hint")).to_have_text("Saved.")


def test_lanes_are_saved_chosen_again_and_deleted_with_the_keyboard(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls", "local")
    page.locator("#effort-C").get_by_label("high").check()
    save(page, "three of them")
    expect(page.locator(".lineup select")).to_have_value("three of them")

    visit(page, app, "holds", "talks")
    page.locator(".lineup select").select_option("three of them")
    for lane, name in (("A", "talks"), ("B", "calls"), ("C", "local")):
        backend(page, lane, name)
    expect(page.locator("#effort-C").get_by_label("high")).to_be_checked()

    page.get_by_role("button", name="Delete").press("Enter")
    page.get_by_role("button", name="Really delete?").press("Enter")
    expect(page.locator(".lineup .hint")).to_have_text("Deleted.")
    expect(page.locator(".lineup option", has_text="three of them")).to_have_count(0)


def test_a_name_is_needed(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    page.get_by_role("button", name="Save as").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".lineup .hint")).to_have_text("Give the preset a name.")


def test_what_the_declared_backends_can_not_fill_says_what_is_missing(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    options = page.locator(".lineup optgroup option")
    expect(options.nth(1)).to_be_disabled()
    expect(options.nth(1)).to_contain_text("declare backends with artifacts FP8, NVFP4 and FP8 + eagle")
    page.locator(".lineup select").select_option("Effort: none against high")
    expect(page.locator("#effort-A").get_by_label("none")).to_be_checked()
    expect(page.locator("#effort-B").get_by_label("high")).to_be_checked()


def test_a_link_carries_all_settings_of_its_lanes(page: Page, app: Server) -> None:
    visit(page, app, "talks", "local")
    page.locator("#effort-B").get_by_label("high").check()
    for lane in "AB":
        page.locator(f"#lane-{lane}").get_by_role("button", name="Settings").click()
    page.fill("#temperature-A input", "0.5")
    page.fill("#limit-B input", "")
    link = copied(page)
    assert "temperature=0.5" in link
    assert "local;effort=high;max_tokens=" in link
    expect(page.locator(".lineup .hint")).to_have_text("Link copied.")

    page.goto("about:blank")
    page.goto(link)
    backend(page, "A", "talks")
    expect(page.locator("#effort-B").get_by_label("high")).to_be_checked()
    for lane in "AB":
        page.locator(f"#lane-{lane}").get_by_role("button", name="Settings").click()
    expect(page.locator("#temperature-A input")).to_have_value("0.5")
    expect(page.locator("#limit-B input")).to_have_value("")
    assert copied(page) == link


def test_a_link_with_mistakes_names_them_and_shows_the_rest(page: Page, app: Server) -> None:
    page.goto(f"{app.url}/?lanes=talks;warmth=1,gone,calls")
    notice = page.locator("#notice .notice")
    expect(notice).to_contain_text("Lane A of the link: there is no setting 'warmth'")
    expect(notice).to_contain_text("Lane B: choose a backend; 'gone' is not declared.")
    expect(page.locator("#about-B .notes")).to_contain_text("'gone' is not declared here")
    backend(page, "C", "calls")
    assert copied(page).endswith("?lanes=talks;effort=none,gone,calls;effort=none")


def test_a_link_with_a_number_beyond_all_bounds_is_shown_and_named(page: Page, app: Server) -> None:
    page.goto(f"{app.url}/?lanes=talks;seed=1e30,calls")
    expect(page.locator("#notice .notice")).to_contain_text("Lane A: seed must be a whole number")
    backend(page, "B", "calls")


def test_another_preset_shows_no_answers_under_wrong_names(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    ask(page, "Hello")
    expect_state(page, "B", "done")
    page.locator(".lineup select").select_option("Effort: none against high")
    expect(page.locator("#card-A .state")).to_contain_text("Its answer will stream here")
    until(page, lambda: "run=" not in page.url)


@pytest.mark.parametrize("by", ["key", "button"])
def test_who_runs_before_the_lanes_of_a_link_are_there_runs_those(page: Page, app: Server, by: str) -> None:
    slow, is_slow = list[Route](), True
    page.route("**/queue/join*", lambda route: slow.append(route) if is_slow else route.continue_())
    page.goto(f"{app.url}/?lanes=talks,tricks,calls")
    page.fill("#prompt textarea", "At once")
    page.press("#prompt textarea", "Enter") if by == "key" else page.click(".submit-button")
    expect(page.locator(".submit-button")).to_have_attribute("aria-busy", "true")
    is_slow = False
    for each in slow:
        each.continue_()
    expect(page.locator(".question .asked")).to_have_text("At once")
    expect_state(page, "C", "done")
    assert [each["backend"] for each in kept(page, app)["lanes"]] == ["talks", "tricks", "calls"]
