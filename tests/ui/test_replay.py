"""A stored comparison plays again as it came, in a browser, with none of its backends there any more."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from backends.answer import fold
from backends.events import Event, Finished, ReasoningDelta, Sent, Stamped, TextDelta, Usage
from backends.flags import Flag
from backends.prompt import Prompt
from benchmarks.servers import Server, serving
from storage import shipped
from storage.plan import BLIND, Plan
from storage.store import OPENLY, Store
from tests.storage.made import BEGAN, ONE, TWO, asking, entries
from tests.ui.conftest import settings
from tests.ui.test_page import ask, expect_state, until

SECOND = 1_000_000
LENGTH = 6 * SECOND
SAID: tuple[list[tuple[int, Event]], ...] = (
    [
        (0, Sent("{}")),
        (SECOND // 2, ReasoningDelta("Let me think.")),
        (SECOND, TextDelta("one ")),
        (2 * SECOND, TextDelta("two ")),
        (3 * SECOND, TextDelta("three")),
        (LENGTH, Finished("stop")),
        (LENGTH + 900, Usage(7, 3)),
    ],
    [(0, Sent("{}")), (4 * SECOND, TextDelta("late")), (5 * SECOND, Finished("stop"))],
)
LANES = [[Stamped(at, event) for at, event in said] for said in SAID]


# what the cards showed, one after another
WATCH = """
window.states = [];
for (const letter of 'AB') {
  const card = document.querySelector(`#lane-${letter} .card`);
  new MutationObserver(() => {
    const state = `${letter} ${card.dataset.state}`;
    if (states.findLast((each) => each[0] === letter) !== state) states.push(state);
  }).observe(card, { attributeFilter: ['data-state'] });
}
"""


async def keep(store: Store, prompt: Prompt, plan: Plan = OPENLY) -> str:
    run = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], plan, maker="somebody")
    log = list(chain.from_iterable(entries(lane, events) for lane, events in enumerate(LANES)))
    ended = {lane: fold(events) for lane, events in enumerate(LANES)}
    await store.append(run, BEGAN, log, ended, [[Flag("looping", "It says so again.")], []])
    return run


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, str]]:
    """An app that has no backend but its own; an open and a blind comparison of others are stored there."""
    folder = tmp_path_factory.mktemp("replay")
    store = Store.open(settings(folder)["DATABASE_URL"])
    with ThreadPoolExecutor(1) as aside:  # Playwright has a loop of its own in this thread
        runs = [
            aside.submit(asyncio.run, keep(store, asking("Count."), plan)).result() for plan in (OPENLY, Plan(BLIND))
        ]
    store.close()
    with serving("app.py", **settings(folder)) as server:
        yield server, *runs


def visit(page: Page, app: Server, run: str) -> None:
    page.goto(f"{app.url}/?run={run}")
    expect(page.locator(".player .play")).to_be_enabled()
    expect_state(page, "A", "done")
    expect(page.locator("#answer-A")).to_have_text("one two three")


def seek(page: Page, at: int) -> None:
    page.locator(".player .seek").evaluate(
        "(slider, at) => { slider.value = at; slider.dispatchEvent(new Event('input', { bubbles: true })); }", at
    )


def shown(page: Page) -> str:
    return page.locator("#lanes").inner_text()


def at(page: Page) -> float:
    return float(page.locator(".player .seek").input_value()) / SECOND


def test_it_plays_to_the_page_that_is_stored(page: Page, stored: tuple[Server, str, str]) -> None:
    visit(page, stored[0], stored[1])
    expect(page.locator("#lane-A .flag")).to_have_count(1)
    before = shown(page)
    expect(page.locator(".player .marks i")).to_have_count(4)

    page.evaluate(WATCH)
    page.get_by_role("button", name="2×").click()
    page.get_by_role("button", name="Play again").click()
    expect(page.locator(".player .play")).to_have_attribute("aria-label", "Pause")
    expect(page.locator("#lane-A [data-act=stop]")).to_be_hidden()  # what is over can't be stopped
    expect(page.locator(".player .play")).to_have_attribute("aria-label", "Play again")
    expect_state(page, "A", "done")
    seen = page.evaluate("states")
    order = ["A waiting", "B waiting", "A thinking", "A answering", "B answering", "B done", "A done"]
    assert seen == [each for each in order if each in seen]  # a busy browser may skip a short one
    assert {"A answering", "B done", "A done"} <= set(seen)
    expect(page.locator("#lane-A .flag")).to_have_count(1)
    until(page, lambda: shown(page) == before)


def test_it_shows_any_moment_and_stays_there(page: Page, stored: tuple[Server, str, str]) -> None:
    visit(page, stored[0], stored[1])
    seek(page, int(2.5 * SECOND))
    expect(page.locator("#answer-A")).to_have_text("one two")
    expect_state(page, "A", "answering")
    expect_state(page, "B", "waiting")
    seek(page, int(4.5 * SECOND))
    expect(page.locator("#answer-B")).to_have_text("late")
    seek(page, int(0.7 * SECOND))
    expect(page.locator("#answer-A")).to_have_text("")
    expect_state(page, "A", "thinking")
    assert at(page) == 0.7

    page.locator(".player .seek").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#answer-A")).to_have_text("one")
    assert at(page) == 1.7
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert at(page) == 0
    expect_state(page, "A", "waiting")
    page.get_by_role("button", name="Instant").click()
    expect_state(page, "A", "done")
    expect(page.locator("#lane-A .flag")).to_have_count(1)


def test_space_holds_it_and_goes_on_there(page: Page, stored: tuple[Server, str, str]) -> None:
    visit(page, stored[0], stored[1])
    page.locator("#lanes").focus()
    page.keyboard.press("Space")
    expect(page.locator("#answer-A")).to_have_text(re.compile(r"^\s*one( two)?\s*$"))
    page.keyboard.press("Space")
    held = at(page)
    assert held >= 1
    said = " ".join(word for when, word in ((1, "one"), (2, "two"), (3, "three")) if when <= held)
    expect(page.locator("#answer-A")).to_have_text(said)
    page.wait_for_timeout(1200)  # as long as the next word would take to come
    assert at(page) == held
    expect(page.locator("#answer-A")).to_have_text(said)
    page.keyboard.press("Space")
    until(page, lambda: at(page) > held)
    expect(page.locator("#answer-A")).to_have_text("one two three")
    page.get_by_role("button", name="Instant").click()
    page.fill("#prompt textarea", "a b")  # in a text, a space is a space
    held = at(page)
    page.press("#prompt textarea", "Space")
    expect(page.locator("#prompt textarea")).to_have_value("a b ")
    assert at(page) == held


def test_space_plays_after_a_click_on_a_speed(page: Page, stored: tuple[Server, str, str]) -> None:
    visit(page, stored[0], stored[1])
    page.get_by_role("button", name="4×").click()
    page.keyboard.press("Space")
    expect(page.locator(".player .play")).to_have_attribute("aria-label", "Pause")


def test_faster_is_faster(page: Page, stored: tuple[Server, str, str]) -> None:
    visit(page, stored[0], stored[1])
    page.get_by_role("button", name="4×").click()

    def played() -> float:
        began = time.monotonic()
        page.get_by_role("button", name="Play again").click()
        expect(page.locator(".player .play")).to_have_attribute("aria-label", "Pause")
        expect(page.locator(".player .play")).to_have_attribute("aria-label", "Play again")
        expect_state(page, "A", "done")
        took = time.monotonic() - began
        assert took > 0.9 * LENGTH / SECOND / 4
        return took

    until(page, lambda: played() < LENGTH / SECOND)  # a machine at other work may need another try


def test_two_who_watch_the_same_do_not_disturb_one_another(
    page: Page, browser: Browser, stored: tuple[Server, str, str]
) -> None:
    visit(page, stored[0], stored[1])
    other = browser.new_context().new_page()
    visit(other, stored[0], stored[1])
    seek(page, int(1.5 * SECOND))
    seek(other, int(4.5 * SECOND))
    expect(page.locator("#answer-A")).to_have_text("one")
    expect(other.locator("#answer-B")).to_have_text("late")
    other.close()
    seek(page, int(2.5 * SECOND))
    expect(page.locator("#answer-A")).to_have_text("one two")
    expect_state(page, "B", "waiting")


def test_a_blind_comparison_plays_only_once_it_is_revealed(page: Page, stored: tuple[Server, str, str]) -> None:
    page.goto(f"{stored[0].url}/?run={stored[2]}")
    expect(page.locator(".player .said")).to_have_text("Plays again once it is rated.")
    expect(page.locator(".player .play")).to_be_disabled()
    expect(page.locator(".player .marks i")).to_have_count(0)
    page.keyboard.press("Space")
    expect(page.locator(".player")).not_to_have_class(re.compile("playing"))


def test_who_comes_first_sees_a_recording_play_once(page: Page, browser: Browser, tmp_path: Path) -> None:
    first = next(line for line in map(json.loads, shipped.FILE.open()) if line["id"] == shipped.FIRST)
    with serving("app.py", **settings(tmp_path)) as server:
        page.goto(server.url)
        expect(page.locator(".player .said")).to_have_text("Recorded with the embedded model. Ask something above.")
        expect(page.locator(".player")).to_have_class(re.compile("playing"))
        expect(page.locator(".question .asked")).to_have_text(first["title"])
        page.get_by_role("button", name="4×").click()
        expect(page.locator(".player")).not_to_have_class(re.compile("playing"))
        expect_state(page, "A", "done")
        expect(page.locator("#effort-B").get_by_label("high")).to_be_checked()

        narrow = {"width": 390, "height": 844}
        still = browser.new_context(reduced_motion="reduce", viewport=narrow).new_page()
        still.goto(server.url)
        expect(still.locator(".player .said")).to_contain_text("Recorded with the embedded model.")
        expect_state(still, "A", "done")
        expect(still.locator("#prompt")).to_be_in_viewport(ratio=1)  # who comes first comes to ask
        expect(still.locator(".player")).not_to_have_class(re.compile("playing"))
        still.close()

        ask(page, "Hello")
        expect(page.locator(".question .asked")).to_have_text("Hello")
        expect(page.locator(".player .said")).to_have_text("Plays again once it is over.")
        page.locator("#stop").click()
        expect(page.locator(".player .play")).to_be_enabled()
        expect(page.locator(".player .said")).to_have_text("")
        page.goto(server.url)
        expect(page.locator("#prompt textarea")).to_be_visible()
        expect(page.locator("#lane-A .card")).to_have_attribute("data-state", "idle")
