"""What helps before a run, in a real browser: ready prompts, and what is suggested for a lane."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from benchmarks.servers import Server, serving
from tests.ui.conftest import settings
from tests.ui.test_page import visit


@pytest.fixture
def small_4(fake_url: str, tmp_path: Path) -> Iterator[Server]:
    """An app whose backends serve Small 4, one of them with a temperature of its own."""
    entry = '[[backend]]\nname = "{}"\nkind = "vllm"\nbase_url = "{}"\nmodel = "mistral-small-2603"\n{}\n'
    (tmp_path / "backends.toml").write_text(
        entry.format("plain", fake_url, "") + entry.format("tuned", fake_url, "temperature = 0.4\nmax_tokens = 90")
    )
    with serving("app.py", **settings(tmp_path)) as server:
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
