"""The address says which tab is shown and what that tab says; Back returns to both."""

from playwright.sync_api import Page, expect

from benchmarks.servers import Server


def expect_tab(page: Page, *names: str) -> None:
    expect(page.locator(".tabs [role=tab][aria-selected=true]:visible")).to_have_text([*names])


def test_back_returns_to_the_tab_before_and_to_what_it_said(page: Page, app: Server) -> None:
    page.goto(f"{app.url}/?tab=serve&engine=sglang")
    expect_tab(page, "Serve")
    expect(page.locator(".serve [name=engine]")).to_have_value("sglang")
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".history [name=q]")).to_be_visible()
    page.locator(".history [name=q]").fill("garden")
    page.wait_for_url("**q=garden*")
    page.get_by_role("tab", name="Compare").click()
    expect_tab(page, "Compare")
    assert "tab=" not in page.url
    page.get_by_role("tab", name="History").click()
    page.wait_for_url("**q=garden*")  # as it was left
    page.go_back()
    expect_tab(page, "Compare")
    page.go_back()
    expect_tab(page, "History")
    expect(page.locator(".history [name=q]")).to_have_value("garden")
    page.go_back()
    expect(page.locator(".history [name=q]")).to_have_value("")
    page.go_back()
    expect_tab(page, "Serve")
    expect(page.locator(".serve [name=engine]")).to_have_value("sglang")


def test_a_part_of_measure_keeps_what_it_shows_while_another_is_looked_at(page: Page, app: Server) -> None:
    page.goto(f"{app.url}/?tab=measure&part=effort")
    expect_tab(page, "Measure", "Effort")
    page.get_by_role("tab", name="Load").click()
    page.wait_for_url("**part=load*")
    page.get_by_role("tab", name="Check").click()
    expect_tab(page, "Check")
    page.get_by_role("tab", name="Measure").click()
    expect_tab(page, "Measure", "Load")
    for shown in (("Check",), ("Measure", "Load"), ("Measure", "Effort")):
        page.go_back()
        expect_tab(page, *shown)
