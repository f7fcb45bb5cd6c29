"""What is asked: system text, turns, images, tools. Plain values that know no wire format."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
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
class Canned:
    """What calls of the tool `name` are answered: those with equal `arguments`, or all of them where it is None."""

    name: str
    content: str
    arguments: dict[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Toolbox:
    """How tool calls get their results, the same for all lanes: canned, from the built-in tools, typed in by hand; in
    this order. A lane asks again at most `rounds` times; at the first call that gets no result it ends."""

    rounds: int = 0
    canned: tuple[Canned, ...] = ()
    built_in: bool = False
    by_hand: bool = False


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
    """One question: the turns so far, ending with what is asked now.

    `tool_choice` is `auto`, `none`, `required` or the name of the tool to call; "" leaves it to the server.
    """

    system: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""
    toolbox: Toolbox = Toolbox()


def follow_up(prompt: Prompt, reply: Sequence[Turn], text: str, images: tuple[Image, ...] = ()) -> Prompt:
    """The next prompt of one lane: its own history with its `reply`, then `text`.

    The transcript stays one that every chat template accepts: user and assistant alternate, and an open tool call is
    answered before anything else is said. So `text` becomes the result of the reply's open calls when there are any,
    and joins the previous turn when the reply ends empty (a lane that failed or was stopped before it said anything).
    """
    turns = [*prompt.turns, *reply]
    if waiting := _waiting(reply):
        if images:
            raise ValueError(RESULT_IS_TEXT)
        turns += [ToolTurn(call.id, call.name, text) for call in waiting]
        return replace(prompt, turns=tuple(turns))
    if turns[-1] == AssistantTurn(""):
        turns.pop()
    match turns[-1]:
        case AssistantTurn():
            turns.append(UserTurn(text, images))
        case UserTurn(earlier, pictures):
            turns[-1] = UserTurn(f"{earlier}\n\n{text}", pictures + images)
        case ToolTurn(call_id, name, result):
            if images:
                raise ValueError(RESULT_IS_TEXT)
            turns[-1] = ToolTurn(call_id, name, f"{result}\n\n{text}")
    return replace(prompt, turns=tuple(turns))


def _waiting(reply: Iterable[Turn]) -> list[ToolCall]:
    """The calls that got no result: only the last round has any, and servers may use an earlier id again."""
    waiting: list[ToolCall] = []
    for turn in reply:
        match turn:
            case AssistantTurn(calls=calls):
                waiting = list(calls)
            case ToolTurn(call_id):
                waiting = [call for call in waiting if call.id != call_id]
    return waiting


def told(prompt: Prompt) -> Iterator[str]:
    """What people and tools said: all that a server gets as text but the model's own words."""
    yield prompt.system
    yield from (f"{tool.name} {tool.description} {tool.parameters}" for tool in prompt.tools)
    for turn in prompt.turns:
        match turn:
            case UserTurn(text) | ToolTurn(content=text):
                yield text


def images_of(turns: Iterable[Turn]) -> tuple[Image, ...]:
    return tuple(image for turn in turns if isinstance(turn, UserTurn) for image in turn.images)
