"""Preference pairs as OpenAI's preference fine-tuning takes them: text, one assistant message each, nothing else."""

from collections.abc import Iterable, Iterator
from typing import Any

from backends.prompt import Prompt
from storage.exports import dpo, messages, verdicts
from storage.exports.items import Item, Scope
from storage.exports.messages import Shape
from storage.exports.view import Field, Left, View
from storage.images import ImageStore

_SHAPE = Shape(objects=False, thoughts=False, named=False)


def write(batches: Iterable[list[Item]], scope: Scope, _: ImageStore | None, left: Left) -> Iterator[bytes]:
    for each in verdicts.preferences(batches, scope, left):
        if each.item.images[each.chosen.prompt_id]:
            left.out["pair: with images"] += 1
        elif each.chosen.rounds > 1 or each.rejected.rounds > 1:
            left.out["pair: an answer of several rounds of tool calls"] += 1
        elif told := dpo.pair(each, _SHAPE, left):
            yield dpo.line(_row(told, messages.prompt(each.item, each.chosen.prompt_id)))
            left.written["pairs"] += 1


def _row(told: dict[str, Any], asked: Prompt) -> dict[str, Any]:
    return {
        "input": {"messages": told["prompt"], "tools": messages.tools(asked.tools), "parallel_tool_calls": True},
        "preferred_output": told["chosen"],
        "non_preferred_output": told["rejected"],
    }


VIEW = View(
    name="openai_dpo",
    suffix=".jsonl",
    media_type="application/jsonl",
    about="Preference pairs of text for OpenAI's preference fine-tuning, and others that take its format.",
    fields=(
        Field("input", "object", "what was asked"),
        Field("input.messages", "list of messages", "the system text where there is one, then the turns"),
        Field("input.tools", "list of objects", "the functions that could be called"),
        Field("input.parallel_tool_calls", "boolean", "always true"),
        Field("preferred_output", "list of messages", "one assistant's message; tool arguments are JSON text"),
        Field("non_preferred_output", "list of messages", "one assistant's message, worse"),
    ),
    policy=(
        *dpo.PAIRS,
        "Of text only, without reasoning, and of answers that are one message. The format has no room for more: who "
        "judged which lanes is in `dpo`.",
    ),
    write=write,
    lines=True,
    options=("demo",),
)
