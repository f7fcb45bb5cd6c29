"""How a comparison runs, in the real page: in turn, after a warm-up, several times; and one lane of it asked again."""

import asyncio
import json
import re
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from benchmarks.servers import Server, serving
from tests.backends.fake_server import EVENT_STREAM, delta, head, sse
from tests.backends.fake_server import serving as speaking
from tests.ui.conftest import on_a_thread, settings
from tests.ui.test_page import ask, expect_ready, expect_state, kept, kept_whole, until, visit

NAMES = ("one", "two", "three", "late")


class Counting:
    """Answers with a number of its own; `asked` are the models, in the order of their requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once = self.most = 0

    async def answer(self, model: str, writer: asyncio.StreamWriter) -> None:
        self.asked.append(model)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            writer.write(head(200, EVENT_STREAM))
            writer.write(sse(delta(content=f"number {len(self.asked)}"), done=False))
            if model == "late" and self.asked.count(model) > 1:  # only its first sample ends
                await asyncio.sleep(60)
            await writer.drain()
            await asyncio.sleep(0.15)  # long enough for another request to meet it
            usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9}}
            writer.write(sse(delta(finish="stop"), usage))
            await writer.drain()
        finally:
            self.at_once -= 1


@pytest.fixture(scope="module")
def counting() -> Iterator[tuple[Counting, str]]:
    counted = Counting()
    with on_a_thread(speaking({name: partial(counted.answer, name) for name in NAMES})) as fake:
        yield counted, fake.base_url


@pytest.fixture(scope="module")
def counted_app(tmp_path_factory: pytest.TempPathFactory, counting: tuple[Counting, str]) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("timing")
    entry = '[[backend]]\nname = "{0}"\nkind = "llamacpp"\nbase_url = "{1}"\nmodel = "{0}"\n'
    (folder / "backends.toml").write_text("\n".join(entry.format(name, counting[1]) for name in NAMES))
    with serving("app.py", **settings(folder)) as server:
        yield server


def plan(page: Page, *, in_turn: bool = False, warm_up: bool = False, samples: int = 1) -> None:
    page.locator("#plan-part button.label-wrap").click()
    if in_turn:
        page.locator("#schedule").get_by_label("one after another").check()
    if warm_up:
        page.locator("#warm-up input").check()
    if samples > 1:
        page.locator("#samples input").fill(str(samples))
        page.locator("#samples input").blur()


def test_one_after_another_no_two_requests_meet(
    page: Page, counted_app: Server, counting: tuple[Counting, str]
) -> None:
    server, _ = counting
    visit(page, counted_app, "one", "two")
    plan(page, in_turn=True, warm_up=True, samples=3)
    expect(page.locator("#plan-part button.label-wrap")).to_contain_text("(one after another, warm-up, 3 samples)")
    server.asked.clear()
    server.most = 0
    ask(page, "Count")
    until(page, lambda: len(server.asked) == 8 and server.at_once == 0)
    expect_state(page, "B", "done")
    assert server.asked == ["one", "one", "two", "two", "one", "two", "one", "two"]
    assert server.most == 1
    expect(page.locator("#lane-A .figures")).to_contain_text("warm-up")
    expect(page.locator("#lane-A .samples summary").first).to_contain_text("3 samples")
    expect(page.locator("#lane-A .samples")).to_contain_text("3 different texts")
    expect(page.locator("#lane-A .crowded")).to_be_empty()
    expect(page.locator("#answer-A")).to_have_text("number 2")
    page.locator("#lane-A .samples > summary").click()
    page.locator("#lane-A .samples li summary").nth(2).click()
    expect(page.locator("#lane-A .samples li pre").nth(2)).to_have_text("number 7")
    exported = kept_whole(page, counted_app)
    assert [lane["text"] for lane in exported["lanes"]] == ["number 2", "number 4"]
    assert len(exported["further_samples"]) == 4
    assert exported["lanes"][0]["recording"][0][1] == "warmed"


def test_answers_are_rated_while_further_samples_come(page: Page, counted_app: Server) -> None:
    page.add_init_script("localStorage.setItem('lanewise.evaluator', 'Ada')")
    visit(page, counted_app, "one", "late")
    plan(page, samples=2)
    page.locator("#blind input").check()
    ask(page, "Count")
    expect(page.locator("#lanes .card[data-state=done]")).to_have_count(2)
    expect_ready(page)
    page.keyboard.press("1")
    expect(page.locator("#lanes .label", has_text="late")).to_be_visible()
    late = page.locator("#lanes .lane", has=page.locator(".label", has_text="late"))
    late.get_by_role("button", name="Stop").click()
    expect(late.locator(".samples summary").first).to_contain_text("2 samples")
    expect(late.get_by_role("button", name="Stop")).to_be_hidden()
    (rating,) = kept(page, counted_app)["ratings"]
    assert [rating["blind"], rating["early"]] == [True, False]


def test_one_lane_is_asked_again_and_the_others_stay(
    page: Page, counted_app: Server, counting: tuple[Counting, str]
) -> None:
    visit(page, counted_app, "one", "two")
    ask(page, "Count")
    for letter in "AB":
        expect_state(page, letter, "done")
    for letter, other in ("A", "B"), ("B", "A"):
        expect(page.locator(f"#lane-{letter} .crowded")).to_contain_text(f"shares its server with lane {other}")
    first = kept_whole(page, counted_app)
    said = [lane["text"] for lane in first["lanes"]]
    expect(page.locator("#lane-B [data-act=again]")).to_be_visible()
    page.locator("#backend-B input").click()
    page.get_by_role("option", name="three").click()
    page.locator("#lane-B [data-act=again]").click()
    page.wait_for_url(lambda url: first["id"] not in url)
    expect(page.locator("#lane-B .label")).to_contain_text("three")
    expect_state(page, "B", "done")
    expect(page.locator("#lane-A .label")).to_contain_text("taken over from an earlier comparison")
    expect(page.locator("#answer-B")).to_have_text(re.compile(rf"number (?!{said[1].split()[1]}$)\d"))
    expect(page.locator("#answer-A")).to_have_text(said[0])
    again = kept_whole(page, counted_app)
    assert again["remakes_id"] == first["id"]
    assert again["lanes"][0]["recording"] == first["lanes"][0]["recording"]
    assert again["lanes"][0]["copied_from_id"] == first["lanes"][0]["id"]
    assert again["lanes"][1]["backend"] == "three"
    stayed = kept(page, counted_app, first["id"])
    assert stayed.pop("told_by") == stayed.pop("tells_of") == [again["id"]]
    assert json.dumps(stayed) == json.dumps({name: first[name] for name in stayed})
