"""What helps before a run, in a real browser: ready prompts, and what is suggested for a lane."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from backends.prompt import Image
from backends.routing import suggest
from backends.tokens import prompt_tokens
from benchmarks.servers import Server, serving
from tests.ui.conftest import settings
from tests.ui.test_page import expect_state, kept, pick, visit
from ui import asking
from ui.examples import EXAMPLES, SYSTEM, Example

SMALLEST = 2048 - 300  # tokens: what each of six embedded lanes has for its prompt


@pytest.fixture(scope="module")
def small_4(fake_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An app whose backends serve Small 4, one of them with a temperature of its own."""
    entry = '[[backend]]\nname = "{}"\nkind = "vllm"\nbase_url = "{}"\nmodel = "mistral-small-2603"\n{}\n'
    folder = tmp_path_factory.mktemp("small-4")
    (folder / "backends.toml").write_text(
        entry.format("plain", fake_url, "") + entry.format("tuned", fake_url, "temperature = 0.4\nmax_tokens = 90")
    )
    with serving("app.py", **settings(folder)) as server:
        yield server


def test_a_suggested_effort_is_taken_with_a_click_and_never_by_itself(page: Page, small_4: Server) -> None:
    visit(page, small_4, "plain", "plain")
    none, high = (page.locator("#effort-A").get_by_label(effort) for effort in ("none", "high"))
    expect(none).to_be_checked()
    page.fill("#prompt textarea", "Why does this crash?")
    page.press("#prompt textarea", "Tab")
    advice = page.locator("#about-A .advice")
    expect(advice).to_contain_text("Looks like a search for the cause of a bug: as a rule of thumb, effort high.")
    expect(none).to_be_checked()
    advice.get_by_role("button", name="Use high").press("Enter")
    expect(high).to_be_checked()
    expect(high).to_be_focused()
    expect(advice).to_be_hidden()


def test_an_empty_temperature_says_what_is_sent_for_it(page: Page, small_4: Server) -> None:
    visit(page, small_4, "plain", "tuned")
    for lane in "AB":
        page.locator(f"#lane-{lane}").get_by_role("button", name="Settings").click()
    field = page.locator("#temperature-A input")
    expect(field).to_have_attribute("placeholder", "server's own")
    expect(page.locator("#temperature-B input")).to_have_value("0.4")
    page.locator("#effort-A").get_by_label("high").check()
    expect(field).to_have_attribute("placeholder", "0.7 advised")


def test_another_backend_begins_with_its_own_settings_but_keeps_a_persons(page: Page, small_4: Server) -> None:
    visit(page, small_4, "tuned", "plain")
    page.locator("#lane-A").get_by_role("button", name="Settings").click()
    page.fill("#limit-A input", "50")
    page.locator("#backend-A input").click()
    page.get_by_role("option", name="plain").click()
    expect(page.locator("#temperature-A input")).to_have_value("")
    expect(page.locator("#limit-A input")).to_have_value("50")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_prompt_of_the_library_can_be_asked_and_fits_six_embedded_lanes(example: Example) -> None:
    pictures = tuple(Image(f"{number:064}", "image/png", 560, 420, b"") for number, _ in enumerate(example.images))
    prompt = asking.prompt(SYSTEM, example.text, pictures, example.tools)
    assert all(picture.stat().st_size < 20_000 for picture in example.images)
    assert prompt_tokens(prompt, "") < SMALLEST
    assert suggest(prompt).effort == example.effort


def test_a_prompt_of_the_library_fills_in_all_that_belongs_to_it(page: Page, app: Server) -> None:
    visit(page, app, "talks", "talks")
    pick(page, "Agent, first step")
    expect(page.locator("#prompt textarea")).to_have_value(re.compile("pricing card"))
    expect(page.locator("#prompt textarea")).to_be_focused()
    expect(page.locator("#prompt .thumbnail-item")).to_have_count(1)
    expect(page.get_by_role("button", name="Tools (2)")).to_be_visible()
    expect(page.locator("#about-A .advice")).to_contain_text("a picture to be read")
    page.press("#prompt textarea", "Enter")
    expect_state(page, "A", "done")
    expect_state(page, "B", "done")
    assert [tool["name"] for tool in kept(page, app)["lanes"][0]["prompt"]["tools"]] == ["read_file", "write_file"]

    pick(page, "Agent, next step")
    expect(page.locator("#follow input")).to_be_checked()
    expect(page.locator("#prompt textarea")).to_have_value(re.compile("after your change"))
    expect(page.locator("#prompt .thumbnail-item")).to_have_count(1)
    page.press("#prompt textarea", "Enter")
    expect(page.locator(".question .thread a")).to_have_count(2)
    expect_state(page, "A", "done")

    pick(page, "Text: a rainbow")
    expect(page.locator("#follow input")).not_to_be_checked()
    expect(page.get_by_role("button", name="Tools (")).to_have_count(0)
    expect(page.locator("#prompt .thumbnail-item")).to_have_count(0)


def test_the_longest_prompt_of_the_library_is_answered_by_the_embedded_model(page: Page, app: Server) -> None:
    visit(page, app, "local;max_tokens=20", "talks")
    pick(page, "Long document")
    expect(page.locator("#prompt textarea")).to_have_value(re.compile("HOSTING AGREEMENT"))
    page.press("#prompt textarea", "Enter")
    expect_state(page, "A", "done")


def test_a_thumbnail_is_shown_for_each_prompt_with_a_picture(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    page.get_by_role("button", name="Prompts").click()
    pictures = page.locator("#library img")
    expect(pictures).to_have_count(sum(bool(example.images) for example in EXAMPLES))
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).not_to_have_js_property("naturalWidth", 0)
