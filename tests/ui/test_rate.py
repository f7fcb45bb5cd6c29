"""Two evaluators rate what a third person has compared, and learn nothing of it before."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.servers import Server, serving
from tests.ui.conftest import ANSWERS, on_a_thread, settings
from tests.ui.test_page import PICTURE, ask, at_once, expect_ready, expect_state, until, visit
from tests.ui.wire import wired


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rating")


@pytest.fixture(scope="module")
def app(folder: Path, fake_url: str) -> Iterator[Server]:
    """An app whose queue no other test fills."""
    entry = '[[backend]]\nname = "secret-{0}"\nkind = "llamacpp"\nbase_url = "{1}"\nmodel = "{0}"\n'
    (folder / "backends.toml").write_text("\n".join(entry.format(model, fake_url) for model in ANSWERS))
    with serving("app.py", **settings(folder)) as server:
        yield server


@pytest.fixture(autouse=True)
def emptied(folder: Path) -> Iterator[None]:
    yield
    sql(folder, "UPDATE comparisons SET overlap = 0")
    sql(folder, "DELETE FROM locks")


def sql(folder: Path, statement: str) -> Any:
    """What it finds first in the app's database."""
    with closing(sqlite3.connect(folder / "lanewise.db", timeout=10)) as connection, connection:
        row = connection.execute(statement).fetchone()
    return row and row[0]


def locks(folder: Path) -> Any:
    return sql(folder, "SELECT count(*) FROM locks")


@pytest.fixture
def people(browser: Browser) -> Iterator[list[Page]]:
    """Tabs of three more people."""
    contexts = [browser.new_context(viewport={"width": 1440, "height": 900}) for _ in range(3)]
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


THOUGHTLESS = "secret-calls", "secret-tricks"
"""Lanes without reasoning, which would be judged after the answers."""


def queue(
    page: Page, app: Server, *questions: str, wanted: int = 2, lanes: Sequence[str] = ("secret-talks", "secret-tricks")
) -> None:
    visit(page, app, *lanes)
    for question in questions:
        send(page, question, wanted)


def send(page: Page, question: str, wanted: int = 2) -> None:
    ask(page, question)
    expect(page.locator(".question .asked")).to_have_text(question)
    expect_state(page, "A", "done")
    expect_state(page, "B", "done")
    page.locator(".sending input").fill(str(wanted))
    page.get_by_role("button", name="Send to the rating queue").click()
    expect(page.locator(".sending .sent")).to_contain_text(f"0 of {wanted} ratings")


def begin(page: Page, app: Server, name: str) -> None:
    page.goto(f"{app.url}/rate")
    introduce(page, name)


def introduce(page: Page, name: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")


def expect_served(page: Page, question: str) -> None:
    expect(page.locator(".question .asked")).to_have_text(question)
    expect(page.locator("#lane-A .card")).to_be_visible()
    expect_ready(page)


def test_each_item_reaches_as_many_evaluators_as_it_wants(page: Page, people: list[Page], app: Server) -> None:
    queue(page, app, "The first", "The second")
    ann, bob, cat = people
    for evaluator, name in ((ann, "Ann"), (bob, "Bob")):
        begin(evaluator, app, name)
        expect(evaluator.locator(".queue .count")).to_have_text("0 rated by you, 2 left")
        for question in ("The first", "The second"):
            expect_served(evaluator, question)
            expect(evaluator.locator(".onward button")).to_be_disabled()
            evaluator.keyboard.press("1")
            expect(evaluator.locator(".onward button")).to_be_enabled()
            evaluator.keyboard.press("n")
        expect(evaluator.locator(".queue .empty h2")).to_have_text("Nothing more waits for you")
        expect(evaluator.locator(".queue .count")).to_have_text("2 rated by you, 0 left")
    begin(cat, app, "Cat")
    expect(cat.locator(".queue .empty")).to_contain_text("2 of 2 comparisons in the queue have all their ratings")


def test_nothing_names_a_lane_before_it_is_rated(page: Page, people: list[Page], app: Server) -> None:
    queue(page, app, "Blindly?")
    ann, *_ = people
    with on_a_thread(wired(app.url)) as wire:
        ann.goto(f"{wire.url}/rate")
        introduce(ann, "Ann")
        expect_served(ann, "Blindly?")
        expect(ann.locator(".queue .count")).to_have_text("0 rated by you, 1 left")
        ann.goto("about:blank")
    assert b"Blindly?" in wire.sent
    assert b"secret" not in wire.sent


def test_after_the_rating_it_is_shown_what_the_answers_were(page: Page, people: list[Page], app: Server) -> None:
    queue(page, app, "What were they?", lanes=THOUGHTLESS)
    ann, *_ = people
    begin(ann, app, "Ann")
    expect_served(ann, "What were they?")
    expect(ann.locator("#lanes")).not_to_contain_text("secret-")
    ann.keyboard.press("t")
    expect(ann.locator("#lanes")).to_contain_text("secret-calls")
    expect(ann.locator("#lanes")).to_contain_text("secret-tricks")


def test_the_page_of_one_comparison_is_its_link(page: Page, people: list[Page], app: Server) -> None:
    queue(page, app, "By link")
    link = f"{app.url}/rate?{page.url.partition('?')[2]}"
    ann, bob, _ = people
    ann.goto(link)
    expect_served(ann, "By link")
    assert "run=" in ann.url

    page.goto(link)
    expect(page.locator(".queue .problem")).to_contain_text("never hidden from you")
    page.get_by_role("link", name="Open it on the Compare page").click()
    expect(page.locator(".question .asked")).to_have_text("By link")

    bob.goto(f"{app.url}/rate?run=nothing")
    expect(bob.locator(".queue .problem")).to_contain_text("not kept here")


def test_who_leaves_gives_the_place_to_the_next(page: Page, people: list[Page], app: Server, folder: Path) -> None:
    queue(page, app, "One place", wanted=1)
    ann, bob, _ = people
    begin(ann, app, "Ann")
    expect_served(ann, "One place")
    until(page, lambda: locks(folder) == 1)
    begin(bob, app, "Bob")
    expect(bob.locator(".queue .empty h2")).to_have_text("Nothing waits for you")
    ann.goto("about:blank")
    until(page, lambda: locks(folder) == 0)
    bob.get_by_role("button", name="Look again").click()
    expect_served(bob, "One place")


def test_a_place_that_was_not_given_back_expires(page: Page, people: list[Page], app: Server, folder: Path) -> None:
    queue(page, app, "Left behind", wanted=1)
    ann, bob, _ = people
    begin(ann, app, "Ann")
    expect_served(ann, "Left behind")
    ann.evaluate("navigator.sendBeacon = () => true")  # as if the machine had lost its power
    ann.goto("about:blank")
    begin(bob, app, "Bob")
    expect(bob.locator(".queue .empty")).to_be_visible()
    sql(folder, "UPDATE locks SET until = '2026-01-01 00:00:00.000000'")
    bob.get_by_role("button", name="Look again").click()
    expect_served(bob, "Left behind")


def test_an_open_page_keeps_its_places(page: Page, people: list[Page], app: Server, folder: Path) -> None:
    queue(page, app, "Thought about for long", wanted=1)
    ann, *_ = people
    ann.clock.install()
    begin(ann, app, "Ann")
    expect_served(ann, "Thought about for long")
    sql(folder, "UPDATE locks SET until = '2099-01-01 00:00:00.000000'")
    ann.clock.run_for(600_000)
    until(page, lambda: not sql(folder, "SELECT until FROM locks").startswith("2099"))


def test_the_next_comparison_is_kept_and_its_images_come_ahead(page: Page, people: list[Page], app: Server) -> None:
    queue(page, app, "Without an image")
    page.set_input_files("#prompt input[type=file]", PICTURE)
    expect(page.locator("#prompt .thumbnail-item")).to_have_count(1)
    send(page, "With an image")
    ann, *_ = people
    with ann.expect_response(lambda response: "/images/" in response.url) as came:
        begin(ann, app, "Ann")
    expect_served(ann, "Without an image")
    assert came.value.ok


def test_a_queue_is_worked_off_by_one_key_each(page: Page, people: list[Page], app: Server) -> None:
    queue(page, app, "First", "Second", "Third", lanes=THOUGHTLESS)
    ann, *_ = people
    begin(ann, app, "Ann")
    expect_served(ann, "First")
    ann.get_by_label("go on by itself").check()
    for question, key in (("First", "1"), ("Second", "t"), ("Third", "b")):
        expect_served(ann, question)
        ann.keyboard.press(key)
    expect(ann.locator(".queue .count")).to_have_text("3 rated by you, 0 left")


def test_next_may_be_asked_for_while_the_rating_is_stored(page: Page, people: list[Page], app: Server) -> None:
    queue(page, app, "Hurried", "At ease", lanes=THOUGHTLESS)
    ann, *_ = people
    begin(ann, app, "Ann")
    expect_served(ann, "Hurried")
    at_once(ann, "t", "n")
    expect_served(ann, "At ease")
    expect(ann.locator(".queue .count")).to_have_text("1 rated by you, 1 left")


def test_who_goes_on_leaves_the_reasoning_unjudged_and_finds_the_names_later(
    page: Page, people: list[Page], app: Server, folder: Path
) -> None:
    queue(page, app, "Thought about")
    ann, *_ = people
    begin(ann, app, "Ann")
    expect_served(ann, "Thought about")
    ann.keyboard.press("1")
    expect(ann.locator(".rating .ask")).to_have_text("And the reasoning?")
    expect(ann.locator(".onward button")).to_be_enabled()
    ann.keyboard.press("n")
    expect(ann.locator(".queue .empty")).to_be_visible()
    its = page.url.partition("run=")[2]
    revealed = f"SELECT revealed_by FROM showings WHERE comparison_id = '{its}' AND rated_at IS NOT NULL"
    assert sql(folder, revealed) == "rating"


def test_a_narrow_window_shows_one_answer_at_a_time(page: Page, people: list[Page], app: Server) -> None:
    queue(page, app, "On a phone")
    ann, *_ = people
    ann.set_viewport_size({"width": 390, "height": 844})
    begin(ann, app, "Ann")
    expect_served(ann, "On a phone")
    expect(ann.locator("#lane-B")).to_be_hidden()
    ann.locator(".places button", has_text="B").click()
    expect(ann.locator("#lane-B .card")).to_be_visible()
    expect(ann.locator("#lane-A")).to_be_hidden()
    assert ann.evaluate("document.documentElement.scrollWidth") == 390


def test_the_rating_page_takes_no_files(page: Page, app: Server) -> None:
    file = {"files": {"name": "x.txt", "mimeType": "text/plain", "buffer": b"much more than a byte"}}
    assert not page.request.post(f"{app.url}/rate/gradio_api/upload", multipart=file).ok
