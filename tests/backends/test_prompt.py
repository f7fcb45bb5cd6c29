"""Follow-up turns keep a transcript that every chat template accepts."""

import pytest

from backends.answer import Answer, Round
from backends.prompt import AssistantTurn, Prompt, ToolCall, ToolTurn, UserTurn, follow_up, images_of
from tests.backends.conftest import picture

ASKED = Prompt("s", (UserTurn("First?", (picture(1),)),))
CALLS = (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}"))


def test_a_reply_is_followed_by_the_next_question() -> None:
    reply = AssistantTurn("Yes.", "hm")
    asked = follow_up(ASKED, (reply,), "Sure?", (picture(2),))
    assert asked.turns == (*ASKED.turns, reply, UserTurn("Sure?", (picture(2),)))
    assert images_of(asked.turns) == (picture(1), picture(2))


def test_after_tool_calls_the_text_is_every_calls_result() -> None:
    reply = AssistantTurn("", "hm", CALLS)
    turns = follow_up(ASKED, (reply,), "4.2").turns
    assert turns[1:] == (reply, ToolTurn("a", "f", "4.2"), ToolTurn("b", "g", "4.2"))
    with pytest.raises(ValueError, match="send the images with the next turn"):
        follow_up(ASKED, (reply,), "4.2", (picture(2),))


def test_after_an_empty_reply_the_text_joins_the_question_before() -> None:
    reply = Answer(rounds=(Round(reasoning="stopped while thinking"),)).turns
    assert follow_up(ASKED, reply, "Again.").turns == (UserTurn("First?\n\nAgain.", (picture(1),)),)


def test_after_an_empty_reply_to_a_tools_result_the_text_joins_the_last_result() -> None:
    asked = follow_up(ASKED, (AssistantTurn("", "", CALLS),), "4.2")
    turns = follow_up(asked, (AssistantTurn(""),), "And?").turns
    assert turns == (*asked.turns[:-1], ToolTurn("b", "g", "4.2\n\nAnd?"))
    with pytest.raises(ValueError, match="send the images with the next turn"):
        follow_up(asked, (AssistantTurn(""),), "And?", (picture(2),))
