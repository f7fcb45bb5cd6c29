"""The page in a real browser, used as an evaluator would."""

import csv
import io
import json
import os
import re
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.servers import Server, serving
from tests.ui.conftest import settings

PICTURE = Path(__file__).parents[2] / "ui" / "assets" / "pictures" / "red.png"


def visit(page: Page, app: Server, *lanes: str) -> None:
    page.goto(f"{app.url}/?lanes={','.join(lanes)}" if lanes else app.url)
    expect(page.locator("#prompt textarea")).to_be_visible()
    for letter, lane in zip("ABCDEF", lanes, strict=False):
        expect(page.locator(f"#backend-{letter} input")).to_have_value(re.compile(rf"^{lane.partition(';')[0]}\b"))


def ask(page: Page, text: str) -> None:
    page.fill("#prompt textarea", text)
    page.press("#prompt textarea", "Enter")


def pick(page: Page, name: str) -> None:
    """Takes a prompt out of the library."""
    page.get_by_role("button", name="Prompts").click()
    page.locator("#library button", has_text=name).click()
    expect(page.locator("#library")).to_be_hidden()


def expect_state(page: Page, lane: str, state: str) -> None:
    expect(page.locator(f"#lane-{lane} .card")).to_have_attribute("data-state", state)


def expect_ready(page: Page) -> None:
    """All that the page shows is of one comparison, which may be rated."""
    page.wait_for_function(
        """() => {
          const run = (selector) => document.querySelector(selector)?.dataset.run;
          return run('.question') && run('.rating') === run('.question') && document.querySelector('.choices button');
        }"""
    )


def at_once(page: Page, *keys: str) -> None:
    """Presses them before any of them can have had an effect on the server."""
    press = "key => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))"
    page.evaluate(f"keys => keys.forEach({press})", list(keys))


def run_of(page: Page) -> str:
    page.wait_for_url(re.compile("run="))
    return re.search(r"run=([^&]+)", page.url)[1]


def kept(page: Page, app: Server, run: str = "") -> dict[str, Any]:
    """The comparison shown, or the one named, as it is exported."""
    run = run or run_of(page)
    exported = page.request.get(f"{app.url}/export/jsonl?names=1").text().splitlines()
    return next(each for each in map(json.loads, exported) if each["id"] == run)


def kept_whole(page: Page, app: Server) -> dict[str, Any]:
    """The comparison shown, whose lanes are done, once they are stored as such: a moment later than shown."""
    until(page, lambda: {lane["state"] for lane in kept(page, app)["lanes"]} == {"done"})
    return kept(page, app)


def until(page: Page, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came about"
        page.wait_for_timeout(50)


def write_tools(page: Page, text: str, taken: Locator) -> None:
    """Until it is taken: an editor that is new on the page puts its first value back when it has loaded."""
    page.locator("#tools-part > .label-wrap").click()
    editor = page.locator("#tools .cm-content")

    def is_taken() -> bool:
        if not taken.is_visible():
            editor.fill(text)
            editor.blur()
            page.wait_for_timeout(500)  # it is checked meanwhile
        return taken.is_visible()

    until(page, is_taken)


def exported_as(page: Page, view: str, suffix: str) -> bytes:
    """The file in what the open panel of the History exports."""
    page.get_by_label("Export this list as").select_option(view)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    with zipfile.ZipFile(download.value.path()) as zipped:
        return zipped.read(f"{view}{suffix}")


def test_the_main_job_from_the_prompt_to_the_export(page: Page, app: Server) -> None:
    visit(page, app, "local", "local", "holds")
    page.locator("#effort-B").get_by_label("high").check()
    page.set_input_files("#prompt input[type=file]", PICTURE)
    expect(page.locator("#prompt .thumbnail-item")).to_have_count(1)
    ask(page, "What colour is this? Answer with one word.")

    expect_state(page, "C", "answering")
    page.locator("#lane-C [data-act=stop]").click()
    expect_state(page, "C", "stopped")
    expect(page.locator("#answer-C")).to_contain_text("The beginning")
    expect_state(page, "A", "done")
    expect_state(page, "B", "done")
    expect(page.locator("#lane-A .reasoning")).to_be_hidden()
    page.locator("#lane-B .reasoning summary").click()
    expect(page.locator("#lane-B .trace")).not_to_be_empty()
    expect(page.locator("#answer-A")).not_to_be_empty()
    expect(page.locator("#lane-A .note")).to_contain_text("demo eyes: sees only the mean colour")

    page.locator(".rating .name").fill("Ada")
    page.locator(".rating .name").press("Enter")
    expect_ready(page)
    for key in "21":
        page.keyboard.press(key)
    expect(page.locator(".rating .order")).to_have_text("B > A > C")
    expect(page.locator(".rating .hint")).to_have_text("Saved.")
    answer = page.locator("#answer-A").inner_text()

    page.reload()
    expect(page.locator(".rating .order")).to_have_text("B > A > C")
    expect(page.locator("#answer-A")).to_have_text(answer)
    expect(page.locator(".question .images img")).to_have_count(1)
    expect_state(page, "C", "stopped")

    page.get_by_role("tab", name="History").click()
    first = page.locator(".history li").first
    expect(first).to_contain_text("What colour is this?")
    expect(first).to_contain_text("B > A > C")

    run = run_of(page)
    page.get_by_role("button", name="Export …").click()
    page.get_by_label("evaluators' names").check()
    exported = [json.loads(line) for line in exported_as(page, "jsonl", ".jsonl").splitlines()]
    mine = next(each for each in exported if each["id"] == run)
    assert mine["ratings"][0]["evaluator"] == "Ada"
    # the page shows markdown: its words are those of the text
    assert re.findall(r"\w+", mine["lanes"][0]["text"]) == re.findall(r"\w+", answer)
    assert mine["lanes"][1]["reasoning"]
    assert mine["lanes"][2]["state"] == "stopped"
    assert mine["images"][0]["data"]
    pairs = list(csv.DictReader(io.StringIO(exported_as(page, "csv", ".csv").decode("utf-8-sig"))))
    assert [row["winner"] for row in pairs if row["comparison_id"] == run] == ["model_b", "model_a", "model_a"]


def test_what_a_model_writes_is_text(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    ask(page, "Hello")
    expect_state(page, "A", "done")
    answer = page.locator("#answer-A")
    expect(answer).to_contain_text("Use <i> and <i>this</i>: bold")
    expect(answer.locator("i")).to_have_count(0)
    expect(answer.locator("strong")).to_have_text("bold")
    page.locator("#lane-A .reasoning summary").click()
    expect(page.locator("#lane-A .trace")).to_have_text("Let me <b>think</b>.")
    expect(page.locator("#lane-A .figures")).to_contain_text("7 in · 9 out")
    page.locator("#lane-A [data-act=copy]").click()
    until(page, lambda: "<i>this</i>" in page.evaluate("navigator.clipboard.readText()"))

    expect_state(page, "B", "done")
    expect(page.locator("#lane-B .call code")).to_have_text("get_weather")
    expect(page.locator("#lane-B .call pre")).to_have_text('{\n  "city": "Oslo"\n}')


def test_no_trick_makes_markup_of_an_answer(page: Page, app: Server) -> None:
    visit(page, app, "tricks", "talks")
    ask(page, "Hello")
    expect_state(page, "A", "done")
    answer = page.locator("#answer-A")
    for number in (1, 2, 3, 4, 5, 6, 8, 9):  # 7 is in what only might be code
        expect(answer).to_contain_text(f">{number}<")
    expect(answer.locator("b, i, u, img, a[style]")).to_have_count(0)
    expect(answer.locator(".katex")).to_have_count(1)


def test_a_broken_lane_costs_only_itself(page: Page, app: Server) -> None:
    visit(page, app, "absent", "dies", "html", "talks")
    ask(page, "Hello")
    for lane in "ABC":
        expect_state(page, lane, "failed")
    expect_state(page, "D", "done")
    expect(page.locator("#lane-A .error")).to_contain_text("can't be reached")
    expect(page.locator("#lane-B .error")).to_contain_text("What had arrived is kept")
    expect(page.locator("#answer-B")).to_contain_text("Half an ans")
    expect(page.locator("#lane-C .error")).to_contain_text("answered 200: Welcome.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "Write a prompt first"), ("   ", "Write a prompt first")],
)
def test_an_empty_prompt_is_refused(page: Page, app: Server, text: str, expected: str) -> None:
    visit(page, app, "talks", "calls")
    ask(page, text)
    expect(page.locator(".notice")).to_contain_text(expected)
    assert "run=" not in page.url


def test_what_is_no_image_is_named_and_nothing_runs(page: Page, app: Server, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not an image")
    visit(page, app, "talks", "calls")
    page.set_input_files("#prompt input[type=file]", broken)
    expect(page.locator("#prompt .thumbnail-item")).to_have_count(1)
    ask(page, "What is this?")
    expect(page.locator(".notice")).to_contain_text("broken.png")
    assert "run=" not in page.url


def test_a_mistake_in_the_tools_is_named_under_their_editor_and_refused(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    problem = page.locator("#tools-problem .notice")
    write_tools(page, '{"name": ', problem)
    expect(problem).to_contain_text("Tools, line 1, column")
    ask(page, "Hello")
    expect(page.locator("#notice .notice")).to_contain_text("Tools, line 1")

    page.get_by_role("button", name="Weather (canned)").click()
    expect(page.locator("#tools-problem .notice")).to_be_hidden()
    expect(page.get_by_role("button", name="Tools (1)")).to_be_visible()
    page.locator("#choice input").click()
    page.locator("#choice [role=option]", has_text="get_weather").click()
    ask(page, "What is the weather?")
    expect_state(page, "B", "done")
    assert kept(page, app)["lanes"][1]["prompt"]["tool_choice"] == "get_weather"


def test_tool_calls_are_answered_with_canned_results(page: Page, app: Server) -> None:
    visit(page, app, "calls", "talks")
    pick(page, "Tool: the weather")
    expect(page.get_by_role("button", name="Tools (1)")).to_be_visible()
    ask(page, "What is the weather in Oslo?")
    expect_state(page, "A", "done")
    expect(page.locator("#lane-A .call .result").first).to_contain_text("21 °C, clear sky")


def test_each_lane_says_what_it_will_meet_before_it_is_asked(page: Page, app: Server) -> None:
    visit(page, app, "talks", "absent")
    expect(page.locator("#lane-A .about .reach")).to_have_text("ready")
    expect(page.locator("#lane-B .about .reach")).to_have_text("unreachable")
    size = page.locator("#lane-A .about .size")
    expect(size).to_have_text(re.compile(r"^≈ \d+ tokens$"))
    before = size.inner_text()
    page.fill("#prompt textarea", "A somewhat longer question than none.")
    page.locator("#prompt textarea").blur()
    expect(size).not_to_have_text(before)
    page.set_input_files("#prompt input[type=file]", PICTURE)
    expect(size).to_contain_text("image: ≈")

    page.locator("#backend-A input").click()
    page.locator("#backend-A [role=option]", has_text="absent").click()
    expect(page.locator("#lane-A .about .reach")).to_have_text("unreachable")
    expect(size).to_contain_text("image: ≈")


def test_a_lanes_own_settings_are_asked_and_stored_with_it(page: Page, app: Server) -> None:
    visit(page, app, "talks", "talks")
    page.locator("#lane-B").get_by_role("button", name="Settings").click()
    page.locator("#model-B input").click()
    page.locator("#model-B [role=option]", has_text="calls").click()
    page.locator("#replays-B input").uncheck()
    page.locator("#waits-B input").check()
    ask(page, "Hello")
    expect(page.locator("#lane-B .call code")).to_have_text("get_weather")
    page.reload()
    page.locator("#lane-B").get_by_role("button", name="Settings").click()
    expect(page.locator("#model-B input")).to_have_value("calls")
    expect(page.locator("#replays-B input")).not_to_be_checked()
    expect(page.locator("#waits-B input")).to_be_checked()
    for empty in ("temperature", "limit", "seed"):
        expect(page.locator(f"#{empty}-B input")).to_have_value("")


def test_no_choice_is_cut_off_in_a_narrow_window(page: Page, app: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, app, "talks", "calls")
    pick(page, "Tool: the weather")
    page.get_by_role("button", name="Tools (1)").click()
    inside, around = (page.locator(each) for each in ("#results label >> nth=-1", "#tools-part"))
    expect(inside).to_be_visible()
    right = [box["x"] + box["width"] for each in (inside, around) if (box := each.bounding_box())]
    assert right[0] <= right[1]


def test_lanes_are_added_duplicated_and_removed(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    page.locator("#lane-A [data-act=duplicate]").click()
    expect(page.locator(".lane:visible")).to_have_count(3)
    expect(page.locator("#backend-B input")).to_have_value("talks")
    expect(page.locator("#backend-C input")).to_have_value("calls")
    page.locator("#lane-A [data-act=remove]").click()
    expect(page.locator(".lane:visible")).to_have_count(2)
    for count in (3, 4, 5, 6):
        page.locator("#add").click()
        expect(page.locator(".lane:visible")).to_have_count(count)
    page.locator("#add").click()
    expect(page.get_by_text("A comparison has 2 to 6 lanes.")).to_be_visible()


def test_a_changed_mind_stores_a_superseding_rating(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    ask(page, "Which?")
    expect_state(page, "A", "done")
    expect_state(page, "B", "done")
    expect_ready(page)
    page.keyboard.press("t")
    expect(page.locator(".rating .hint")).to_contain_text("Type your name")
    page.keyboard.type("Grace")
    page.keyboard.press("Enter")
    expect(page.locator(".rating .hint")).to_have_text("Saved.")
    for key, pressed in (("b", "Both bad"), ("1", "A better")):
        page.keyboard.press(key)
        expect(page.locator(f".rating button[aria-pressed=true]:has-text('{pressed}')")).to_be_visible()
    page.locator(".rating .tags button", has_text="clear").click()
    until(page, lambda: len(kept(page, app)["ratings"]) == 4)

    ratings = kept(page, app)["ratings"]
    assert [rating["all_bad"] for rating in ratings] == [False, True, False, False]
    assert [rating["supersedes"] for rating in ratings[1:]] == [rating["id"] for rating in ratings[:-1]]
    assert ratings[-1]["tags"] == ["clear"]


def test_tags_chosen_before_the_ranking_belong_to_it(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls", "talks")
    ask(page, "Which?")
    for lane in "ABC":
        expect_state(page, lane, "done")
    page.locator(".rating .name").fill("Edsger")
    page.locator(".rating .name").press("Enter")
    page.locator(".rating .tags button", has_text="clear").click()
    expect_ready(page)
    for key in ("1", "t", "2"):
        page.keyboard.press(key)
    expect(page.locator(".rating .order")).to_have_text("A = B > C")
    expect(page.locator(".rating .tags button[aria-pressed=true]")).to_have_text("clear")


def test_an_old_comparison_is_opened_and_rated_from_the_history(page: Page, app: Server) -> None:
    visit(page, app, "talks", "calls")
    for text in ("The older one", "The newer one"):
        ask(page, text)
        expect(page.locator(".question .asked")).to_have_text(text)
        expect_state(page, "A", "done")
    page.get_by_role("tab", name="History").click()
    page.locator(".history li a", has_text="The older one").click()
    expect(page.locator(".question .asked")).to_have_text("The older one")
    page.locator(".rating .name").fill("Barbara")
    page.locator(".rating .name").press("Enter")
    expect_ready(page)
    page.keyboard.press("b")
    expect(page.locator(".rating .hint")).to_have_text("Saved.")
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".history li", has_text="The older one").first).to_contain_text("both bad")


def test_no_file_of_the_machine_can_be_asked_for(page: Page, app: Server, tmp_path: Path) -> None:
    secret = tmp_path.with_name("secret.txt")
    secret.write_text("secret")
    config = page.request.get(f"{app.url}/config").json()
    compare = next(each for each in config["dependencies"] if each["api_name"] == "compare")
    file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    for data in (
        [{"text": "x", "files": [file]}, "", "", False, "", 2],
        [{"text": "x", "files": []}, "", "", True, file, 2],
    ):
        data += [None] * (len(compare["inputs"]) - len(data))
        asked = {"data": data, "fn_index": compare["id"], "session_hash": "thief"}
        page.request.post(f"{app.url}/gradio_api/queue/join", data=asked)
        said = page.request.get(f"{app.url}/gradio_api/queue/data?session_hash=thief").text()
        assert '"success":false' in said.replace(" ", "")


def test_another_page_can_send_nothing(page: Page, app: Server) -> None:
    foreign = page.request.post(f"{app.url}/gradio_api/upload", headers={"Origin": "http://example.com"})
    assert foreign.status == 403


def test_a_foreign_name_for_this_app_is_refused(page: Page, app: Server) -> None:
    assert page.request.get(f"{app.url}/export/jsonl?names=1", headers={"Host": "example.com"}).status == 400


def test_a_killed_app_loses_nothing_that_had_arrived(page: Page, fake_url: str, tmp_path: Path) -> None:
    entry = '[[backend]]\nname = "{0}"\nkind = "llamacpp"\nbase_url = "{1}"\nmodel = "{0}"\n'
    (tmp_path / "backends.toml").write_text("\n".join(entry.format(model, fake_url) for model in ("holds", "talks")))
    with serving("app.py", **settings(tmp_path)) as first:
        visit(page, first, "holds", "talks")
        ask(page, "Survive")
        expect_state(page, "A", "answering")
        expect_state(page, "B", "done")
        run = run_of(page)
        # shown at once, stored a moment later: the export says when
        until(page, lambda: "The beginning" in page.request.get(f"{first.url}/export/jsonl?names=1").text())
        page.goto("about:blank")
        os.kill(first.pid, signal.SIGKILL)
    with serving("app.py", **settings(tmp_path)) as second:
        page.goto(f"{second.url}/?run={run}")
        expect_state(page, "A", "interrupted")
        expect(page.locator("#answer-A")).to_contain_text("The beginning")
        expect_state(page, "B", "done")


def test_a_closed_tab_stops_nothing_and_a_link_finds_the_run(page: Page, app: Server) -> None:
    visit(page, app, "holds", "talks")
    ask(page, "Stay")
    expect_state(page, "A", "answering")
    expect_state(page, "B", "done")
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    expect_state(page, "A", "answering")
    expect(page.locator("#answer-A")).to_contain_text("The beginning")
    page.locator("#stop").click()
    expect_state(page, "A", "stopped")
    expect(page.locator("#stop")).to_be_hidden()


def test_a_link_to_nothing_says_so(page: Page, app: Server) -> None:
    page.goto(f"{app.url}/?run=nothing")
    expect(page.locator(".notice")).to_contain_text("not kept here")


def test_a_follow_up_keeps_each_lanes_history(page: Page, app: Server) -> None:
    visit(page, app, "talks", "talks")
    ask(page, "First question")
    expect_state(page, "B", "done")
    expect(page.locator("#follow .info-text")).to_be_hidden()
    page.locator("#follow input").check()
    expect(page.locator("#follow .info-text")).to_be_visible()
    expect(page.locator("#follow")).to_contain_text("Its own reasoning goes back to each lane.")
    ask(page, "Second question")
    expect(page.locator(".question .thread a")).to_have_count(2)
    expect_state(page, "B", "done")
    said = [turn.get("text") for turn in kept(page, app)["lanes"][0]["prompt"]["turns"]]
    assert said[0] == "First question"
    assert said[-1] == "Second question"
    assert len(said) == 3
    page.locator(".question .thread a").first.click()
    expect(page.locator(".question .asked")).to_have_text("First question")


def test_gradios_proxies_are_closed(page: Page, app: Server) -> None:
    for path in ("file=https://example.com/x.png", "file=http:/example.com/x.png", "proxy=https://example.com/x"):
        assert page.request.get(f"{app.url}/gradio_api/{path}").status == 403
