"""Which effort is suggested for what is asked."""

import pytest

from backends.prompt import AssistantTurn, Image, Prompt, Tool, UserTurn
from backends.routing import LONG, suggest

PICTURE = Image("0" * 64, "image/png", 640, 480, b"")


def asking(text: str, *images: Image) -> Prompt:
    return Prompt("You are a helpful assistant.", (UserTurn(text, images),))


@pytest.mark.parametrize(
    ("text", "effort", "reason"),
    [
        ("Complete this function:\n\ndef mean(numbers):", "none", "completion"),
        ("Please refactor this so that it needs no loop: ...", "none", "refactoring"),
        ("Could you summarise this in two sentences? ...", "none", "summary"),
        ("Summarize why the build failed", "none", "summary"),
        ("Translate to French: Good morning", "none", "routine work"),
        ("What is the capital of Norway?", "none", "routine question"),
        ("How many days has February?", "none", "routine question"),
        ("Why does this test fail only on Mondays?", "high", "bug"),
        ("Find the bug in this loop: ...", "high", "bug"),
        ("Traceback (most recent call last): ... KeyError: 'id'", "high", "bug"),
        ("It hangs. What is the root cause?", "high", "bug"),
        ("Plan the move of this service from REST to gRPC", "high", "planning"),
        ("Design a schema for bookings", "high", "planning"),
        ("Does this code meet the spec? ...", "high", "specification"),
        ("", "none", "routine question"),
    ],
)
def test_an_effort_goes_with_the_type_of_request(text: str, effort: str, reason: str) -> None:
    found = suggest(asking(text))
    assert found.effort == effort
    assert reason in found.reason


def test_a_picture_or_a_long_text_asks_for_thought_whatever_its_words() -> None:
    assert suggest(asking("Summarize this.", PICTURE)).reason == "a picture to be read"
    assert suggest(asking("Summarize this: " + "a " * LONG)).reason == "a long text"
    assert suggest(asking("a" * LONG)).effort == "none"


def test_an_earlier_picture_has_been_read() -> None:
    turns = (UserTurn("What is this?", (PICTURE,)), AssistantTurn("A form."), UserTurn("Thank you. What colour?"))
    assert suggest(Prompt("", turns)).effort == "none"


def test_tools_alone_make_it_a_step_of_many() -> None:
    tool = Tool("get_weather")
    weather = Prompt("", (UserTurn("What is the weather in Paris?"),), (tool,))
    assert suggest(weather).reason == "one of an agent's many steps"
    assert suggest(Prompt("", (UserTurn("Why is the build failing?"),), (tool,))).effort == "high"


def test_words_count_only_as_whole_words() -> None:
    assert suggest(asking("Where do airplanes land in Debugville?")).effort == "none"
