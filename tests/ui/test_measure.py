"""The Measure page in a real browser, against the fake server: a load from its budget to its ratios."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.servers import Server, serving
from tests.fake.serving import Fake
from tests.ui.conftest import settings
from tests.ui.test_axe import expect_no_barrier

VERDICT = re.compile("holds|does not hold|can't be told yet")  # which one, a busy machine decides
FORM: dict[str, Any] = {
    "lanes": [{"backend": "one", "effort": "none", "model": ""}],
    "prompts": [],
    "text": "(fake tokens=5 rate=0)",
    "steps": "1, 2",
    "requests": 4,
    "seconds": 30,
    "max_tokens": 20,
    "warm_up": 0,
    "seed": 1,
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, fake: Fake) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("app")
    entry = '[[backend]]\nname = "{}"\nkind = "vllm"\nbase_url = "{}/vllm/v1"\nmodel = "simulated"\n{}\n'
    prices = "price_in = 1.0\nprice_out = 2.0"
    (folder / "backends.toml").write_text(
        entry.format("one", fake.url, prices) + entry.format("two", fake.url, "concurrency = 2")
    )
    with serving("app.py", **settings(folder)) as server:
        yield server


def budget(app: Server, form: dict[str, Any]) -> dict[str, Any]:
    answer = httpx.post(f"{app.url}/measure/load/budget", json=form, timeout=60).raise_for_status()
    return dict(answer.json()["budget"])


def started(app: Server, form: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{app.url}/measure/load", json=form | {"agreed": budget(app, form)}, timeout=60)


def stop(app: Server, own: str) -> dict[str, Any]:
    httpx.post(f"{app.url}/measurements/{own}/stop", json={}, timeout=60).raise_for_status()
    return dict(httpx.get(f"{app.url}/measurements/{own}", timeout=60).json()["measurement"])


def test_nothing_starts_beyond_the_budget_that_was_agreed_on(app: Server, fake: Fake) -> None:
    agreed = budget(app, FORM)
    assert (agreed["requests"], agreed["cost"] > 0) == (8, True)
    more = FORM | {"requests": 5, "agreed": agreed}
    for form in (more, FORM, FORM | {"agreed": agreed | {"tokens": 1}}):
        refused = httpx.post(f"{app.url}/measure/load", json=form, timeout=60)
        assert (refused.status_code, "agreed" in refused.json()["detail"]) == (409, True)
    assert not fake.asked


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": "1, many"}, "Steps are"),
        ({"steps": "1000"}, "from 1 to 256"),
        ({"requests": 0}, "Requests per step must be"),
        ({"seconds": 1.5}, "whole number"),
        ({"lanes": []}, "1 to 6 lanes"),
        ({"lanes": [{"backend": "nobody", "effort": "none"}]}, "'nobody' is not declared"),
        ({"text": " "}, "or type one"),
        ({"prompts": ["kept:none"]}, "is not here any more"),
        ({"lanes": 5}, "1 to 6 lanes"),
        ({"prompts": 5, "text": ""}, "or type one"),
        ({"prompts": ["kept:\ud800"]}, "is not here any more"),
        ({"steps": "1" * 5000}, "Steps are"),
        ({"lanes": [{"backend": "two", "effort": "none"}], "steps": "2, 3"}, "two is sent 2 requests at once"),
    ],
)
def test_what_cant_be_measured_is_refused_in_words(app: Server, change: dict[str, Any], words: str) -> None:
    sent = json.dumps(FORM | change)  # half a character too, which httpx would not send
    told = {"content-type": "application/json"}
    refused = httpx.post(f"{app.url}/measure/load/budget", content=sent, headers=told, timeout=60)
    assert (refused.status_code, words in refused.json()["detail"]) == (422, True), refused.text


def test_a_second_one_is_refused_and_the_first_can_be_stopped(app: Server) -> None:
    slow = FORM | {"text": "(fake tokens=50 rate=5)"}
    own = started(app, slow).json()["id"]
    refused = started(app, FORM)
    assert (refused.status_code, "two would disturb each other" in refused.json()["detail"]) == (409, True)
    assert stop(app, own)["state"] == "stopped"


def load(page: Page) -> Locator:
    return page.locator("#measure-load")


def measure(page: Page, rate: int) -> None:
    part = load(page)
    part.locator("[name=text]").fill(f"(fake tokens=6 rate={rate} first=20)")
    part.locator("[name=steps]").fill("1, 2")
    part.locator("[name=requests]").fill("4")
    part.get_by_role("button", name="See what it takes").press("Enter")
    agree = part.get_by_role("group", name="Agree on the budget")
    expect(agree).to_contain_text("up to 10 requests")
    expect(agree).to_contain_text("about $")
    expect(agree.get_by_role("button", name="Start")).to_be_focused()
    page.keyboard.press("Enter")
    expect(part.locator(".result h3")).to_contain_text(f"rate={rate}")
    expect(part.locator(".result")).to_have_attribute("data-state", "done")


def test_a_load_runs_from_its_budget_to_figures_a_plot_and_ratios_over_another(page: Page, app: Server) -> None:
    page.goto(f"{app.url}/?tab=measure&part=load")
    part = load(page)
    expect(part.locator(".boxes label").first).to_be_visible()
    measure(page, rate=20)
    expect(part.locator("svg.plot circle")).to_have_count(2)
    rows = part.get_by_role("region", name="Figures by step").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("2 at once")
    assert part.locator(".scrolls").evaluate("(box) => box.scrollWidth <= box.clientWidth")  # nothing to the side
    part.get_by_role("button", name="Time to first token").press("Enter")
    expect(part.locator("svg.plot .line")).to_have_count(2)
    own = page.evaluate("new URLSearchParams(location.search).get('measurement')")
    measure(page, rate=60)
    assert page.evaluate("new URLSearchParams(location.search).get('measurement')") != own
    for box in part.locator(".past li input").all()[:2]:
        box.check()
    part.get_by_role("button", name="Compare the two chosen").click()
    ratios = part.get_by_role("region", name="Ratios by step")
    expect(ratios.locator("tbody tr")).to_have_count(2)
    expect(ratios.locator("tbody tr").first).to_contain_text(VERDICT)
    expect_no_barrier(page, "Load", within="#measure-load")
    page.reload()
    expect(ratios.locator("tbody tr")).to_have_count(2)
    part.get_by_role("button", name="Close the comparison").click()
    expect(part.locator("svg.plot")).to_be_visible()


def test_the_keyboard_alone_fills_starts_stops_and_opens(page: Page, app: Server) -> None:
    page.goto(f"{app.url}/?tab=measure&part=load")
    part, keys = load(page), page.keyboard
    expect(part.locator(".boxes label").first).to_be_visible()
    part.locator("[name=backend]").focus()
    keys.type("two")
    keys.press("Tab")
    keys.press("ArrowDown")
    expect(part.locator("[name=effort]")).to_have_value("high")
    part.locator("[name=text]").focus()
    keys.type("(fake tokens=50 rate=5)")
    part.locator("[name=steps]").focus()
    keys.press("ControlOrMeta+A")
    keys.type("1, 2")
    keys.press("Enter")
    expect(part.get_by_role("button", name="Start", exact=True)).to_be_focused()
    keys.press("Escape")
    expect(part.get_by_role("button", name="See what it takes")).to_be_focused()
    keys.press("Enter")
    expect(part.get_by_role("button", name="Start", exact=True)).to_be_focused()
    keys.press("Enter")
    expect(part.get_by_role("button", name="Stop", exact=True)).to_be_focused()
    keys.press("Enter")
    result = part.locator(".result")
    expect(result).to_have_attribute("data-state", "stopped")
    expect(result).to_be_focused()
    part.get_by_role("button", name="Close", exact=True).press("Enter")
    expect(part.locator(".past .opens").first).to_be_focused()
    keys.press("Enter")
    expect(result).to_be_focused()
    expect(result).to_be_in_viewport()


def test_samples_and_their_summary_come_as_csv(app: Server) -> None:
    own = started(app, FORM).json()["id"]
    while httpx.get(f"{app.url}/measurements/{own}", timeout=60).json()["measurement"]["state"] == "running":
        pass
    found = httpx.get(f"{app.url}/measurements/{own}.csv", timeout=60)
    assert "attachment" in found.headers["content-disposition"]
    samples = [*csv.DictReader(io.StringIO(found.text.removeprefix("\ufeff")))]
    asked = [each for each in samples if each["what"] == "request"]
    assert [each["step"] for each in asked] == ["1"] * 4 + ["2"] * 4
    assert all(float(each["e2e"]) > 0 for each in asked)
    summary = httpx.get(f"{app.url}/measurements/{own}/summary.csv", timeout=60).text.removeprefix("\ufeff")
    rows = [*csv.DictReader(io.StringIO(summary))]
    assert [(each["at_once"], each["answered"], each["errors"]) for each in rows] == [("1", "4", "0"), ("2", "4", "0")]
    assert all(float(row["rate_low"]) <= float(row["rate"]) <= float(row["rate_high"]) for row in rows)


def test_the_address_keeps_the_part_and_what_is_gone_is_told(page: Page, app: Server) -> None:
    page.goto(f"{app.url}/?tab=measure&part=load&measurement=gone")
    expect(load(page).get_by_role("alert")).to_have_text("This measurement is not here any more.")
    page.get_by_role("tab", name="Long context").click()
    expect(page.locator("#measure-context .measure")).to_be_visible()
    page.wait_for_url("**/*part=context*")
    page.reload()
    expect(page.locator("#measure-context .measure")).to_be_visible()


def test_who_deletes_a_measurement_is_asked_once_more(page: Page, app: Server) -> None:
    own = started(app, FORM).json()["id"]
    page.goto(f"{app.url}/?tab=measure&part=load&measurement={own}")
    first = load(page).locator(".past li").first
    first.locator(".drop").press("Enter")
    expect(first.locator(".drop")).to_have_text("Really delete?")
    first.locator(".drop").press("Enter")
    expect(load(page).locator(".result")).to_be_hidden()
    assert httpx.get(f"{app.url}/measurements/{own}", timeout=60).status_code == 404
