"""Prompts as JSON bodies. Images are named by hash, so that a body stays text; equal prompts have equal ids."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any, assert_never

from backends.prompt import (
    AssistantTurn,
    Canned,
    Image,
    Prompt,
    Tool,
    Toolbox,
    ToolCall,
    ToolTurn,
    Turn,
    UserTurn,
)

TITLE = 120


def body(prompt: Prompt) -> dict[str, Any]:
    written: dict[str, Any] = {
        "system": prompt.system,
        "turns": [_turn(turn) for turn in prompt.turns],
        "tools": [asdict(tool) for tool in prompt.tools],
    }
    # only where they are set: a prompt without them stays the prompt that it was
    if prompt.tool_choice:
        written["tool_choice"] = prompt.tool_choice
    if prompt.toolbox != Toolbox():
        written["toolbox"] = asdict(prompt.toolbox)
    return written


def prompt_id(body: dict[str, Any]) -> str:
    # keys are not sorted: their order in a tool's schema is part of what a model reads
    return sha256(json.dumps(body, separators=(",", ":")).encode()).hexdigest()


def restore(body: dict[str, Any], images: Mapping[str, Image]) -> Prompt:
    turns = tuple(_restored(turn, images) for turn in body["turns"])
    box = dict(body.get("toolbox", {}))
    canned = tuple(Canned(**each) for each in box.pop("canned", ()))
    return Prompt(
        body["system"],
        turns,
        tuple(Tool(**tool) for tool in body["tools"]),
        body.get("tool_choice", ""),
        Toolbox(canned=canned, **box),
    )


def asked(prompt: Prompt) -> UserTurn:
    """What a comparison asks now: always a user's turn, whatever a lane's own prompt makes of it."""
    turn = prompt.turns[-1]
    if not isinstance(turn, UserTurn):
        raise TypeError(f"a comparison asks with a user's turn, not {turn!r}")
    return turn


def title(prompt: Prompt) -> str:
    """What a list shows: the beginning of what is asked, on one line."""
    return " ".join(asked(prompt).text[: 10 * TITLE].split())[:TITLE]


def _turn(turn: Turn) -> dict[str, Any]:
    match turn:
        case UserTurn(text, images):
            return {"role": "user", "text": text, "images": [image.sha256 for image in images]}
        case AssistantTurn(text, reasoning, calls):
            called = [asdict(call) for call in calls]
            return {"role": "assistant", "text": text, "reasoning": reasoning, "calls": called}
        case ToolTurn(call_id, name, content):
            return {"role": "tool", "call_id": call_id, "name": name, "content": content}
        case _:
            assert_never(turn)


def _restored(turn: dict[str, Any], images: Mapping[str, Image]) -> Turn:
    match turn:
        case {"role": "user", "text": text, "images": hashes}:
            return UserTurn(text, tuple(images[name] for name in hashes))
        case {"role": "assistant", "text": text, "reasoning": reasoning, "calls": calls}:
            return AssistantTurn(text, reasoning, tuple(ToolCall(**call) for call in calls))
        case {"role": "tool", "call_id": call_id, "name": name, "content": content}:
            return ToolTurn(call_id, name, content)
        case _:
            raise ValueError(f"not a turn: {turn!r}")
