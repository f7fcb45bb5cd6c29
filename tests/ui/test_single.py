"""The file that holds one comparison: what is in it, what is not, and that it plays without any request."""

import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from backends.answer import fold
from backends.events import (
    Event,
    Failed,
    Finished,
    Measured,
    ReasoningDelta,
    Reported,
    Sent,
    Stamped,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from backends.flags import Flag
from backends.lane import Backend, Lane
from backends.prompt import Image, Prompt, UserTurn
from storage.comparison import AskedLane, Comparison, KeptLane, Link, Question, Rating
from storage.plan import OPEN
from storage.showing import Showing
from tests.storage.made import BEGAN, TOOL, png
from ui import single
from ui.single import Kept, Part

SECOND = 1_000_000
HOSTILE = """# Title <script>alert(1)</script>
![remote](https://evil.example/x.png) [run](javascript:alert(2)) [page](https://example.com/a "t")
<img src=https://evil.example/y.png onerror=alert(3)> <svg onload=alert(4)> <style>*{display:none}</style>
</div></article></main><script>alert(5)</script> <https://example.com/b> [data](data:text/html,<b>6</b>)

| a | b |
|--:|---|
| 1 | **unclosed

```html
<script>alert(7)</script>
"""
NAMED = "I am **zebrafish 7b** in NVFP4, served by vLLM as Quokka 0."


def stamped(*events: tuple[float, Event]) -> tuple[Stamped, ...]:
    return tuple(Stamped(int(at * SECOND), event) for at, event in events)


def said(text: str, thought: str = "", tokens: int = 10, seconds: float = 2.0) -> tuple[Stamped, ...]:
    """An answer in so many pieces over so many seconds, its reasoning first."""

    def pieces(whole: str) -> list[str]:
        size = max(1, -(-len(whole) // tokens))
        return [whole[at : at + size] for at in range(0, len(whole), size)]

    deltas: list[Event] = [*map(ReasoningDelta, pieces(thought)), *map(TextDelta, pieces(text))]
    pace = seconds / len(deltas)
    return stamped(
        (0, Sent('{"model":"m"}')),
        (0, Reported("zebrafish-7b-2512", "vllm-0.99")),
        *((pace * number, delta) for number, delta in enumerate(deltas, 1)),
        (seconds, Usage(4321, 8765)),
        (seconds, Measured('{"queue_time_ms":3150.5}')),
        (seconds, Finished("stop")),
    )


def made(
    recordings: Sequence[Sequence[Stamped]], order: tuple[int, ...] = (), images: tuple[Image, ...] = (), text: str = ""
) -> Kept:
    prompt = Prompt("Be a pirate.", (UserTurn(text or "Which animal are you?", images),), (TOOL,))
    lanes = [
        KeptLane(
            Lane(Backend(f"quokka {number}", "vllm", model="Zebrafish-7B"), "Zebrafish-7B", "NVFP4", temperature=0.25),
            "",
            prompt,
            tuple(recording),
            fold(recording),
            (Flag("odd_finish", "It ended after 8765 tokens."),),
        )
        for number, recording in enumerate(recordings)
    ]
    positions = tuple(range(len(lanes)))
    rating = Rating(
        id="r",
        evaluator="Ada Lovelace",
        ranking=((0,), positions[1:]),
        all_bad=False,
        tags=("clear",),
        comment="By hand.",
        created_at=BEGAN,
        supersedes=None,
    )
    question = Question(
        "0123456789abcdef",
        prompt,
        {image.sha256: len(image.data) for image in images},
        (Link("0", "An earlier turn"), Link("0123456789abcdef", "Which animal are you?")),
        tuple(AskedLane(each.lane, "", prompt) for each in lanes),
        (rating,),
    )
    comparison = Comparison(question.id, BEGAN, BEGAN, None, prompt, tuple(lanes), (rating,))
    return Kept(comparison, question, Showing("s", question.id, "me", OPEN, 1, order or positions, BEGAN))


@pytest.fixture
def alone(browser: Browser, tmp_path: Path):
    """Opens a file in a browser that may ask for nothing else; any error of the page fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type in ("error", "warning") else None)

    def opened(html: str) -> Page:
        file = tmp_path / "comparison.html"
        file.write_text(html, encoding="utf-8")
        page.route(
            re.compile(".*"),
            lambda route: (
                route.continue_()
                if route.request.url == file.as_uri()
                else (wrong.append(route.request.url), route.abort())
            ),
        )
        page.goto(file.as_uri())
        return page

    yield opened
    context.close()
    assert not wrong


def seek(page: Page, seconds: float) -> None:
    page.locator(".player input").evaluate(
        "(e, at) => { e.value = at; e.dispatchEvent(new Event('input')); }", int(seconds * SECOND / single.TICK)
    )


def test_what_makes_times_unfair_and_how_far_samples_differ_is_told_with_the_figures() -> None:
    kept = made([said("Two."), said("Two!")], order=(1, 0))
    crowded = replace(kept.question, lanes=tuple(lane._replace(crowded=True) for lane in kept.question.lanes))
    again = ((fold(said("2", seconds=4)),), (fold(said("Two!", seconds=3)),))
    sampled = replace(kept, question=crowded, samples=again)
    first, second = single.made(sampled).split("<article")[1:]
    assert "shares its server with lane B" in first
    assert "shares its server with lane A" in second
    for lane, same, longest in ((first, "all 2 texts identical", "3.00 s"), (second, "2 different texts", "4.00 s")):
        assert f"2 samples<em>{same}</em>" in lane
        assert f"to {longest})" in lane
    bare = single.made(sampled, [Part.FIGURES])
    assert "shares its server" not in bare
    assert "2 samples" not in bare


def test_a_hostile_answer_stays_text(alone) -> None:
    page = alone(single.made(made([said(HOSTILE, "<script>alert(8)</script>"), said("Fine.")])))
    answer = page.locator(".answer").first
    expect(answer.locator("h1")).to_contain_text("<script>alert(1)</script>")
    expect(answer.locator("script, img, svg, style, [onerror], [onload], [style]")).to_have_count(0)
    links = answer.locator("a")
    assert sorted(link.get_attribute("href") for link in links.all()) == [
        "https://evil.example/x.png",
        "https://example.com/a",
        "https://example.com/b",
    ]
    assert all(link.get_attribute("rel") == "noopener noreferrer nofollow" for link in links.all())
    expect(answer).to_contain_text("[run](javascript:alert(2))")
    expect(answer.locator("td.to-right")).to_have_text("1")
    expect(answer.locator("pre code")).to_contain_text("<script>alert(7)</script>")
    assert page.locator(".trace").first.text_content() == "<script>alert(8)</script>"
    expect(page.locator("main > .lane")).to_have_count(2)


def test_the_replay_shows_what_had_come_by_any_moment(alone) -> None:
    slow, fast = "word " * 50, "Quick **and** done."
    page = alone(single.made(made([said(slow, "Hm. " * 50, tokens=50, seconds=10), said(fast, seconds=1)])))
    lanes = page.locator(".lane")
    expect(lanes.nth(0).locator(".state b")).to_have_text("done")
    expect(page.locator(".player output")).to_have_text("10.0 s of 10.0 s")

    seek(page, 2.5)
    expect(lanes.nth(0)).to_have_attribute("data-state", "thinking")
    expect(lanes.nth(0).locator(".reasoning")).to_have_attribute("open", "")
    assert 90 <= len(lanes.nth(0).locator(".trace").text_content()) <= 110
    assert lanes.nth(0).locator(".answer").inner_text() == ""
    expect(lanes.nth(0).locator("dl").first).not_to_be_visible()
    expect(lanes.nth(1)).to_have_attribute("data-state", "done")
    expect(lanes.nth(1).locator(".answer")).to_have_text("Quick and done.")
    expect(lanes.nth(1).locator("dl").first).to_be_visible()

    seek(page, 7.5)
    assert 110 <= len(lanes.nth(0).locator(".answer").text_content()) <= 140
    seek(page, 0)
    expect(lanes.nth(1).locator("strong")).to_be_hidden()
    page.locator(".player select").select_option("instant")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(lanes.nth(0).locator(".answer")).to_have_text(slow.strip())

    page.locator(".player select").select_option("x1")
    page.evaluate("performance.now = () => document.timeline.currentTime + 3000")  # a frame from before the press
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    seek(page, 5.5)
    expect(lanes.nth(0)).to_have_attribute("data-state", "answering")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    seek(page, 9.9)
    page.keyboard.press("Space")
    expect(lanes.nth(0)).to_have_attribute("data-state", "done")


def test_calls_and_failures_come_when_they_came(alone) -> None:
    calls = stamped(
        (0, Sent("{}")),
        (1, ToolCallDelta(0, "c1", "weather", '{"z":')),
        (2, ToolCallDelta(0, "", "", "1}")),
        (4, Failed("truncated", "It broke off.")),
    )
    page = alone(single.made(made([calls, said("Fine.", seconds=3)])))
    lane = page.locator(".lane").first
    expect(lane.locator(".call pre")).to_have_text('{\n  "z": 1\n}')
    expect(lane.locator(".error")).to_have_text("It broke off.")
    seek(page, 1.5)
    expect(lane.locator(".call")).to_be_hidden()
    expect(lane).to_have_attribute("data-state", "calling")
    seek(page, 3)
    expect(lane.locator(".call")).to_be_visible()
    expect(lane.locator(".error")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_it_fits_wide_and_narrow_windows(alone, width: int) -> None:
    page = alone(single.made(made([said("w" * 400 + "\n\n```\n" + "x" * 400 + "\n```")] * 4)))
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [lane.bounding_box() for lane in page.locator(".lane").all()]
    assert len({round(box["width"]) for box in boxes}) == 1


def test_lanes_are_in_the_order_that_the_viewer_sees() -> None:
    html = single.made(made([said("an ant"), said("a bee"), said("a cow")], order=(2, 0, 1)))
    assert html.index("a cow") < html.index("an ant") < html.index("a bee")
    assert "<b>B &gt; A = C</b> × 1" in html


def test_what_is_left_out_is_not_in_the_file() -> None:
    image = Image(sha256(png()).hexdigest(), "image/png", 4, 3, png())
    kept = made([said(NAMED, "Zebrafish thoughts.", 10), said("Done.", "Other thoughts.", 10)], images=(image,))
    whole = single.made(kept)
    secrets = {
        Part.NAMES: ["quokka", "zebrafish", "nvfp4", "vllm", "0.25"],
        Part.REASONING: ["thoughts"],
        Part.FIGURES: ["4321", "8765", "3.15 s", "queued", "2.00 s", 'id="replay"', "<script>"],
        Part.PROMPTS: ["animal", "pirate", "weather", "earlier turn", "data:image/"],
        Part.RATINGS: ["A &gt; B", "clear", "how it was rated"],
    }
    for part, words in secrets.items():
        without = single.made(kept, [part])
        for word in words:
            assert word.lower() in whole.lower(), f"{word} is looked for in vain"
            assert word.lower() not in without.lower(), f"{word} is in a file without {part}"
    for told in ("Ada Lovelace", "By hand."):
        assert told not in whole


def test_names_that_the_prompt_uses_are_left_out_too() -> None:
    kept = made([said("A."), said("B.")], text="Is Zebrafish-7B better?")
    assert "zebrafish" not in single.made(kept, [Part.NAMES]).lower()


def test_the_name_of_the_file_says_what_it_is() -> None:
    question = made([said("A."), said("B.")], text="Où est  l'été? <b>../../x</b> " + "long " * 30).question
    assert single.file_name(question, ()) == "lanewise-01234567-ou-est-l-ete-b-x-b-long-long-long-long-l.html"
    assert single.file_name(question, [Part.PROMPTS, Part.FIGURES]) == "lanewise-01234567-without-figures-prompts.html"


def test_a_comparison_of_four_long_answers_stays_small() -> None:
    text, thought = "An answer of words. " * 400, "A thought of words. " * 400
    kept = made([said(text, thought, tokens=1000, seconds=40 + lane) for lane in range(4)])
    assert len(single.made(kept).encode()) < 300_000
