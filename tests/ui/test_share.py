"""The Share sheet of the Compare page: links, and a file that plays without the app."""

import re
from contextlib import closing

from playwright.sync_api import Browser, Page, expect

from benchmarks.servers import Server
from tests.ui.test_page import ask, expect_ready, expect_state, kept, run_of, until, visit
from ui.sharing import SEALED


def test_a_comparison_is_shared_as_links_and_as_a_file(page: Page, app: Server, browser: Browser) -> None:
    visit(page, app, "talks", "calls")
    expect(page.get_by_role("button", name="Share …")).to_be_hidden()
    ask(page, "What is shared?")
    expect_state(page, "A", "done")
    expect_state(page, "B", "done")
    run = run_of(page)
    page.get_by_role("button", name="Share …").focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="Share this comparison")
    expect(sheet).to_be_visible()
    sheet.get_by_role("button", name="Copy link").click()
    expect(sheet.get_by_role("status")).to_have_text("Link copied.")
    until(page, lambda: page.evaluate("navigator.clipboard.readText()") == f"{app.url}/?run={run}")
    sheet.get_by_role("button", name="Copy blind link").click()
    until(page, lambda: page.evaluate("navigator.clipboard.readText()") == f"{app.url}/rate?run={run}")

    expect(sheet.locator(".file")).to_have_text(f"lanewise-{run[:8]}-what-is-shared.html")
    sheet.get_by_label("figures").check()
    sheet.get_by_label("names").check()
    expect(sheet.get_by_label("names")).to_have_css("appearance", "auto")  # Gradio's own would show no tick
    expect(sheet.locator(".file")).to_have_text(f"lanewise-{run[:8]}-without-names-figures.html")
    with page.expect_download() as download:
        sheet.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == sheet.locator(".file").inner_text()
    assert 'id="replay"' not in download.value.path().read_text()
    expect(sheet.get_by_role("status")).to_have_text(re.compile(r"Made: \d+ KB\."))
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.get_by_role("button", name="Share …")).to_be_focused()


def test_a_blind_link_lets_somebody_else_judge_blindly_what_was_asked_openly(
    page: Page, app: Server, browser: Browser
) -> None:
    visit(page, app, "talks", "tricks")
    ask(page, "Openly")
    expect_state(page, "A", "done")
    expect_state(page, "B", "done")
    page.get_by_role("button", name="Share …").click()
    page.get_by_role("button", name="Copy blind link").click()
    until(page, lambda: "/rate?run=" in page.evaluate("navigator.clipboard.readText()"))
    with closing(browser.new_context()) as context:
        other = context.new_page()
        other.goto(page.evaluate("navigator.clipboard.readText()"))
        expect(other.locator(".question .asked")).to_have_text("Openly")
        expect_ready(other)
        expect(other.locator(".lane .label:visible")).to_have_count(0)
        other.locator(".rating .name").fill("Ann")
        other.locator(".rating .name").press("Enter")
        other.keyboard.press("1")
        expect(other.locator(".rating .ask")).to_contain_text("reasoning")
        other.keyboard.press("s")
        for letter in "AB":
            expect(other.locator(f"#lane-{letter} .label")).to_contain_text(re.compile("talks|tricks"))
    assert {each["blind"] for each in kept(page, app)["ratings"]} == {True}


def test_a_run_that_goes_on_is_not_given_out(page: Page, app: Server) -> None:
    visit(page, app, "talks", "trickles")
    ask(page, "Not yet")
    expect_state(page, "A", "done")
    expect_state(page, "B", "answering")
    page.get_by_role("button", name="Share …").click()
    sheet = page.get_by_role("dialog", name="Share this comparison")
    sheet.get_by_role("button", name="Download").click()
    expect(sheet.get_by_role("status")).to_have_text("Wait until every lane is done, or stop it.")
    page.keyboard.press("Escape")
    page.locator("#lane-B [data-act=stop]").click()
    expect_state(page, "B", "stopped")


def test_only_known_parts_of_known_comparisons_are_asked_for(page: Page, app: Server) -> None:
    assert page.request.get(f"{app.url}/comparisons/none.html").status == 404
    assert page.request.get(f"{app.url}/answers/none/0/raw").status == 404
    assert page.request.get(f"{app.url}/answers/none/0?sample={10**30}").status == 422


def test_nothing_is_given_out_of_a_sealed_comparison(page: Page, app: Server) -> None:
    visit(page, app, "talks", "dies")
    page.get_by_text("How it runs").click()
    page.get_by_label("Blind, until it is rated").check()
    ask(page, "Whose is this?")
    for lane in "AB":
        expect(page.locator(f"#lane-{lane} .card")).to_have_attribute("data-state", re.compile("done|failed"))
        expect(page.locator(f"#lane-{lane} [data-act=raw]")).to_be_hidden()
    run = run_of(page)
    lane = f"{app.url}/answers/{run}/0"
    given = [f"{lane}/raw", *(f"{lane}/request-1.{kind}" for kind in ("json", "sh", "py")), f"{lane}/response.jsonl"]
    given += [f"{app.url}/comparisons/{run}.html?without=names&without=figures"]
    for address in given:
        answer = page.request.get(address)
        assert (answer.status, answer.json()["detail"]) == (403, SEALED)
    page.get_by_role("button", name="Share …").click()
    sheet = page.get_by_role("dialog", name="Share this comparison")
    sheet.get_by_role("button", name="Download").click()
    expect(sheet.get_by_role("status")).to_have_text(SEALED)
    page.keyboard.press("Escape")

    page.locator(".rating .reveal").dispatch_event("click")
    for lane in "AB":
        expect(page.locator(f"#lane-{lane} [data-act=raw]")).to_be_visible()
    assert all(page.request.get(address).status == 200 for address in given)
    order = [page.locator(f"#lane-{lane} .label").inner_text().partition(" ")[0] for lane in "AB"]
    html = page.request.get(f"{app.url}/comparisons/{run}.html").text()
    assert re.findall(r'<p class="label">(\w+)', html) == order
