"""What a browser receives of a blind comparison before it is rated: no byte of it tells whose an answer is."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from backends.names import MARK
from benchmarks.servers import serving
from tests.backends.fake_server import Script, delta, reply, stream
from tests.backends.fake_server import serving as speaking
from tests.ui.conftest import on_a_thread, settings
from tests.ui.test_page import ask, expect_ready
from tests.ui.wire import Wire, wired

NAMES, FAILS, PLAIN = "acme/Wumpus-Ultra-9B", "fnord-mega-2501", "snark-grande"
LANES = {NAMES: ("zorblax-rig", "WFP4Z"), FAILS: ("quuxbox", "Q5_K_M"), PLAIN: ("jubjub", "INT7X")}  # where, and what

DECLARED = ("zorblax", "wumpus", "acme", "wfp4z", "quuxbox", "jubjub", "fnord", "snark", "q5_k_m", "int7x")
TOLD = ("bandersnatch", "frumious", "vorpal", "10.9.8.7", "91827", "81923", "as i think", '"thinking"', "tulgey")
"""What only an answer tells: its server's own names and version, its failure, its figures, that it thought, the id of
its tool call."""

SAYS: dict[str, Script] = {
    NAMES: stream(
        {"system_fingerprint": "b4242-frumious"} | delta("bandersnatch-7b", reasoning_content="As I think, so."),
        delta("bandersnatch-7b", content="I am Wum"),
        delta("bandersnatch-7b", content="pus Ultra by ACME, or Bandersnatch 7B. It is four."),
        delta("bandersnatch-7b", finish="stop"),
        {"choices": [], "usage": {"prompt_tokens": 91827, "completion_tokens": 81923}},
    ),
    FAILS: reply(400, "application/json", b'{"error": {"message": "the vorpal node at 10.9.8.7 has no such model"}}'),
    PLAIN: stream(
        delta(PLAIN, content="Four."),
        delta(PLAIN, tool_calls=[{"index": 0, "id": "call-tulgey-1", "function": {"name": "add", "arguments": "{}"}}]),
        delta(PLAIN, finish="tool_calls"),
    ),
}

ENTRY = '[[backend]]\nname = "{}"\nkind = "llamacpp"\nbase_url = "{}"\nmodel = "{}"\nartifact = "{}"\n'


# what may name backends: the lists of all that there are, and what the pickers of who asks say, in the order asked
LISTS = ('[{"name":', "window.gradio_config", '"caveats":', '"choices":')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blind")


@contextmanager
def wired_app(folder: Path) -> Iterator[Wire]:
    with serving("app.py", **settings(folder)) as app, on_a_thread(wired(app.url)) as wire:
        yield wire


@pytest.fixture(scope="module")
def asked(folder: Path, browser: Browser) -> Iterator[tuple[Wire, Page, str]]:
    """A blind comparison, just over, on the page of who asked it; its wire has all since the question was sent."""
    with on_a_thread(speaking(SAYS)) as fake:
        entries = [ENTRY.format(name, fake.base_url, model, artifact) for model, (name, artifact) in LANES.items()]
        (folder / "backends.toml").write_text("\n".join(entries))
        with wired_app(folder) as wire, closing(browser.new_context()) as context:
            page = context.new_page()
            yield wire, page, ask_blind(page, wire)


def ask_blind(page: Page, wire: Wire) -> str:
    page.goto(f"{wire.url}/?lanes={','.join(name for name, _ in LANES.values())}")
    expect(page.locator("#backend-C input")).to_have_value(re.compile("^jubjub"))
    page.get_by_role("button", name="How it runs").click()
    page.locator("#blind input").check()
    wire.sent.clear()
    ask(page, "What is 2+2?")
    expect_answers(page)
    return re.search(r"run=([^&]+)", page.url)[1]


def expect_answers(page: Page) -> None:
    """Two have answered and one has failed; who, nobody can tell."""
    expect(page.locator(".card[data-state=done]")).to_have_count(2)
    expect(page.locator(".card[data-state=failed]")).to_have_count(1)
    expect(page.locator(".block.answer", has_text="It is four.")).to_have_text(
        f"I am {MARK} by {MARK}, or {MARK}. It is four."
    )
    expect(page.locator(".card[data-state=failed] .error")).to_have_text("This lane failed. What had arrived is kept.")
    expect(page.locator(".card .call code")).to_have_text("add")


def telling(received: bytes | str, words: tuple[str, ...]) -> list[str]:
    """Where the words are, with what is around them; a number stands alone, and not among the digits of a key."""
    text = received.lower() if isinstance(received, str) else received.decode("utf-8", "replace").lower()
    sought = (rf"(?<![\w.]){word}(?!\w)" if word.isdecimal() else re.escape(word) for word in words)
    found = (re.search(f".{{0,60}}{each}.{{0,30}}", text) for each in sought)
    return [each[0] for each in found if each]


def exported(page: Page, wire: Wire, run: str) -> dict[str, Any]:
    lines = map(json.loads, page.request.get(f"{wire.url}/export/jsonl").text().splitlines())
    return next(line for line in lines if line["id"] == run)


def look_around(page: Page, wire: Wire, run: str) -> None:
    """Opens every page and fetches every file that shows a comparison."""
    page.locator("[data-act=differ]").click()
    expect(page.locator(".difference .counts")).to_contain_text("only in")
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".history li", has_text="What is 2+2?")).to_contain_text("blind")
    for path in ("export/jsonl", "export/csv", "backends.json", *(f"answers/{run}/{place}" for place in range(3))):
        page.request.get(f"{wire.url}/{path}")
    for path in (f"comparisons/{run}.html", f"answers/{run}/0/raw", f"answers/{run}/1/response.jsonl"):
        assert page.request.get(f"{wire.url}/{path}").status == 403
    page.goto(f"{wire.url}/rate?run={run}")
    expect_answers(page)
    page.goto(f"{wire.url}/?run={run}")
    expect_answers(page)


def test_nothing_tells_who_asked_which_lane_is_which(asked: tuple[Wire, Page, str]) -> None:
    wire, page, run = asked
    for telling_part in (".backend", ".settings", ".about", ".label", ".figures", ".flags"):
        expect(page.locator(f".lane {telling_part}:visible")).to_have_count(0)
    expect(page.locator("#follow")).to_contain_text("rate it, or reveal it, before")
    look_around(page, wire, run)
    received = wire.sent.decode("utf-8", "replace")
    assert "What is 2+2?" in received
    assert telling(received, TOLD) == []
    lines = [line for line in received.splitlines() if not any(mark in line for mark in LISTS)]
    assert telling("\n".join(lines), DECLARED) == []
    assert len({page.locator(f"#backend-{letter} input").input_value() for letter in "ABC"}) == 1
    assert exported(page, wire, run).keys() == {"id", "created_at", "prompt", "sealed"}


def test_nothing_tells_another_evaluator_whose_the_answers_are(
    asked: tuple[Wire, Page, str], folder: Path, tmp_path: Path, browser: Browser
) -> None:
    """Not even which backends there were: the comparison is stored, and they are not declared any more."""
    *_, run = asked
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "backends.toml").unlink()
    with wired_app(tmp_path) as wire, closing(browser.new_context()) as context:
        page = context.new_page()
        page.goto(f"{wire.url}/?run={run}")
        expect_answers(page)
        look_around(page, wire, run)
        assert telling(bytes(wire.sent), DECLARED + TOLD) == []
        page.get_by_role("button", name="Reveal without rating").click()
        expect(page.locator(".card .label", has_text="zorblax-rig · acme/Wumpus-Ultra-9B · WFP4Z")).to_be_visible()
        expect(page.locator(".card .error", has_text="vorpal")).to_be_visible()


def test_after_the_rating_come_the_reasoning_then_names_figures_and_flags(asked: tuple[Wire, Page, str]) -> None:
    wire, page, run = asked
    page.goto(f"{wire.url}/?run={run}")
    expect_answers(page)
    failed = "ABC".index(page.locator(".lane:has(.card[data-state=failed])").get_attribute("id")[-1])
    page.locator(".rating .name").fill("Ada")
    page.locator(".rating .name").press("Enter")
    expect_ready(page)
    for place in sorted(range(3), key=lambda place: place == failed):
        page.keyboard.press(str(place + 1))
    expect(page.locator(".trace", has_text="As I think, so.")).to_be_attached()
    expect(page.locator(".lane .label:visible")).to_have_count(0)
    page.locator(".rating .choices").get_by_role("button", name="Skip").click()
    card = page.locator(".lane", has=page.locator(".block.answer", has_text="I am Wumpus Ultra by ACME"))
    expect(card.locator(".label")).to_contain_text("zorblax-rig · acme/Wumpus-Ultra-9B · WFP4Z")
    expect(card.locator(".figures")).to_contain_text("81923 out")
    expect(card.locator(".flags")).to_contain_text("names a model or backend")
    expect(card.locator(".backend input")).to_have_value(re.compile("^zorblax-rig"))
    kept = exported(page, wire, run)
    assert [kept["ratings"][0][name] for name in ("blind", "early")] == [True, False]
    assert kept["lanes"][kept["ratings"][0]["ranking"][-1][0]]["state"] == "failed"
    assert [each["id"] for lane in kept["lanes"] for each in lane["calls"]] == ["call-tulgey-1"]
