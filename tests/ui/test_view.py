from typing import Any

from backends.prompt import Canned, Prompt, Tool, Toolbox, UserTurn
from storage import prompts
from storage.comparison import AskedLane, Question, Rating
from tests.storage.made import BEGAN, ONE, TOOL, TWO
from ui import view


def test_a_question_names_its_tools() -> None:
    prompt = Prompt("Be brief.", (UserTurn("Now?"),), (TOOL, Tool("clock")))
    lanes = tuple(AskedLane(lane, "", prompt) for lane in (ONE, TWO))
    shown = view.question(Question("run", prompt, {}, (), lanes, ()))
    assert shown["about"] == "system prompt · 2 tools: weather, clock"
    assert '"description": "Looks outside"' in shown["more"]


def test_a_question_says_how_its_tools_were_offered_and_answered() -> None:
    box = Toolbox(2, (Canned("weather", "Rain."),))
    prompt = Prompt("", (UserTurn("Now?"),), (TOOL,), "required", box)
    lanes = tuple(AskedLane(lane, "", prompt) for lane in (ONE, TWO))
    shown = view.question(Question("run", prompt, {}, (), lanes, ()))
    assert shown["about"] == "1 tool: weather · tool choice required · calls answered, in up to 2 rounds"
    assert '"content": "Rain."' in shown["more"]


def test_a_title_that_was_cut_ends_with_a_whole_word_and_says_so() -> None:
    cut, whole = (prompts.title(Prompt("", (UserTurn(text),))) for text in ("word " * 40, "word " * 20))
    assert view.heading(cut).endswith("word word…")
    assert view.heading(whole) == whole


def test_verdicts_are_few_words() -> None:
    def verdict(*ranking: tuple[int, ...], **rest: Any) -> str:
        return view.verdict(Rating(ranking, **rest, id="", evaluator="Ada", created_at=BEGAN))

    assert verdict((1,), (0, 2)) == "B > A = C"
    assert verdict((0, 1)) == "tie"
    assert verdict((0, 1), all_bad=True) == "both bad"
    assert verdict((1,), (0,), strength=2) == "B > A, clearly"
    assert verdict(skipped="no image") == "skipped: no image"
