"""What is asked: system text, turns, images, tools. Plain values that know no wire format."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

RESULT_IS_TEXT = "a tool's result is text: send the images with the next turn"


@dataclass(frozen=True, slots=True)
class Image:
    """A picture, already re-encoded. Two images are equal when their hashes are."""

    sha256: str
    mime: str
    width: int
    height: int
    data: bytes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call; `parameters` is a JSON schema of type object."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}}, hash=False)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as the model made it; `arguments` is its JSON text, untouched, and may be incomplete or invalid."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class UserTurn:
    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    text: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolTurn:
    """The result of one call, as plain text."""

    call_id: str
    name: str
    content: str


Turn = UserTurn | AssistantTurn | ToolTurn


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question: the turns so far, ending with what is asked now."""

    system: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()


def follow_up(prompt: Prompt, reply: AssistantTurn, text: str, images: tuple[Image, ...] = ()) -> Prompt:
    """The next prompt of one lane: its own history, then `text`.

    The transcript stays one that every chat template accepts: user and assistant alternate, and an open tool call is
    answered before anything else is said. So `text` becomes the result of the reply's calls when it made any, and joins
    the previous turn when the reply is empty (a lane that failed or was stopped before it said anything).
    """
    turns = list(prompt.turns)
    if reply.calls:
        turns.append(reply)
        turns += [ToolTurn(call.id, call.name, text) for call in reply.calls]
        if images:
            raise ValueError(RESULT_IS_TEXT)
    elif reply.text:
        turns += [reply, UserTurn(text, images)]
    else:
        match turns[-1]:
            case UserTurn(earlier, pictures):
                turns[-1] = UserTurn(f"{earlier}\n\n{text}", pictures + images)
            case ToolTurn(call_id, name, result):
                if images:
                    raise ValueError(RESULT_IS_TEXT)
                turns[-1] = ToolTurn(call_id, name, f"{result}\n\n{text}")
            case AssistantTurn():
                raise ValueError("this prompt ends with an answer, not with a question")
    return Prompt(prompt.system, tuple(turns), prompt.tools)


def images_of(turns: Iterable[Turn]) -> tuple[Image, ...]:
    return tuple(image for turn in turns if isinstance(turn, UserTurn) for image in turn.images)
