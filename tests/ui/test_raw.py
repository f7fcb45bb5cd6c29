"""A lane's request and response, as the page shows and gives them."""

import json
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from backends.answer import fold
from backends.events import Finished, Sent, Stamped, TextDelta
from backends.registry import load
from benchmarks.servers import Server
from storage.comparison import KeptLane
from tests.storage.made import TWO, asking
from tests.ui.test_page import PICTURE, ask, expect_state, kept, run_of, until, visit
from ui import raw


def test_a_lane_shows_its_request_and_response(page: Page, app: Server, fake_url: str) -> None:
    visit(page, app, "talks", "dies")
    page.set_input_files("#prompt input[type=file]", PICTURE)
    expect(page.locator("#prompt .thumbnail-item")).to_have_count(1)
    ask(page, "It's <b>raw</b>")
    expect_state(page, "A", "done")
    expect_state(page, "B", "failed")

    page.locator("#lane-A [data-act=raw]").click()
    sheet = page.get_by_role("dialog", name="Lane A: request and response")
    request, response = sheet.get_by_label("Request as sent"), sheet.get_by_label("Response as recorded")
    expect(request).to_contain_text("It's <b>raw</b>")
    expect(request).to_contain_text('"url": "sha256:')
    expect(response).to_contain_text('ReasoningDelta ["Let me <b>think</b>."]')
    expect(response).to_contain_text("Finished")
    expect(sheet).to_contain_text("The bytes on the wire are not.")

    sheet.get_by_role("button", name="Copy as curl").click()
    until(page, lambda: "curl --no-buffer" in page.evaluate("navigator.clipboard.readText()"))
    assert f"{fake_url}/chat/completions" in page.evaluate("navigator.clipboard.readText()")
    expect(sheet.get_by_role("button", name="Copy as curl")).to_be_visible()  # once it has said so
    sheet.get_by_role("button", name="Copy as Python").click()
    until(page, lambda: "urlopen" in page.evaluate("navigator.clipboard.readText()"))
    with page.expect_download() as download:
        sheet.get_by_role("link", name="Download").first.click()
    assert json.loads(download.value.path().read_text())["messages"]
    with page.expect_download() as download:
        sheet.get_by_role("link", name="Image").click()
    assert re.fullmatch(r"[0-9a-f]{12}\.png", download.value.suggested_filename)
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.locator("#lane-A [data-act=raw]")).to_be_focused()

    page.locator("#lane-B [data-act=raw]").click()
    expect(page.get_by_label("Response as recorded")).to_contain_text("Failed")


def test_what_is_copied_asks_the_server_again(page: Page, app: Server, tmp_path: Path) -> None:
    visit(page, app, "talks", "html")
    ask(page, "Once more")
    expect_state(page, "A", "done")
    expect_state(page, "B", "failed")
    until(page, lambda: kept(page, app)["lanes"][0]["state"] == "done")  # a moment later than shown
    program = page.request.get(f"{app.url}/answers/{run_of(page)}/0/request-1.py").text()
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True)
    assert "Let me <b>think</b>." in done.stdout, done.stderr
    events = page.request.get(f"{app.url}/answers/{run_of(page)}/0/response.jsonl").text().splitlines()
    assert json.loads(events[-1])[1] in ("finished", "usage")


def test_a_long_request_and_response_are_shown_in_part() -> None:
    prompt = asking("long " * 10_000)
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": prompt.turns[-1].text}]})
    events = [Stamped(0, Sent(body)), *(Stamped(at, TextDelta("w" * 999)) for at in range(5000))]
    recording = (*events, Stamped(5000, Finished("stop")))
    kept = KeptLane(TWO, "", prompt, recording, fold(recording), ())
    requests = raw.requests(kept, load(None, {}))
    shown = raw.shown(kept, requests, 0, "here")
    assert len(json.dumps(shown)) < 150_000
    assert shown["more"] == len(recording) - raw.EVENTS
    assert shown["requests"][0]["more"] > 0
    assert shown["requests"][0]["remarks"] == ["Its server's address is not known here: put it in."]
    assert len(raw.response(recording)) > 5_000_000
    assert requests[0].body == body
