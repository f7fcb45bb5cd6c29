"""The rating bar: every gesture, by mouse and by key, and what is kept of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from benchmarks.servers import Server, serving
from tests.backends.fake_server import delta, hold, stream
from tests.backends.fake_server import serving as speaking
from tests.ui.conftest import on_a_thread, settings, trickle
from tests.ui.test_page import ask, at_once, expect_ready, expect_state, kept, until, visit

PARAGRAPHS = "\n\n".join(f"Paragraph {number} of many." for number in range(60))
SAYS = {
    "thinks": stream(delta(reasoning_content="Two and two."), delta(content="Four."), delta(finish="stop")),
    "guesses": stream(delta(reasoning_content="No idea."), delta(content="Five."), delta(finish="stop")),
    "plain": stream(delta(content="It is four."), delta(finish="stop")),
    "long": stream(delta(content=PARAGRAPHS), delta(finish="stop")),
    "holds": hold(delta(content="The beginning")),
    "trickles": trickle,
}
RUBRIC = """
tags = ["clear", "wrong"]
skips = ["no idea", "it makes no sense"]
marks = ["faithful", "redundant"]
[[dimension]]
name = "Correctness"
scale = ["wrong", "right"]
[[dimension]]
name = "Style"
scale = ["dull", "fine", "brilliant"]
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An app with a rubric of its own, and a backend for each of `SAYS`."""
    folder = tmp_path_factory.mktemp("bar")
    (folder / "rubric.toml").write_text(RUBRIC)
    entry = '[[backend]]\nname = "{0}"\nkind = "llamacpp"\nbase_url = "{1}"\nmodel = "{0}"\n'
    with on_a_thread(speaking(SAYS)) as fake:
        (folder / "backends.toml").write_text("\n".join(entry.format(model, fake.base_url) for model in SAYS))
        with serving("app.py", **settings(folder), RUBRIC=str(folder / "rubric.toml")) as server:
            yield server


@pytest.fixture
def page(page: Page) -> Page:
    """Of somebody whose name is known."""
    page.add_init_script("localStorage.setItem('lanewise.evaluator', 'Ada')")
    return page


def compare(page: Page, app: Server, *lanes: str, blind: bool = False, pace: str = "together") -> None:
    visit(page, app, *lanes)
    if blind:
        page.get_by_role("button", name="How it runs").click()
        page.locator("#blind input").check()
        page.locator("#pace").get_by_label(pace).check()
    ask(page, "What is 2+2?")
    expect(page.locator(".rating .ask")).to_be_visible()


def expect_over(page: Page, count: int) -> None:
    expect(page.locator("#lanes .card[data-state=done]")).to_have_count(count)
    expect_ready(page)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


Way = list[Callable[[Route], None]]


def rates(request: Request) -> bool:
    return '"ranking"' in (request.post_data or "")


@pytest.fixture
def way(page: Page) -> Way:
    """What happens to ratings on their way; nothing as long as it is empty. It is there before the page is: a browser
    lets pass what it is sending when it is told to catch it."""
    handles: Way = []

    def meet(route: Route) -> None:
        (handles[-1] if handles and rates(route.request) else Route.continue_)(route)

    page.route("**/queue/join*", meet)
    return handles


def rated(page: Page, app: Server, count: int) -> dict[str, Any]:
    """The last of as many ratings."""
    until(page, lambda: len(kept(page, app).get("ratings", ())) == count)
    return kept(page, app)["ratings"][-1]


def some(rating: dict[str, Any], *names: str) -> list[Any]:
    return [rating[name] for name in names]


def test_what_is_set_while_a_rating_is_being_stored_is_stored_too_in_its_order(page: Page, app: Server) -> None:
    compare(page, app, "plain", "plain")
    expect_over(page, 2)
    at_once(page, "2", "b", "1", "9")
    last = rated(page, app, 4)
    assert some(last, "ranking", "all_bad", "strength") == [[[0], [1]], False, 3]
    assert [each["all_bad"] for each in kept(page, app)["ratings"]] == [False, True, False, False]
    expect(page.locator(".rating .hint")).to_have_text("Saved.")


def test_what_is_chosen_before_the_reveal_is_stored_before_it(page: Page, app: Server) -> None:
    compare(page, app, "thinks", "guesses", blind=True)
    expect_over(page, 2)
    asked = []
    page.route("**/queue/join*", lambda route: asked.append(route))
    at_once(page, "1", "v", "d")
    until(page, lambda: len(asked) > 1)
    for route in reversed(asked):  # the rating is the slowest
        route.continue_()
    page.unroute("**/queue/join*")
    expect(page.locator("#lanes")).to_contain_text("guesses")
    assert rated(page, app, 1)["blind"]


def test_a_rating_that_was_lost_on_the_way_holds_up_no_other(page: Page, app: Server, way: Way) -> None:
    compare(page, app, "plain", "plain")
    expect_over(page, 2)
    way.append(lambda route: route.fulfill(json={"event_id": "lost"}))
    with page.expect_response(lambda response: rates(response.request)):
        press(page, "1")
    expect(page.locator(".rating .hint")).to_have_text("Saving …")
    way.clear()
    page.evaluate("performance.now = () => 1e9")
    press(page, "2")
    expect(page.locator(".rating .hint")).to_have_text("Saved.")
    assert rated(page, app, 1)["ranking"] == [[1], [0]]


def test_what_could_not_be_sent_is_stored_after_a_reload(page: Page, app: Server, way: Way) -> None:
    compare(page, app, "plain", "plain")
    expect_over(page, 2)
    way.append(lambda route: route.abort())
    with page.expect_event("requestfailed", rates):
        press(page, "2")
    expect(page.locator(".rating .hint")).to_have_text("Saving …")
    way.clear()
    page.reload()
    assert rated(page, app, 1)["ranking"] == [[1], [0]]
    expect(page.locator(".rating .hint")).to_have_text("Saved.")
    page.reload()
    expect_ready(page)
    assert len(kept(page, app)["ratings"]) == 1


def test_nothing_is_rated_before_all_of_it_is_shown(page: Page, app: Server) -> None:
    compare(page, app, "plain", "plain")
    expect_over(page, 2)
    page.evaluate("document.querySelector('.question').dataset.run = 'another'")  # as while the page moves on
    expect(page.locator(".rating .choices")).to_have_attribute("inert", "")
    at_once(page, "1")
    page.evaluate(
        "document.querySelector('.question').dataset.run = document.querySelector('.card').dataset.key.split('/')[0]"
    )
    expect_ready(page)
    at_once(page, "2")
    assert rated(page, app, 1)["ranking"] == [[1], [0]]


def test_of_two_the_better_one_is_chosen_by_mouse_and_by_key(page: Page, app: Server) -> None:
    compare(page, app, "plain", "plain")
    expect_over(page, 2)
    page.locator(".rating").get_by_role("button", name="A better").first.click()
    first = rated(page, app, 1)
    assert some(first, "evaluator", "ranking", "all_bad", "strength", "skipped") == ["Ada", [[0], [1]], False, None, ""]
    assert some(first, "blind", "early", "supersedes") == [False, False, None]
    assert first["seconds"] > 0

    press(page, "2")
    second = rated(page, app, 2)
    assert some(second, "ranking", "supersedes") == [[[1], [0]], first["id"]]
    press(page, "Shift+A")
    assert rated(page, app, 3)["ranking"] == [[0], [1]]
    press(page, "b")
    assert rated(page, app, 4)["all_bad"]


def test_how_much_better_is_part_of_the_choice(page: Page, app: Server) -> None:
    compare(page, app, "plain", "plain")
    expect_over(page, 2)
    press(page, "7", "2")
    assert some(rated(page, app, 1), "ranking", "strength") == [[[1], [0]], 1]
    press(page, "8")
    assert some(rated(page, app, 2), "ranking", "strength") == [[[1], [0]], 2]
    page.get_by_role("button", name="A much better").click()
    assert some(rated(page, app, 3), "ranking", "strength") == [[[0], [1]], 3]
    expect(page.get_by_role("button", name="A much better")).to_have_attribute("aria-pressed", "true")
    press(page, "t")
    assert some(rated(page, app, 4), "ranking", "strength") == [[[0, 1]], None]


def test_three_are_ranked_with_ties_and_what_was_placed_is_taken_back(page: Page, app: Server) -> None:
    compare(page, app, "plain", "plain", "plain")
    expect_over(page, 3)
    press(page, "2", "Backspace", "3", "t", "1")
    assert rated(page, app, 1)["ranking"] == [[0, 2], [1]]
    press(page, "2", "e")
    assert rated(page, app, 2)["ranking"] == [[1], [0, 2]]
    press(page, "b")
    assert rated(page, app, 3)["all_bad"]


def test_a_skip_says_why_and_judges_nothing(page: Page, app: Server) -> None:
    compare(page, app, "plain", "plain")
    expect_over(page, 2)
    page.locator(".rating .tags button", has_text="clear").click()
    press(page, "s")
    expect(page.locator(".rating .ask")).to_have_text("Why?")
    press(page, "7", "2")
    skip = rated(page, app, 1)
    assert some(skip, "skipped", "ranking", "tags", "scores") == ["it makes no sense", [], [], {}]
    expect(page.locator(".rating .order")).to_have_text("skipped: it makes no sense")
    press(page, "1")
    assert some(rated(page, app, 2), "skipped", "ranking") == ["", [[0], [1]]]


def test_scores_and_words_of_the_rubric_belong_to_the_rating(page: Page, app: Server) -> None:
    compare(page, app, "plain", "plain")
    expect_over(page, 2)
    press(page, "o")
    expect(page.get_by_label("Correctness of A")).to_be_focused()
    page.get_by_label("Correctness of A").select_option("A: right")
    press(page, "Escape", "1")
    assert rated(page, app, 1)["scores"] == {"Correctness": [2, None]}
    page.get_by_label("Style of B").select_option("B: brilliant")
    assert rated(page, app, 2)["scores"] == {"Correctness": [2, None], "Style": [None, 3]}
    press(page, "Escape", "c")
    page.keyboard.type("12 of 12")
    press(page, "Escape")
    assert some(rated(page, app, 3), "comment", "ranking") == ["12 of 12", [[0], [1]]]
    page.locator(".rating .tags button", has_text="wrong").click()
    assert rated(page, app, 4)["tags"] == ["wrong"]


def test_a_blind_comparison_is_rated_by_keys_up_to_its_reasoning_and_its_names(page: Page, app: Server) -> None:
    compare(page, app, "thinks", "guesses", blind=True)
    expect_over(page, 2)
    expect(page.locator(".reasoning:visible")).to_have_count(0)
    right = page.locator("#lanes .lane", has_text="Four.").get_attribute("id")[-1]
    wrong = "AB".replace(right, "")
    press(page, str("AB".index(right) + 1))
    expect(page.locator(".rating .ask")).to_have_text("And the reasoning?")
    trace = page.locator(f"#lane-{wrong} .trace")
    expect(trace).to_have_text("No idea.")
    expect(trace).to_be_hidden()
    page.get_by_role("button", name="Read it").click()
    expect(trace).to_be_visible()
    expect(page.locator(".rating")).to_have_attribute("data-opened", "0 1")
    expect(page.locator("#lanes")).not_to_contain_text("guesses")

    press(page, f"Shift+{wrong}")
    expect(page.locator(f"#lane-{wrong} .label")).to_contain_text("guesses")
    second = rated(page, app, 2)
    first = kept(page, app)["ratings"][0]
    assert some(first, "blind", "ranking") == [True, [[0], [1]]]
    assert first["traces"] == {"ranking": [], "marks": {}}
    assert some(second, "blind", "ranking") == [True, [[0], [1]]]
    assert second["traces"]["ranking"] == [[1], [0]]

    press(page, "t")
    assert some(rated(page, app, 3), "blind", "ranking") == [False, [[0, 1]]]
    expect(page.locator(".rating .hint")).to_contain_text("made after the reveal")


def test_a_vote_while_a_lane_is_answering_is_kept_as_early(page: Page, app: Server) -> None:
    compare(page, app, "plain", "holds")
    expect_state(page, "A", "done")
    expect_state(page, "B", "answering")
    press(page, "1")
    assert rated(page, app, 1)["early"]
    page.locator("#stop").click()
    expect_state(page, "B", "stopped")
    press(page, "1")
    assert not rated(page, app, 2)["early"]


def test_after_an_early_blind_vote_the_answers_go_on(page: Page, app: Server) -> None:
    compare(page, app, "plain", "trickles", blind=True, pace="as it comes")
    expect(page.locator("#lanes .card[data-state=done]")).to_have_count(1)
    press(page, "1")
    assert some(rated(page, app, 1), "blind", "early") == [True, True]
    slow = page.locator("#lanes .lane", has_text="drip")
    expect(slow.locator(".card")).to_have_attribute("data-state", "answering")
    length = len(slow.locator(".block.answer").inner_text())
    until(page, lambda: len(slow.locator(".block.answer").inner_text()) > length + 20)
    page.locator("#stop").click()
    expect(slow.locator(".card")).to_have_attribute("data-state", "stopped")


def test_there_is_no_vote_as_long_as_the_answers_are_hidden(page: Page, app: Server) -> None:
    compare(page, app, "plain", "holds", blind=True)
    expect(page.locator(".rating .ask")).to_contain_text("appear together")
    press(page, "1", "b", "s", "1")
    rates = next(each for each in page.evaluate("gradio_config.dependencies") if each["api_name"] == "rate")
    run = page.url.partition("run=")[2]
    sent = {"run": run, "evaluator": "Ada", "all_bad": True}
    asked = {"data": [run], "event_data": sent, "fn_index": rates["id"], "session_hash": "hasty"}
    page.request.post(f"{app.url}/gradio_api/queue/join", data=asked)
    said = page.request.get(f"{app.url}/gradio_api/queue/data?session_hash=hasty").text()
    assert "Not saved: The answers appear together, once all are done" in said

    page.locator("#stop").click()
    expect(page.locator("#lanes .card[data-state=stopped]")).to_have_count(1)
    expect(page.locator(".rating .choices button").first).to_be_visible()
    press(page, "b")
    assert some(rated(page, app, 1), "all_bad", "blind", "early") == [True, True, False]


def test_it_is_kept_which_answers_were_seen_to_their_end_and_whose_reasoning_was_opened(
    page: Page, app: Server
) -> None:
    compare(page, app, "long", "thinks")
    expect_over(page, 2)
    bar = page.locator("section.rating")
    expect(bar).to_have_attribute("data-read", "1")
    press(page, "1")
    assert some(rated(page, app, 1), "read", "opened") == [[1], []]
    page.locator("#answer-A").get_by_text("Paragraph 59").scroll_into_view_if_needed()
    expect(bar).to_have_attribute("data-read", "0 1")
    page.locator("#lane-B .reasoning summary").click()
    expect(bar).to_have_attribute("data-opened", "1")
    press(page, "2")
    assert some(rated(page, app, 2), "read", "opened") == [[0, 1], [1]]


def test_enter_leaves_the_reasoning_for_the_next_in_the_queue(page: Page, app: Server, browser: Browser) -> None:
    compare(page, app, "thinks", "guesses")
    expect_over(page, 2)
    page.get_by_role("button", name="Send to the rating queue").click()
    expect(page.locator(".sending .sent")).to_be_visible()
    with browser.new_context() as context:
        other = context.new_page()
        other.add_init_script("localStorage.setItem('lanewise.evaluator', 'Grace')")
        other.goto(f"{app.url}/rate")
        expect_over(other, 2)
        other.locator(".rating").get_by_role("button", name="A better").first.click()
        expect(other.locator(".rating .ask")).to_have_text("And the reasoning?")
        expect(other.locator(".onward button")).to_be_enabled()
        press(other, "Enter")
        expect(other.locator(".queue .empty")).to_be_visible()
    grace = rated(page, app, 1)
    assert some(grace, "evaluator", "blind", "traces") == ["Grace", True, {"ranking": [], "marks": {}}]


def test_the_sheet_of_keys_rates_nothing_and_gives_the_keyboard_back(page: Page, app: Server) -> None:
    compare(page, app, "plain", "plain")
    expect_over(page, 2)
    page.get_by_role("button", name="Keys").focus()
    press(page, "?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_contain_text("Backspace")
    press(page, "1", "t", "b", "Escape")
    expect(sheet).to_be_hidden()
    expect(page.get_by_role("button", name="Keys")).to_be_focused()
    press(page, "2")
    assert rated(page, app, 1)["ranking"] == [[1], [0]]

    page.goto(f"{app.url}/rate")
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Rating queue")
