"""The parts "Long context" and "Effort" of the Measure tab, against the fake: what is asked, found, rated and shown."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from benchmarks.servers import Server, serving
from tests.fake.serving import faking
from tests.ui.conftest import settings
from tests.ui.test_axe import expect_no_barrier

ENTRY = """[[backend]]
name = "{0}"
kind = "vllm"
base_url = "{1}/vllm/v1"
model = "{2}"
artifact = "{0}"
efforts = ["none", "high"]
price_in = 0.1
price_out = 0.3
"""
MODELS = {"FP8": "remembers", "NVFP4": "forgets", "plain": "simulated"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("measure")
    with faking() as fake:
        entries = [ENTRY.format(name, fake.url, model) for name, model in MODELS.items()]
        (folder / "backends.toml").write_text("\n".join(entries))
        with serving("app.py", **settings(folder)) as server:
            yield server


def visit(page: Page, app: Server, part: str) -> None:
    page.goto(f"{app.url}/?tab=measure&part={part}")
    expect(page.locator(f"#measure-{part} [type=submit]")).to_be_visible()


def start(page: Page, part: str) -> None:
    """Agrees to the budget, and waits for the end."""
    shown = page.locator(f"#measure-{part}")
    shown.get_by_role("button", name="See what it takes").click()
    shown.get_by_role("button", name="Start", exact=True).click()
    expect(shown.locator(".result[data-state=done]")).to_be_visible()


def choose(page: Page, group: str, *names: str) -> None:
    """Exactly these boxes of a group."""
    boxes = page.locator(f"#measure-context {group} label")
    expect(boxes.first).to_be_visible()
    for box in boxes.all():
        box.locator("input").set_checked(box.inner_text().strip() in names)


def test_needles_are_mapped_by_length_and_depth(page: Page, app: Server) -> None:
    visit(page, app, "context")
    for name in ("FP8", "NVFP4"):
        page.get_by_label(f"{name}, effort none").check()
    choose(page, ".lengths", "8k", "32k", "128k")
    choose(page, ".depths", "the beginning", "the end")
    page.locator("#measure-context").get_by_label("Texts for each length and depth").fill("3")
    page.locator("#measure-context").get_by_role("button", name="See what it takes").click()
    takes = page.locator("#measure-context .takes")
    expect(takes).to_contain_text("up to 36 requests in at most 60 min")
    expect(takes).to_contain_text("$0.2")
    start(page, "context")
    shown = page.locator("#measure-context")
    for lane, rows in {
        "FP8 · remembers · effort none": ["✓ 3/3 ✓ 3/3 ✓ 3/3", "✓ 3/3 ✓ 3/3 ✓ 3/3"],
        "NVFP4 · forgets · effort none": ["✓ 3/3 ✓ 3/3 ⊘ too long", "✓ 3/3 ✗ 0/3 ⊘ too long"],
    }.items():
        told = shown.get_by_role("table", name=f"Found by {lane}").locator("tbody tr").all()
        assert [" ".join(" ".join(each.locator("td").all_inner_texts()).split()) for each in told] == rows
    expect(shown.locator(".duel p")).to_contain_text("Of 12 texts that both read, FP8 found 12 and NVFP4 found 9")
    expect(shown.locator(".duel p")).to_contain_text("too few to tell them apart")
    expect(shown.locator(".reasons")).to_contain_text("maximum context length")
    expect_no_barrier(page, "long context", within="#measure-context")

    samples = page.request.get(f"{app.url}/{shown.get_by_role('link', name='Samples').get_attribute('href')}").text()
    lines = samples.splitlines()
    assert len(lines) == 1 + 36
    assert {"lane", "length", "depth", "outcome", "prompt_tokens", "ttft_us"} <= set(
        lines[0].strip("\ufeff").split(",")
    )
    summary = page.request.get(f"{app.url}/{shown.get_by_role('link', name='Summary').get_attribute('href')}").text()
    assert len(summary.splitlines()) == 1 + 12

    page.reload()
    expect(shown.locator(".map")).to_have_count(2)


def test_a_place_says_that_answers_ran_out_of_tokens_and_more_tokens_help(page: Page, app: Server) -> None:
    visit(page, app, "context")
    page.get_by_label("plain, effort none").check()
    choose(page, ".lengths", "4k")
    choose(page, ".depths", "the end")
    shown = page.locator("#measure-context")
    shown.get_by_label("Texts for each length and depth").fill("1")
    shown.get_by_label("Tokens of an answer, at most").fill("16")
    start(page, "context")
    expect(shown.locator("td.cell")).to_have_text("…out of tokens")
    expect(shown.locator("td.cell")).to_have_attribute("title", re.compile("1 answer ran out of tokens: allow more"))
    expect(shown.locator(".legend")).to_contain_text("out of tokens: allow more")
    expect(shown.locator(".reasons")).to_contain_text("allow its answers more tokens")


def test_without_a_lane_it_says_what_to_choose(page: Page, app: Server) -> None:
    visit(page, app, "context")
    expect(page.locator("#measure-context .lanes input").first).to_be_visible()
    page.locator("#measure-context").get_by_role("button", name="See what it takes").click()
    expect(page.locator("#measure-context .problem")).to_have_text("Choose 1 to 6 lanes to ask.")


def test_efforts_are_asked_rated_and_shown_by_type_of_request(page: Page, app: Server) -> None:
    visit(page, app, "effort")
    part = page.locator("#measure-effort")
    expect(part.locator(".library input").first).to_be_attached()
    expect(part.locator(".unknown")).to_be_visible()
    part.get_by_label("Backend").select_option("plain")
    page.evaluate("document.querySelectorAll('.library :checked').forEach((box) => box.checked = false)")
    part.get_by_label("Prompts of your own").fill(
        "Plan it. (fake tokens=20 rate=0)\n---\nPlan more. (fake tokens=20 rate=0)"
    )
    start(page, "effort")
    expect(part.locator(".compared li")).to_have_count(2)
    expect(part.locator(".unknown")).to_be_visible()  # both are still sealed
    asked = page.url
    part.locator(".compared a").first.click()
    page.locator(".rating .name").fill("Ada")
    page.locator(".rating .name").press("Enter")
    expect(page.locator(".rating .choices:not([inert]) button").first).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator(".rating .hint")).to_contain_text("Saved.")
    page.keyboard.press("s")
    expect(page.locator("#lane-A .label")).not_to_be_empty()

    page.goto(asked)
    expect(part.locator(".compared li")).to_have_count(2)
    row = part.locator(".efforts tbody tr")
    expect(row.locator("th")).to_contain_text("planning")
    expect(row.locator(".ratio[data-name=Tokens]")).to_contain_text("2.0×")  # 20 tokens of reasoning, 20 of text
    expect(row.locator(".votes")).to_contain_text("blind, on 1 comparison")
    expect(row.locator(".advice")).to_contain_text("can't be told yet")
    expect(row.locator(".advice")).to_contain_text("rate 4 more at least")
    expect_no_barrier(page, "effort", within="#measure-effort")
    told = page.request.get(f"{app.url}/efforts.csv").text().splitlines()
    assert told[1].startswith("plain · simulated,planning,high,1,")
