"""The History tab in the real page: searched and filtered through its address, by mouse and keyboard."""

import asyncio
import re
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Locator, Page, expect

from backends.answer import fold
from backends.events import Event, Finished, TextDelta
from backends.flags import Flag
from benchmarks.servers import Server, serving
from storage.plan import BLIND, Plan
from storage.ratings import Judgement
from storage.store import OPENLY, Store
from tests.storage.made import BEGAN, ONE, TWO, asking, entries, stamped
from tests.ui.conftest import settings

LEAK, CUT = Flag("marker_leak", "In line 1."), Flag("out_of_tokens", "At 10.")
NEWER = Flag("<b>newer</b>", "Of another version.")


async def keep(
    store: Store, question: str, answer: str = "It is.", flags: Sequence[Sequence[Flag]] = (), plan: Plan = OPENLY
) -> str:
    prompt, events = asking(question), tuple[Event, ...]((TextDelta(answer), Finished("stop")))
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], plan)
    said = [each for lane in range(2) for each in entries(lane, stamped(events))]
    await store.append(comparison_id, BEGAN, said, dict.fromkeys(range(2), fold(stamped(events))), flags)
    return comparison_id


async def fill(store: Store) -> None:
    """What some tests look for, then sixty comparisons: each second has a flag, one has more, one is rated."""
    await keep(store, "a blind one", "The lighthouse.", plan=Plan(BLIND))
    for _ in range(2):
        await keep(store, "twins", "The <i>harbour</i> at night, seen from the harbour.")
    for number in range(60):
        flags = [(), (LEAK,)] if number % 2 else [(), ()]
        if number == 59:
            flags = [(CUT, NEWER), (LEAK, CUT)]
        comparison_id = await keep(store, f"question {number}", flags=flags)
        if number == 7:
            await store.rate(comparison_id, "Ada", Judgement(((1,), (0,)), tags=("clear",)))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environ = settings(tmp_path_factory.mktemp("app"))
    store = Store.open(environ["DATABASE_URL"])
    with ThreadPoolExecutor(1) as beside:  # Playwright has a loop of its own in this thread
        beside.submit(asyncio.run, fill(store)).result()
    store.close()
    with serving("app.py", **environ) as server:
        yield server


def visit(page: Page, app: Server) -> None:
    page.goto(app.url)
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".history li")).to_have_count(25)


def look_for(page: Page, words: str) -> None:
    page.get_by_role("searchbox").fill(words)


def field(page: Page, name: str) -> Locator:
    return page.locator(f".history [name={name}]")


def titles(page: Page) -> Locator:
    return page.locator(".history strong")


def test_the_history_exports_what_it_lists(page: Page, app: Server) -> None:
    page.goto(f"{app.url}/?tab=history&by=Ada")
    expect(page.locator(".history li")).to_have_count(1)
    page.get_by_role("button", name="Export …").click()
    panel = page.locator(".history .export")
    expect(panel.locator(".about")).to_contain_text("to the last event")
    panel.get_by_label("Export this list as").select_option("csv")
    expect(panel.locator(".about")).to_contain_text("A table for people")
    expect(panel.get_by_label("demo answers")).to_be_hidden()
    panel.get_by_label("evaluators' names").check()
    with page.expect_download() as download:
        panel.get_by_role("button", name="Export", exact=True).click()
    assert download.value.suggested_filename == "lanewise-csv.zip"
    with zipfile.ZipFile(download.value.path()) as zipped:
        _, row = zipped.read("csv.csv").decode("utf-8-sig").splitlines()
        assert "Ada" in row
        assert b"- by" not in zipped.read("README.md")
    expect(panel.locator(".said")).to_have_text("1 rows.")
    expect(panel.get_by_role("link")).to_contain_text("Download csv.zip")

    page.reload()
    page.get_by_role("button", name="Export …").click()
    expect(panel.get_by_role("link")).to_contain_text("Download csv.zip")
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()


def test_a_row_shows_what_is_flagged_in_which_lanes(page: Page, app: Server) -> None:
    visit(page, app)
    first, second = (page.locator(".history li").nth(number) for number in range(2))
    expect(first.locator(".flag")).to_have_text(["A Bout of tokens", "A<b>newer</b>", "Bmarker in the answer"])
    expect(first.locator(".flag").first).to_have_attribute("title", "out of tokens: lane A B")
    expect(first.locator(".lanes .chip").nth(1)).to_have_text("Btwo · m-2 · effort high")
    expect(second.locator(".flag")).to_have_count(0)


def test_the_history_is_filtered_by_a_flag_from_page_to_page(page: Page, app: Server) -> None:
    visit(page, app)
    chosen = field(page, "flag")
    expect(chosen.locator("option")).to_have_text(["all", "<b>newer</b>", "marker in the answer", "out of tokens"])
    chosen.select_option("marker_leak")
    expect(titles(page).nth(1)).to_have_text("question 57")
    page.get_by_role("button", name="Older").click()
    expect(titles(page)).to_have_text([f"question {number}" for number in (9, 7, 5, 3, 1)])
    page.get_by_role("tab", name="Compare").click()
    page.get_by_role("tab", name="History").click()
    expect(titles(page).nth(1)).to_have_text("question 57")
    expect(chosen).to_have_value("marker_leak")
    chosen.select_option("out_of_tokens")
    expect(titles(page)).to_have_text(["question 59"])
    expect(page.locator(".history .pages")).to_be_hidden()
    chosen.select_option("all")
    expect(page.locator(".history li")).to_have_count(25)


def test_words_are_found_and_marked_where_they_stand(page: Page, app: Server) -> None:
    visit(page, app)
    page.keyboard.press("/")
    page.keyboard.type("harbour nig*")
    expect(titles(page)).to_have_text(["twins", "twins"])
    snippet = page.locator(".history .snippet").first
    expect(snippet).to_have_text("Answer AThe <i>harbour</i> at night, seen from the harbour.")
    expect(snippet.locator("mark")).to_have_text(["harbour", "night", "harbour"])
    look_for(page, '"night harbour')
    expect(page.locator(".history .snippet mark")).to_have_count(6)
    look_for(page, '"night harbour"')
    expect(page.locator(".history .empty")).to_contain_text("Nothing found.")
    page.get_by_role("button", name="Clear search and filters").click()
    expect(page.locator(".history li")).to_have_count(25)
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_the_address_finds_the_same_list_again(page: Page, app: Server) -> None:
    visit(page, app)
    look_for(page, "question")
    expect(page).to_have_url(re.compile(r"tab=history&q=question"))
    field(page, "by").select_option("Ada")
    expect(titles(page)).to_have_text(["question 7"])
    expect(page.locator(".history .rated")).to_have_text("B > A")
    page.reload()
    expect(titles(page)).to_have_text(["question 7"])
    expect(page.get_by_role("searchbox")).to_have_value("question")
    expect(field(page, "by")).to_have_value("Ada")
    page.go_back()
    expect(field(page, "by")).to_have_value("")
    expect(titles(page).first).to_have_text("question 59")


def test_back_leads_from_a_comparison_to_the_list_that_it_was_opened_from(page: Page, app: Server) -> None:
    visit(page, app)
    look_for(page, "harbour")
    expect(titles(page)).to_have_count(2)
    page.locator(".history li a").first.click()
    expect(page.locator("#answer-A")).to_contain_text("harbour")
    expect(page).to_have_url(re.compile(r"\?run=\w+$"))
    page.go_back()
    expect(titles(page)).to_have_text(["twins", "twins"])
    page.go_back()
    expect(page.locator(".history li")).to_have_count(25)
    page.go_forward()
    page.go_forward()
    expect(page.locator("#answer-A")).to_contain_text("harbour")


def test_days_are_those_of_the_browser(page: Page, app: Server) -> None:
    visit(page, app)
    today = page.evaluate("new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 10)")
    field(page, "to").fill("2020-01-01")
    expect(page.locator(".history .empty")).to_be_visible()
    field(page, "to").fill(today)
    field(page, "from").fill(today)
    expect(page.locator(".history li")).to_have_count(25)


def test_keys_move_through_the_rows_and_open_one(page: Page, app: Server) -> None:
    visit(page, app)
    for key in ("j", "j", "ArrowDown", "k"):
        page.keyboard.press(key)
    expect(page.locator(".history li a").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".question .asked")).to_contain_text("question 58")


def test_lanes_of_two_comparisons_of_one_prompt_stand_side_by_side(page: Page, app: Server) -> None:
    visit(page, app)
    look_for(page, "harbour")
    expect(titles(page)).to_have_count(2)
    for number in range(2):
        page.get_by_role("checkbox", name="Choose twins").nth(number).check()
    picks = page.locator(".history .picks input")
    expect(picks).to_have_count(4)
    picks.nth(1).uncheck()
    expect(page.locator(".history .chosen .said")).to_contain_text("3 lanes, none of them asked again")
    page.get_by_role("button", name="Compare side by side").click()
    for letter in "ABC":
        expect(page.locator(f"#lane-{letter} .card")).to_have_attribute("data-state", "done")
    expect(page.locator("#answer-C")).to_contain_text("The <i>harbour</i> at night")
    expect(page).to_have_url(re.compile(r"\?run=\w+$"))
    visit(page, app)
    look_for(page, "harbour")
    expect(titles(page)).to_have_count(3)
    for number in (0, 2):  # the last has no lane that the first did not take over
        page.get_by_role("checkbox", name="Choose twins").nth(number).check()
    expect(picks).to_have_count(3)


def test_lanes_of_different_prompts_do_not(page: Page, app: Server) -> None:
    visit(page, app)
    for number in range(2):
        page.locator(".history .choose").nth(number).check()
    expect(page.locator(".history .chosen .said")).to_contain_text("different prompts")
    expect(page.get_by_role("button", name="Compare side by side")).to_be_disabled()
    page.get_by_role("button", name="Choose none").click()
    expect(page.locator(".history .chosen")).to_be_hidden()


def test_a_blind_comparison_is_found_by_its_prompt_alone(page: Page, app: Server) -> None:
    visit(page, app)
    look_for(page, "blind")
    expect(titles(page)).to_have_text(["a blind one"])
    row = page.locator(".history li").first
    expect(row.locator(".lanes")).to_have_text("blind until you rate it")
    expect(row.locator(".choose")).to_be_disabled()
    field(page, "backend").select_option("two")
    expect(page.locator(".history .empty")).to_be_visible()
    field(page, "backend").select_option("")
    look_for(page, "lighthouse")
    expect(page.locator(".history .empty")).to_be_visible()


def test_a_list_goes_to_the_rating_queue_once_its_size_is_confirmed(page: Page, app: Server) -> None:
    visit(page, app)
    field(page, "tag").select_option("clear")
    expect(titles(page)).to_have_text(["question 7"])
    page.get_by_role("button", name="Send to the rating queue").click()
    expect(page.locator(".queue .said")).to_have_text("Ask others to rate 1 comparison, all of this list, blind?")
    field(page, "overlap").fill("3")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".queue .said")).to_contain_text("1 comparison sent: 3 ratings of each")


def test_on_a_narrow_page_the_filters_unfold(page: Page, app: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{app.url}/?tab=history&flag=out_of_tokens")
    expect(titles(page)).to_have_text(["question 59"])
    expect(field(page, "backend")).to_be_hidden()
    page.get_by_role("button", name="Filters (1)").click()
    expect(field(page, "backend")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
