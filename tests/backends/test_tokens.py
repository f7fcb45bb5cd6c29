"""Estimates of a prompt's size: near what servers count, and never far below it."""

from dataclasses import replace

import pytest

from backends.prompt import AssistantTurn, Image, Prompt, ToolCall, UserTurn
from backends.tokens import image_tokens, prompt_tokens
from tests.backends.conftest import SQUARE


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((224, 224), 72), ((1024, 768), 1064), ((1540, 1540), 3080), ((4000, 3000), 2352), ((1, 1), 2), ((9000, 3), 56)],
)
def test_an_images_tokens_follow_the_models_formula(size: tuple[int, int], tokens: int) -> None:
    assert image_tokens(*size) == tokens


@pytest.mark.parametrize(("model", "least", "most"), [("mistral-small-2603", 900, 1100), ("other", 900, 1600)])
def test_words_are_about_a_token_each(model: str, least: int, most: int) -> None:
    prompt = Prompt("", (UserTurn("house " * 1000),))
    assert least <= prompt_tokens(prompt, model) <= most


def test_text_without_spaces_is_not_taken_for_short() -> None:
    prompt = Prompt("", (UserTurn("虹はどのようにしてできますか。" * 50),))
    exact = prompt_tokens(prompt, "mistral-small-2603")
    assert 0.7 < prompt_tokens(prompt, "other") / exact < 1.5


def test_everything_that_is_sent_counts(prompt: Prompt) -> None:
    plain = prompt_tokens(prompt)
    image = Image("0" * 64, "image/png", 1024, 768, b"")
    assert prompt_tokens(replace(prompt, turns=(UserTurn("What is drawn here?", (image,)),))) == plain + 1064
    assert prompt_tokens(replace(prompt, tools=(SQUARE,))) > plain
    turn = AssistantTurn("Yes.", "Let me see. " * 20, (ToolCall("a", "measure", '{"edge":"AB"}'),))
    assert prompt_tokens(replace(prompt, turns=(*prompt.turns, turn))) > plain + 60
