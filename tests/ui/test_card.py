"""A lane's card in a real browser: kept answers with everything that a card can show, and a result typed in by hand."""

import os
import signal
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection

from backends.answer import fold
from backends.events import (
    Continued,
    Event,
    Finished,
    Measured,
    ReasoningDelta,
    Sent,
    Stamped,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
    Waited,
)
from backends.flags import Flag
from backends.lane import Backend, Lane
from backends.prompt import Prompt, Tool, UserTurn
from backends.runner import Entry
from benchmarks.servers import Server, serving
from storage import changes
from storage.database import Database
from storage.plan import Plan
from tests.ui.conftest import settings
from tests.ui.test_page import ask, expect_state, kept, until, visit, write_tools

WEATHER = Tool("weather", parameters={"type": "object", "properties": {}, "required": ["city"]})
LANES = tuple(Lane(Backend(name, "llamacpp", model="m"), "m") for name in ("one", "two"))
LOOPED: tuple[Event, ...] = (
    Sent("{}"),
    Waited(7.0),
    Sent("{}"),
    ToolCallDelta(0, "a", "weather", '{"city": "Oslo"}'),
    ToolCallDelta(1, "b", "weather", '{"town": "<b>Bergen</b>"}'),
    Usage(10, 20, 5, 3, 2),
    Continued("tool_calls"),
    ToolResult(0, '{"sky": "snow"}', "canned"),
    ToolResult(1, "no <i>such</i> city", "by hand"),
    Sent("{}"),
    TextDelta("Snow."),
    Finished("stop"),
    Usage(30, 4),
    Measured('{"prompt_ms": 91.5, "predicted_per_second": 40.0, "draft_n": 30, "<u>x</u>": 1}'),
)
THOUGHT = "\n".join(f"Thought {number}, with <b>many</b> words.  " for number in range(400))
FLAGS = (Flag("bad_arguments", "weather: 'city' is a required property"), Flag("no_usage", "It told <none>."))


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Leads to a comparison of `LOOPED` with an answer that has long reasoning and nothing else to show."""
    folder = tmp_path_factory.mktemp("kept")
    plain = (Sent("{}"), ReasoningDelta(THOUGHT), TextDelta("Rain."), Finished("stop"))
    run = keep(settings(folder)["DATABASE_URL"], (LOOPED, plain))
    with serving("app.py", **settings(folder)) as server:
        yield f"{server.url}/?run={run}"


def keep(url: str, said: Sequence[Sequence[Event]]) -> str:
    prompt = Prompt("", (UserTurn("Rain?"),), (WEATHER,))
    recordings = [[Stamped(1000 * at, event) for at, event in enumerate(events)] for events in said]
    entries = [Entry(lane, each) for lane, recording in enumerate(recordings) for each in recording]
    ended = {lane: fold(recording) for lane, recording in enumerate(recordings)}

    def write(connection: Connection) -> str:
        run = changes.create(connection, prompt, [(lane, prompt) for lane in LANES], Plan(), "", None, replica="this")
        changes.append(connection, run, datetime.now(UTC), entries, ended, (FLAGS, ()))
        return run

    database = Database(url)
    run = database.writer.submit(write).result()
    database.close()
    return run


def test_a_flag_explains_itself_by_the_keyboard(page: Page, link: str) -> None:
    page.goto(link)
    chips = page.locator("#lane-A .flag")
    expect(chips.locator("summary")).to_have_text(["invalid tool arguments", "no token counts"])
    expect(chips.nth(1).locator("p")).to_be_hidden()
    chips.nth(1).locator("summary").focus()
    page.keyboard.press("Enter")
    expect(chips.nth(1).locator("p")).to_have_text("It told <none>.")
    expect(chips.nth(0).locator("p")).to_be_hidden()
    expect(page.locator("#lane-B .flag")).to_have_count(0)


def test_each_call_has_its_result_and_what_is_wrong_with_it(page: Page, link: str) -> None:
    page.goto(link)
    first, second = page.locator("#lane-A .call").nth(0), page.locator("#lane-A .call").nth(1)
    expect(first.locator(".result span")).to_have_text("canned result")
    expect(first.locator(".result p")).to_have_text('{"sky": "snow"}')
    expect(first.locator(".problem")).to_be_hidden()
    expect(second.locator(".problem")).to_have_text("'city' is a required property")
    expect(second.locator(".result p")).to_have_text("no <i>such</i> city")
    expect(page.locator("#lane-A .call textarea").first).to_be_hidden()


def test_our_figures_and_the_servers_stand_apart(page: Page, link: str) -> None:
    page.goto(link)
    ours, theirs = page.locator("#lane-A .figures"), page.locator("#lane-A .measured")
    expect(page.locator("#lane-A .whose")).to_have_text("Timed here")
    expect(ours).to_contain_text("40 in · 24 out · 5 reasoning")
    for name, value in (("cached", "3 of 40 in"), ("images", "2"), ("rounds", "2"), ("waited", "7 s")):
        expect(ours.locator("div", has=page.get_by_text(name, exact=True)).locator("dd")).to_have_text(value)
    theirs.locator("summary").press("Enter")
    expect(theirs.locator("dl > div")).to_have_text(["prompt92 ms", "speed40.0 tok/s", "drafted30", "<u>x</u>1"])
    expect(page.locator("#lane-B .measured")).to_be_hidden()


def test_long_reasoning_is_whole_and_laid_out_in_blocks(page: Page, link: str) -> None:
    page.goto(link)
    blocks = page.locator("#lane-B .trace > div")
    expect(blocks).to_have_count(4)
    assert page.locator("#lane-B .trace").text_content() == THOUGHT


def ask_for_results(page: Page) -> None:
    """Asks with a tool whose results are typed in, in one round."""
    write_tools(page, '{"name": "get_weather"}', page.locator("#tools-part > .label-wrap", has_text="(1)"))
    page.get_by_label("answer it").check()
    page.get_by_label("ask me").check()
    page.locator("#rounds input").fill("1")
    ask(page, "Rain?")


def test_a_result_is_typed_in_while_other_lanes_stream(page: Page, app: Server) -> None:
    visit(page, app, "calls", "calls", "trickles")
    ask_for_results(page)

    result = page.locator("#lane-A .call textarea")
    expect(page.locator("#lane-A .state b")).to_have_text("waiting for a result")
    result.press_sequentially("It is ")
    seen = page.locator("#answer-C").inner_text()
    expect(page.locator("#answer-C")).not_to_have_text(seen)
    expect(result).to_be_focused()
    result.press("Shift+Enter")
    result.press_sequentially("wet.")
    expect(result).to_have_value("It is \nwet.")
    result.press("Enter")

    for lane in "AB":
        expect_state(page, lane, "done")
        called = page.locator(f"#lane-{lane} .call")
        expect(called).to_have_count(2)  # the model says the same again; it is not asked a third time
        expect(called.first.locator(".result span")).to_have_text("typed in by hand")
        expect(called.first.locator(".result p")).to_have_text("It is \nwet.")
        expect(called.last.locator("form")).to_be_hidden()
    page.locator("#stop").click()


def test_a_waiting_call_is_found_again_and_kept_when_the_app_is_killed(
    page: Page, fake_url: str, tmp_path: Path
) -> None:
    entry = '[[backend]]\nname = "{0}"\nkind = "llamacpp"\nbase_url = "{1}"\nmodel = "{0}"\n'
    (tmp_path / "backends.toml").write_text("\n".join(entry.format(model, fake_url) for model in ("calls", "holds")))
    with serving("app.py", **settings(tmp_path)) as first:
        runs = []
        for _ in range(2):
            visit(page, first, "calls", "holds")
            ask_for_results(page)
            expect(page.locator("#lane-A .state b")).to_have_text("waiting for a result")
            runs.append(page.url.removeprefix(first.url))
            until(page, lambda: kept(page, first)["lanes"][0]["recording"][-1][1] == "continued")
            page.goto("about:blank")
        page.goto(first.url + runs[0])
        page.locator("#lane-A .call textarea").fill("It is wet.")
        page.locator("#lane-A .call textarea").press("Enter")
        expect_state(page, "A", "done")
        until(page, lambda: kept(page, first)["lanes"][0]["state"] == "done")
        page.goto("about:blank")
        os.kill(first.pid, signal.SIGKILL)
    with serving("app.py", **settings(tmp_path)) as second:
        page.goto(second.url + runs[0])
        expect_state(page, "A", "done")
        expect_state(page, "B", "interrupted")
        expect(page.locator("#lane-A .call .result p").first).to_have_text("It is wet.")
        expect(page.locator("#lane-A .flag").first).to_be_visible()  # it told no token counts
        page.goto(second.url + runs[1])
        expect_state(page, "A", "interrupted")
        expect(page.locator("#lane-A .call")).to_contain_text("Oslo")
        expect(page.locator("#lane-A .call form")).to_be_hidden()
        lane = kept(page, second)["lanes"][0]
        assert lane["prompt"]["toolbox"]["by_hand"]
        assert [event[1] for event in lane["recording"]][-2:] == ["continued", "failed"]
