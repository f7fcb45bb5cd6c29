"""Fixtures of the backend tests: small values, no doubles."""

import pytest

from backends.prompt import AssistantTurn, Image, Prompt, Tool, ToolCall, ToolTurn, UserTurn

SQUARE = Tool("measure", "Measure an edge", {"type": "object", "properties": {"edge": {"type": "string"}}})


def picture(number: int) -> Image:
    return Image(f"{number:064x}", "image/png", 2, 2, b"\x89PNG" + bytes([number]))


@pytest.fixture
def prompt() -> Prompt:
    return Prompt("Be brief.", (UserTurn("What is drawn here?"),))


@pytest.fixture
def long_prompt() -> Prompt:
    """Everything at once: reasoning, two calls with foreign ids, their results, images and tools."""
    calls = (ToolCall("call_0f3c", "measure", '{"edge":"AB"}'), ToolCall("k3Jd9QpZa", "measure", '{"edge":"BC"}'))
    return Prompt(
        "",
        (
            UserTurn("Measure it.", (picture(1), picture(2))),
            AssistantTurn("", "I need both edges.", calls),
            ToolTurn("call_0f3c", "measure", "4.2"),
            ToolTurn("k3Jd9QpZa", "measure", "4.3"),
            AssistantTurn("Nearly a square.", "4.2 is close to 4.3."),
            UserTurn("Sure?"),
        ),
        (SQUARE,),
    )
