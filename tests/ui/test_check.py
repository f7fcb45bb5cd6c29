"""The Check tab in the real app, on fake servers: one does as it should, one promises too much, one is absent."""

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Locator, Page, expect

from backends.check.result import Check, Exchange, Finding, Verdict, dumped, loaded
from backends.discovery import Discovery
from backends.lane import Backend
from backends.registry import Registry
from benchmarks.servers import Server, serving
from storage.__main__ import main
from storage.store import Store
from suites.checking import Checking
from tests.fake.serving import Fake
from tests.ui.conftest import free_port, settings
from tests.ui.test_axe import expect_no_barrier
from ui import check

ENTRY = (
    '[[backend]]\nname = "{}"\nkind = "vllm"\nbase_url = "{}"\nmodel = "simulated"\nartifact = "FP8"\ncontext = {}\n'
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NASTY = "<img src=x onerror=alert(1)> \u2028 ${1+1} {{value}}"


def found(probe: str, verdict: Verdict, said: str = "So it is.") -> Finding:
    return Finding(probe, f"the probe {probe}", verdict, said, exchanges=(Exchange('{"a":1}', NASTY),), seconds=1.5)


def checked(backend: str, hour: int, *findings: Finding, version: str = "0.19") -> Check:
    return Check(backend, "vllm", "simulated", "FP8", version, NOON + timedelta(hours=hour), findings)


EARLIER = checked("my/broken", 0, found("reach", Verdict.FAILED), found("context", Verdict.PASSED))
BEFORE = checked("ci/nightly", 0, found("same", Verdict.PASSED), found("fell", Verdict.PASSED))
AFTER = checked(
    "ci/nightly",
    1,
    found("same", Verdict.PASSED),
    found("fell", Verdict.FAILED, NASTY),
    found("came", Verdict.DOUBTFUL),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def app(folder: Path, fake: Fake) -> Iterator[Server]:
    """With checks as a CI had written them: two of a backend that is not declared here, one of another."""
    entries = [
        ENTRY.format("good", f"{fake.url}/vllm/v1", 8192),
        ENTRY.format("my/broken", f"{fake.url}/vllm/v1", 262144),
        ENTRY.format("absent", f"http://127.0.0.1:{free_port()}/v1", 8192),
    ]
    (folder / "backends.toml").write_text("\n".join(entries))
    (folder / "ci.json").write_text(json.dumps([dumped(each) for each in (EARLIER, BEFORE, AFTER)]))
    main(["import", "--database", settings(folder)["DATABASE_URL"], str(folder / "ci.json")])
    with serving("app.py", **settings(folder)) as server:
        yield server


def open_tab(page: Page, app: Server, more: str = "") -> None:
    page.goto(f"{app.url}/?tab=check{more}")
    expect(page.locator(".checks th[data-backend]")).to_have_count(5)


def head(page: Page, backend: str) -> Locator:
    return page.locator(f'.checks th[data-backend="{backend}"]')


def cell(page: Page, backend: str, probe: str) -> Locator:
    return page.locator(f'.checks .cell[data-backend="{backend}"][data-probe="{probe}"]')


def press(page: Page, backend: str) -> None:
    head(page, backend).get_by_role("button", name=f"Check {backend}").click()


def expect_over(page: Page, backend: str) -> None:
    expect(head(page, backend).locator(".when")).to_be_visible()
    expect(head(page, backend)).not_to_have_attribute("data-running", "")


def test_an_imported_check_shows_what_has_changed(page: Page, app: Server) -> None:
    open_tab(page, app)
    expect(head(page, "ci/nightly")).to_contain_text("Not declared here")
    expect(head(page, "ci/nightly")).to_contain_text("0.19")
    expect(cell(page, "ci/nightly", "same")).to_have_text("✓passed")
    expect(cell(page, "ci/nightly", "fell")).to_have_text("✕failed▼ worse")
    expect(cell(page, "ci/nightly", "came")).to_have_text("?doubtful＋ new")
    cell(page, "ci/nightly", "fell").click()
    sheet = page.get_by_role("dialog", name="the probe fell · ci/nightly")
    expect(sheet.locator(".words")).to_have_text(NASTY)
    expect(sheet.locator("pre").nth(0)).to_have_text('{\n  "a": 1\n}')
    expect(sheet.locator("pre").nth(1)).to_have_text(NASTY)
    expect(sheet.locator(".before")).to_contain_text("passed. So it is.")
    expect(sheet.locator("img")).to_have_count(0)
    page.keyboard.press("Escape")
    head(page, "ci/nightly").locator(".when").click()
    expect(page.locator(".past li")).to_have_count(2)


def test_nothing_starts_by_itself_and_a_press_checks_while_the_tab_may_be_closed(page: Page, app: Server) -> None:
    open_tab(page, app, "&backend=good")
    expect(page.locator(".offer")).to_contain_text("good is not checked yet")
    expect(head(page, "good")).to_contain_text("Not checked yet.")
    with page.expect_response("**/checks/start"):
        page.get_by_role("button", name="Check good now").click()
    expect(page.locator(".offer")).to_be_hidden()
    page.goto("about:blank")
    open_tab(page, app)
    expect_over(page, "good")
    expect(head(page, "good")).to_contain_text("0.0-simulated")
    for probe in ("reach", "model", "context"):
        expect(cell(page, "good", probe)).to_have_text("✓passed")


def test_a_finished_check_leads_to_compare_and_measure_with_its_backend(page: Page, app: Server) -> None:
    open_tab(page, app)
    if httpx.get(f"{app.url}/checks/history", params={"backend": "my/broken"}).json() == []:
        press(page, "my/broken")
    expect_over(page, "my/broken")
    following = head(page, "my/broken").locator(".next")
    expect(following.get_by_role("link", name="Compare my/broken with")).to_be_visible()
    following.get_by_role("link", name="Measure my/broken under load").press("Enter")
    expect(page.locator("#measure-load [name=backend]")).to_have_value("my/broken")
    page.go_back()
    following.get_by_role("link", name="Compare my/broken with").click()
    expect(page.locator("#backend-A input")).to_have_value(re.compile("my/broken"))


def test_another_check_shows_what_has_changed_and_what_to_change(page: Page, app: Server) -> None:
    open_tab(page, app)
    press(page, "my/broken")
    expect(head(page, "my/broken").locator("progress")).to_be_visible()
    expect(cell(page, "my/broken", "context")).to_have_text("✕failed▼ worse")
    expect(head(page, "my/broken").locator("progress")).to_be_hidden()
    expect(cell(page, "my/broken", "context")).to_have_text("✕failed▼ worse")
    expect(cell(page, "my/broken", "reach")).to_have_text("✓passed▲ better")
    expect(cell(page, "my/broken", "model")).to_have_text("✓passed＋ new")
    cell(page, "my/broken", "context").press("Enter")
    sheet = page.get_by_role("dialog")
    expect(sheet.locator(".words")).to_contain_text("8,192")
    expect(sheet.locator(".advice")).to_contain_text("What to change:")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(cell(page, "my/broken", "context")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(cell(page, "my/broken", "model")).to_be_focused()


def test_a_broken_backend_carries_the_mark_in_compare_and_leads_to_its_check(page: Page, app: Server) -> None:
    open_tab(page, app)
    press(page, "absent")
    expect_over(page, "absent")
    page.goto(f"{app.url}/?lanes=absent,local")
    mark = page.locator("#about-A .failed")
    expect(mark).to_have_text(re.compile(r"^Last check failed: 1 of \d+ probes \(.+\), .*\d+"))
    expect(page.locator("#about-B .failed")).to_be_hidden()
    page.locator("#prompt textarea").fill("still here")
    mark.get_by_role("link").click()
    expect(page.locator(".offer")).to_contain_text("absent was checked last")
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator("#prompt textarea")).to_have_value("still here")
    assert "tab=" not in page.url


def test_a_check_that_is_stopped_says_how_far_it_came_and_is_none(page: Page, app: Server) -> None:
    open_tab(page, app)
    press(page, "local")
    expect(head(page, "local").locator("progress")).to_be_visible()
    expect(page.get_by_role("button", name="Stop all")).to_be_visible()
    head(page, "local").get_by_role("button", name="Stop").click()
    expect(head(page, "local")).to_contain_text(re.compile(r"Stopped after \d+ of \d+ probes."))
    assert httpx.get(f"{app.url}/checks/history", params={"backend": "local"}).json() == []


def test_the_exports_hold_what_the_matrix_shows(app: Server, folder: Path) -> None:
    whole = httpx.get(f"{app.url}/checks.json").json()
    (one,) = httpx.get(f"{app.url}/checks.json", params={"backend": "ci/nightly"}).json()
    assert one in whole
    assert loaded(one) == AFTER
    assert httpx.get(f"{app.url}/checks.json", params={"backend": "nobody"}).status_code == 404
    said = httpx.get(f"{app.url}/checks.csv").text.removeprefix("\ufeff")
    rows = [*csv.reader(said.splitlines())]
    place = rows[0].index("ci/nightly")
    assert [row[place] for row in rows if row[0] in ("", "same", "fell", "came")] == [
        "2026-03-01T13:00:00+00:00",
        "0.19",
        "passed",
        "failed",
        "doubtful",
    ]
    assert {row[2] for row in rows[3:]} <= {"", *Verdict}


def test_only_for_this_page_and_only_what_is_there_is_checked(app: Server) -> None:
    start = f"{app.url}/checks/start"
    foreign = {"Origin": "https://example.com"}
    assert httpx.post(start, json={"backends": ["good"]}, headers=foreign).status_code == 403
    assert httpx.post(start, json={"backends": ["ci/nightly"]}).status_code == 404
    assert httpx.post(start, json={"backends": ["good"], "reference": "nobody"}).status_code == 404
    assert httpx.post(start, json={"backends": ["good"] * 101}).status_code == 422
    assert all(each["progress"] is None for each in state(app.url) if each["name"] == "good")


def state(url: str) -> list[dict[str, Any]]:
    return httpx.get(f"{url}/checks/state").json()["backends"]


def test_who_is_no_admin_may_look_and_begins_and_stops_nothing(tmp_path: Path) -> None:
    registry = Registry((Backend("one", "vllm", "http://127.0.0.1:9/v1", "m"),), (), {})
    store = Store.open(f"sqlite:///{tmp_path / 'lanewise.db'}")
    checking, app = Checking(registry, store), FastAPI()
    discovery, board = Discovery(registry), check.Board(store)
    app.include_router(check.routes(registry, store, discovery, checking, board, lambda request: False))
    with TestClient(app) as http:
        for act in ("start", "stop"):
            refused = http.post(f"/checks/{act}", json={"backends": ["one"]})
            assert (refused.status_code, refused.json()["detail"]) == (403, "Only admins may begin and stop checks.")
        assert checking.progress("one") is None
        assert http.get("/checks/state").json()["may"] is False
    store.close()


def test_a_narrow_page_shows_one_backend_at_a_time(page: Page, app: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_tab(page, app, "&backend=ci%2Fnightly")
    expect(page.locator(".checks th[data-backend]:visible")).to_have_count(1)
    expect(cell(page, "ci/nightly", "fell")).to_be_visible()
    page.locator(".checks [name=one]").select_option("good")
    expect(cell(page, "ci/nightly", "fell")).to_be_hidden()
    expect(head(page, "good")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_tab_has_no_barrier(page: Page, app: Server) -> None:
    open_tab(page, app, "&backend=ci%2Fnightly")
    expect(cell(page, "ci/nightly", "fell")).to_be_visible()
    expect_no_barrier(page, "check")
    cell(page, "ci/nightly", "fell").click()
    expect(page.locator(".checks pre").first).to_be_visible()
    expect_no_barrier(page, "finding", within="dialog[open]")


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        ("failed", "passed", "better"),
        ("passed", "doubtful", "worse"),
        ("passed", "passed", ""),
        ("skipped", "passed", "changed"),
        ("failed", "skipped", "changed"),
        (None, "failed", "new"),
    ],
)
def test_a_change_has_a_word(was: str | None, now: str, change: str) -> None:
    earlier = checked("one", 0, *([found("p", Verdict(was))] if was else []))
    assert check.cells([found("p", Verdict(now))], earlier) == {"p": {"verdict": now, "change": change}}
    assert check.cells([found("p", Verdict(now))], None)["p"]["change"] == ""


def test_only_what_is_declared_as_it_was_checked_is_marked() -> None:
    registry = Registry((Backend("one", "vllm", "", "simulated", "FP8"), Backend("two", "vllm", "", "another")), (), {})
    last = {name: ("", (checked(name, 0, found("p", Verdict.FAILED)), None)) for name in ("one", "two")}
    assert check.marks(registry, last).keys() == {"one"}
    fine = {"one": ("", (checked("one", 0, found("p", Verdict.DOUBTFUL)), None))}
    assert check.marks(registry, fine) == {}
