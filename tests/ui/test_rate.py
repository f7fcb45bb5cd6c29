"""Two evaluators rate what a third person has compared, and learn nothing of it before."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.servers import Server, serving
from tests.ui.conftest import ANSWERS, settings
from tests.ui.test_page import ask, expect_state, until, visit


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
    write(folder, "UPDATE comparisons SET overlap = 0")
    write(folder, "DELETE FROM locks")


def write(folder: Path, sql: str) -> None:
    with sqlite3.connect(folder / "lanewise.db", timeout=10) as connection:
        connection.execute(sql)
    connection.close()


def locks(folder: Path) -> int:
    with sqlite3.connect(folder / "lanewise.db", timeout=10) as connection:
        (count,) = connection.execute("SELECT count(*) FROM locks").fetchone()
    connection.close()
    return int(count)


@pytest.fixture
def people(browser: Browser) -> Iterator[list[Page]]:
    """Tabs of three more people."""
    contexts = [browser.new_context(viewport={"width": 1440, "height": 900}) for _ in range(3)]
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


def queue(page: Page, app: Server, *questions: str, wanted: int = 2) -> None:
    visit(page, app, "secret-talks", "secret-tricks")
    for question in questions:
        ask(page, question)
        expect(page.locator(".question .asked")).to_have_text(question)
        expect_state(page, "A", "done")
        expect_state(page, "B", "done")
        page.locator(".sending input").fill(str(wanted))
        page.get_by_role("button", name="Send to the rating queue").click()
        expect(page.locator(".sending .sent")).to_contain_text(f"0 of {wanted} ratings")


def begin(page: Page, app: Server, name: str) -> None:
    page.goto(f"{app.url}/rate")
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")


def expect_served(page: Page, question: str) -> None:
    expect(page.locator(".question .asked")).to_have_text(question)
    expect(page.locator("#lane-A .card")).to_be_visible()


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
