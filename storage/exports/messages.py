"""Prompts and answers as chat messages, as trainers read them: plain dicts, with no key that says nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import orjson
from sqlalchemy import Row

from backends.answer import Answer, Round, fold
from backends.arguments import parsed
from backends.prompt import AssistantTurn, Image, Prompt, Tool, ToolCall, ToolTurn, Turn, UserTurn, images_of
from backends.recording import load
from storage.exports.items import Item
from storage.prompts import restore

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """How messages are written: content in `parts` or as plain text; tool arguments as `objects` or as JSON text.

    `thoughts`: reasoning goes along, as `reasoning_content`. `named`: tools' results say whose they are.
    """

    parts: bool = False
    objects: bool = True
    thoughts: bool = True
    named: bool = True


def asked(prompt: Prompt, shape: Shape, system: str = "") -> list[Message]:
    """The prompt, with `system` after its own system text. An empty one is no message."""
    told = "\n\n".join(part for part in (prompt.system, system) if part)
    first: list[Message] = [{"role": "system", "content": _content(told, shape)}] if told else []
    return first + said(prompt.turns, shape)


def images(prompt: Prompt) -> list[str]:
    """The hashes of its images, in its order."""
    return [image.sha256 for image in images_of(prompt.turns)]


def said(turns: Sequence[Turn], shape: Shape) -> list[Message]:
    return [_message(turn, shape) for turn in turns]


def tools(given: Sequence[Tool]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in given
    ]


def prompt(item: Item, prompt_id: str) -> Prompt:
    """A prompt of the item, its images without their bytes."""
    images = {row.sha256: Image(row.sha256, row.mime, row.width, row.height, b"") for row in item.images[prompt_id]}
    return restore(orjson.loads(item.bodies[prompt_id]), images)


def answer(item: Item, lane: Row[Any]) -> tuple[Turn, ...]:
    """What the lane said, as turns that end with its own words; of several rounds, as its recording has them."""
    if lane.rounds > 1:
        turns = list(fold(load(item.recordings[lane.id])).turns)
    else:
        only = Round(reasoning=lane.reasoning, text=lane.text, calls=calls(lane))
        turns = list(Answer(rounds=(only,)).turns)
    while turns and isinstance(turns[-1], ToolTurn):  # results for some of the last calls only: nobody went on
        turns.pop()
    return tuple(turns)


def calls(lane: Row[Any]) -> tuple[ToolCall, ...]:
    """All tool calls of an answer, as the model made them."""
    return tuple(ToolCall(**call) for call in orjson.loads(lane.calls))


def _message(turn: Turn, shape: Shape) -> Message:
    match turn:
        case UserTurn(text, images):
            return {"role": "user", "content": _content(text, shape, len(images))}
        case AssistantTurn(text, reasoning, calls):
            message: Message = {"role": "assistant", "content": _content(text, shape)}
            if reasoning and shape.thoughts:
                message["reasoning_content"] = reasoning
            if calls:
                message["tool_calls"] = [_call(call, shape) for call in calls]
            return message
        case ToolTurn(call_id, name, content):
            result: Message = {"role": "tool", "tool_call_id": call_id}
            return result | ({"name": name} if shape.named else {}) | {"content": _content(content, shape)}
        case _:
            assert_never(turn)


def _content(text: str, shape: Shape, images: int = 0) -> str | list[Message]:
    """Images come before their text, as they were sent."""
    if not shape.parts:
        return text
    words = [{"type": "text", "text": text}] if text or not images else []
    return [*({"type": "image"} for _ in range(images)), *words]


def _call(call: ToolCall, shape: Shape) -> Message:
    arguments = parsed(call) or {}  # broken ones of earlier turns were sent as {} too
    written = arguments if shape.objects else call.arguments if arguments else "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": written}}
