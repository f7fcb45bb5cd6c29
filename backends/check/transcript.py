"""A question and its answer as text that is kept and shown: bounded, and without image bytes or keys."""

from collections.abc import Iterator

from backends.answer import Answer
from backends.check.probe import Heard
from backends.check.result import Exchange

MOST = 4_000  # characters


def exchange(heard: Heard) -> Exchange:
    return Exchange(_cut(heard.answer.request), _cut("\n".join(_came(heard.answer))))


def _came(answer: Answer) -> Iterator[str]:
    for each in answer.rounds:
        if each.reasoning:
            yield f"reasoning: {each.reasoning}"
        if each.text:
            yield f"text: {each.text}"
        for call in each.calls:
            yield f"call {call.id}: {call.name} {call.arguments}"
        if each.finish_reason:
            yield f"finish: {each.finish_reason}"
        counts = {name: getattr(each.usage, name) for name in ("prompt", "completion", "reasoning", "cached", "image")}
        if told := ", ".join(f"{count} {name}" for name, count in counts.items() if count is not None):
            yield f"tokens: {told}"
    if answer.model:
        yield f"model: {answer.model}"
    if answer.failure:
        yield f"{answer.failure.kind}: {answer.failure.message}"


def _cut(text: str) -> str:
    return text if len(text) <= MOST else f"{text[:MOST]}… ({len(text):,} characters in all)"
