"""A person logs in, asks, rates and leaves, in a real browser; then the log is read for what it must not hold."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from benchmarks.servers import Server
from tests.ui.door.conftest import KEY, PASSWORD
from tests.ui.test_page import ask, expect_ready, expect_state, visit


def enter(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def expect_in_the_header(page: Page) -> None:
    """The account takes no row of its own."""
    for width, beside in ((390, ".brand"), (800, ".tabs [role=tab]"), (1440, ".tabs [role=tab]")):
        page.set_viewport_size({"width": width, "height": 900})
        own, other = (page.locator(each).first.bounding_box() or {} for each in (".account", beside))
        assert own["y"] < other["y"] + other["height"], width
        assert own["x"] > other["x"] + other["width"], width


def test_from_the_login_to_a_rating_under_ones_own_name(page: Page, guarded: Server, folder: Path, log: Path) -> None:
    page.goto(f"{guarded.url}/?lanes=talks,tricks")
    expect(page).to_have_url(f"{guarded.url}/login?next=%2F%3Flanes%3Dtalks%2Ctricks")
    enter(page, "bob", "a wrong password")
    expect(page.get_by_role("alert")).to_contain_text("don't belong together")
    enter(page, "bob")
    expect(page).to_have_url(f"{guarded.url}/?lanes=talks,tricks")
    expect(page.locator(".account span")).to_have_text("bob")
    visit(page, guarded, "talks", "tricks")
    expect_in_the_header(page)

    ask(page, "What is the secret of my garden?")
    for lane in "AB":
        expect_state(page, lane, "done")
    expect_ready(page)
    expect(page.locator(".rating .name")).to_have_value("bob")
    expect(page.locator(".rating .name")).not_to_be_editable()
    page.keyboard.press("1")
    expect(page.locator(".rating .hint")).to_contain_text("Saved.")
    with closing(sqlite3.connect(folder / "lanewise.db")) as kept:
        assert kept.execute("SELECT evaluator FROM ratings").fetchall() == [("bob",)]

    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{guarded.url}/login")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()

    said = log.read_text()
    lines = [json.loads(line) for line in said.splitlines()]
    assert {line["message"] for line in lines} >= {"request", "lane ended", "login"}
    assert {line["lane"]["backend"] for line in lines if "lane" in line} == {"talks", "tricks"}
    for secret in (KEY, PASSWORD, "a wrong password", "garden", "Let me", "bold", "lanes=", "lanewise_session"):
        assert secret not in said


def test_the_rating_page_asks_no_name_of_whom_it_knows(page: Page, guarded: Server) -> None:
    page.goto(f"{guarded.url}/rate")
    enter(page, "ann")
    expect(page.locator(".queue .as")).to_contain_text("as ann")
    expect(page.locator(".queue .as button")).to_be_hidden()
    expect(page.locator(".queue .name")).to_be_hidden()


def test_a_page_whose_session_is_over_leads_to_the_login(page: Page, guarded: Server) -> None:
    page.goto(f"{guarded.url}/rate")
    enter(page, "ann")
    expect(page.locator(".queue .as")).to_contain_text("as ann")
    page.context.clear_cookies(name="lanewise_session")
    expect(page).to_have_url(f"{guarded.url}/login?next=%2Frate%2F")


def test_the_login_works_without_scripts_and_asks_for_nothing_foreign(browser: Browser, guarded: Server) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 700})
    tab, asked, fonts = context.new_page(), [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("response", lambda answer: fonts.append(answer.status) if answer.url.endswith(".woff2") else None)
    tab.goto(f"{guarded.url}/login")
    enter(tab, "ann")
    tab.goto(f"{guarded.url}/login")
    expect(tab.get_by_text("logged in as ann")).to_be_visible()
    assert all(url.startswith((guarded.url, "data:")) for url in asked)
    assert set(fonts) == {200}  # the app's own
    tab.get_by_role("button", name="Log out").click()
    expect(tab.get_by_role("button", name="Log in")).to_be_visible()
    assert httpx.get(guarded.url, cookies={c["name"]: c["value"] for c in context.cookies()}).status_code == 401
    context.close()


def test_nothing_on_the_login_page_is_hard_to_use(browser: Browser, guarded: Server) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, bypass_csp=True, viewport={"width": 390, "height": 700})
        tab = context.new_page()
        tab.goto(f"{guarded.url}/login")
        enter(tab, "ann", "a wrong password")
        expect(tab.get_by_role("alert")).to_be_visible()
        found = Axe().run(tab)
        assert not found.response["violations"], found.generate_report()
        context.close()
