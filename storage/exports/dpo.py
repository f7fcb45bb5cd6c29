"""Preference pairs of text for TRL: a prompt, and the better and the worse of two answers to it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from backends.prompt import Prompt
from storage.exports import factors, messages, verdicts
from storage.exports.items import Item, Scope
from storage.exports.messages import Shape
from storage.exports.verdicts import Preference
from storage.exports.view import Field, Left, View
from storage.images import ImageStore


def write(batches: Iterable[list[Item]], scope: Scope, _: ImageStore | None, left: Left) -> Iterator[bytes]:
    for each in verdicts.preferences(batches, scope, left):
        if each.item.images[each.chosen.prompt_id]:
            left.out["pair: with images, so in `dpo_vision` only"] += 1
        elif told := pair(each, Shape(thoughts=scope.reasoning), left):
            yield line(told | about(each))
            left.written["pairs"] += 1


def pair(preference: Preference, shape: Shape, left: Left, system: str = "") -> dict[str, Any]:
    """`prompt`, `chosen`, `rejected` and `tools`; {} where there is nothing to prefer."""
    item, _, chosen, rejected = preference
    asked = messages.prompt(item, chosen.prompt_id)
    better, worse = (messages.said(messages.answer(item, lane), shape) for lane in (chosen, rejected))
    if better == worse:
        left.out["pair: twice the same answer"] += 1
        return {}
    went_back = replace(shape, thoughts=shape.thoughts and chosen.replays and rejected.replays)
    return {
        "prompt": messages.asked(asked, went_back, system),
        "chosen": better,
        "rejected": worse,
        "tools": tools(asked),
    }


def tools(asked: Prompt) -> str | None:
    """As JSON text: as columns, the schemas of all rows would become one, with null for what each one lacks."""
    return orjson.dumps(messages.tools(asked.tools)).decode() if asked.tools else None


def about(preference: Preference) -> dict[str, Any]:
    item, rating, chosen, rejected = preference
    return (
        factors.judgement(item, rating)
        | {"tool_choice": orjson.loads(item.bodies[chosen.prompt_id]).get("tool_choice", "")}
        | factors.lane(item, rating, chosen, "chosen_{}")
        | factors.lane(item, rating, rejected, "rejected_{}")
    )


def line(row: dict[str, Any]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)


PROMPT = Field("prompt", "list of messages", "what was asked: the system text where there is one, then the turns")
TOOLS = Field("tools", "string", "the functions that could be called, as a JSON list of schemas; null: none")
ABOUT = (
    *factors.JUDGEMENT,
    Field("tool_choice", "string", "`auto`, `none`, `required` or a tool's name, as it was asked; empty: unset"),
    *factors.named("chosen_{}"),
    *factors.named("rejected_{}"),
)

PAIRS = (
    verdicts.JUDGED,
    verdicts.APART,
    verdicts.WHOLE,
    "Both answers are to the same prompt: lanes with histories of their own make no pair. Nor do equal answers.",
)
POLICY = (
    *PAIRS,
    "Pairs with images are in `dpo_vision` only, those without in `dpo` only.",
    "Rows that differ only in the evaluator stay rows of their own.",
)

VIEW = View(
    name="dpo",
    suffix=".jsonl",
    media_type="application/jsonl",
    about="Preference pairs of text for TRL's DPO and reward trainers.",
    fields=(
        PROMPT,
        Field("chosen", "list of messages", "the better answer; with `reasoning_content` unless left out"),
        Field("rejected", "list of messages", "the worse one"),
        TOOLS,
        *ABOUT,
    ),
    policy=POLICY,
    write=write,
    rounds=True,
    lines=True,
)
