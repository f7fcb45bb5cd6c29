"""The JSON that the viewer of Google PAIR's LLM Comparator opens: an example for each two answers that somebody judged.

The viewer has two models. Where more lanes meet, or ever different ones, each example says which two it has.
"""

import base64
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from backends.prompt import AssistantTurn, Image, Prompt, ToolTurn, UserTurn
from storage.exports import factors, messages, verdicts
from storage.exports.items import Item, Scope
from storage.exports.verdicts import Lane, Verdict
from storage.exports.view import Field, Left, View
from storage.images import ImageStore

STRENGTHS = {1: 0.5, 2: 1.0, 3: 1.5, None: 1.0}
"""How far from 0, the tie, a verdict lies on the viewer's scale."""

_LANE = ("backend", "kind", "model", "artifact", "effort")
_FIGURES = ("temperature", "max_tokens", "prompt_tokens", "completion_tokens", "reasoning_tokens")
_SCHEMA = [
    {"name": "comparison_id", "type": "string"},
    {"name": "blind", "type": "category"},
    {"name": "lane", "type": "per_model_category"},
    *({"name": name, "type": "per_model_category"} for name in _LANE),
    *({"name": name, "type": "per_model_number"} for name in _FIGURES),
    {"name": "evaluator", "type": "per_rating_string"},
]
_THOUGHTS = {"name": "reasoning", "type": "per_model_text"}


def write(batches: Iterable[list[Item]], scope: Scope, files: ImageStore | None, left: Left) -> Iterator[bytes]:
    schema = [*_SCHEMA, *([_THOUGHTS] if scope.reasoning else [])]
    metadata = {"source_path": "Lanewise", "custom_fields_schema": schema}
    yield b'{"metadata":' + orjson.dumps(metadata) + b',"examples":['
    named: tuple[set[str], set[str]] = (set(), set())
    between, flipped = b"\n", None
    for judged in _judged(batches, scope, left):
        if flipped is None:
            # the viewer takes ratings that are all 1 or more for another scale: the first is never one for A
            flipped = _score(judged[0], judged[0].a) > 0
        example, labels = _example(judged, flipped, scope, files)
        for names, label in zip(named, labels, strict=True):
            names.add(label)
        yield between + orjson.dumps(example)
        between = b",\n"
        left.written["examples"] += 1
    models = [{"name": _model(side, names)} for side, names in zip("AB", named, strict=True)]
    yield b'\n],"models":' + orjson.dumps(models) + b"}\n"


def _judged(batches: Iterable[list[Item]], scope: Scope, left: Left) -> Iterator[list[Verdict]]:
    """All verdicts on two answers together; a comparison's come one after another."""
    together: defaultdict[tuple[str, str], list[Verdict]] = defaultdict(list)
    comparison = ""
    for verdict in verdicts.verdicts(batches, scope, left):
        if verdict.item.row.id != comparison:
            yield from together.values()
            together.clear()
            comparison = verdict.item.row.id
        together[verdict.a.id, verdict.b.id].append(verdict)
    yield from together.values()


def _example(
    judged: list[Verdict], flipped: bool, scope: Scope, files: ImageStore | None
) -> tuple[dict[str, Any], tuple[str, str]]:
    item, _, a, b, _ = judged[0]
    # the same two lanes always the same way round
    sides = (a, b) if (factors.label(a) <= factors.label(b)) != flipped else (b, a)
    ratings = [_rating(verdict, sides) for verdict in judged]
    labels = factors.label(sides[0]), factors.label(sides[1])
    tags = dict.fromkeys(tag for verdict in judged for tag in verdict.rating.tags)
    example = {
        "input_text": _asked(messages.prompt(item, sides[0].prompt_id), files),
        "tags": list(tags),
        "output_text_a": _said(sides[0]),
        "output_text_b": _said(sides[1]),
        "score": sum(each["score"] for each in ratings) / len(ratings),
        "individual_rater_scores": ratings,
        "rationale_list": [],
        "custom_fields": {
            "comparison_id": item.row.id,
            "blind": "yes" if all(verdict.rating.blind for verdict in judged) else "no",
            "lane": labels,
            **{name: [getattr(lane, name) for lane in sides] for name in (*_LANE, *_FIGURES)},
            **({"reasoning": [lane.reasoning for lane in sides]} if scope.reasoning else {}),
        },
    }
    return example, labels


def _rating(verdict: Verdict, sides: tuple[Lane, Lane]) -> dict[str, Any]:
    order = next((each.order for each in verdict.item.showings if each.id == verdict.rating.showing_id), None)
    a, b = (lane.position for lane in sides)
    winner = "tie" if verdict.winner == "tie" else "both bad" if verdict.winner == "both_bad" else ""
    score = _score(verdict, sides[0])
    return {
        "score": score,
        "rating_label": winner or ("A" if score > 0 else "B"),
        "is_flipped": order is not None and order.index(a) > order.index(b),
        "rationale": verdict.rating.comment,
        "custom_fields": {"evaluator": verdict.rating.evaluator},
    }


def _score(verdict: Verdict, a: Lane) -> float:
    """Above 0 where lane `a` is better."""
    match verdict.winner:
        case "model_a":
            better = verdict.a
        case "model_b":
            better = verdict.b
        case _:
            return 0.0
    return STRENGTHS[verdict.rating.strength] * (1 if better.position == a.position else -1)


def _model(side: str, labels: set[str]) -> str:
    return labels.pop() if len(labels) == 1 else f"{side}: one of {len(labels)} lanes"


def _said(lane: Lane) -> str:
    calls = (f"{call.name}({call.arguments})" for call in messages.calls(lane))
    return "\n\n".join([*([lane.text] if lane.text else []), *calls])


def _asked(prompt: Prompt, files: ImageStore | None) -> str | list[dict[str, str]]:
    """Text; with images whose bytes are here, parts."""
    parts: list[dict[str, str]] = []
    told = [f"[system]\n{prompt.system}"] if prompt.system else []
    alone = not told and len(prompt.turns) == 1
    for turn in prompt.turns:
        match turn:
            case UserTurn(text, images):
                told.append(text if alone else f"[user]\n{text}")
                for image in images:
                    if data := _data(image, files):
                        parts += [_text(told), {"type": "image_byte", "data": data}]
                        told = []
            case AssistantTurn(text, _, calls):
                called = (f"{call.name}({call.arguments})" for call in calls)
                told.append("\n".join(["[assistant]", *filter(None, [text, *called])]))
            case ToolTurn(_, name, content):
                told.append(f"[tool {name}]\n{content}")
    return [*parts, _text(told)] if parts else "\n\n".join(told)


def _text(told: list[str]) -> dict[str, str]:
    return {"type": "text", "data": "\n\n".join(told)}


def _data(image: Image, files: ImageStore | None) -> str:
    try:
        return base64.b64encode(files.read(image.sha256)).decode() if files else ""
    except KeyError:
        return ""


VIEW = View(
    name="llm-comparator",
    suffix=".json",
    media_type="application/json",
    about="A file that the viewer of Google PAIR's LLM Comparator opens.",
    fields=(
        Field("metadata", "object", "what is in `custom_fields`"),
        Field("models", "list of objects", "the names of A and B; where lanes vary, `lane` of each example has them"),
        Field("examples", "list of objects", "one for each two answers that somebody judged"),
        Field("examples[].input_text", "string", "what was asked, with earlier turns; with images, a list of parts"),
        Field("examples[].tags", "list of strings", "words chosen by the evaluators"),
        Field("examples[].output_text_a", "string", "the answer of A"),
        Field("examples[].output_text_b", "string", "the answer of B"),
        Field("examples[].score", "number", "the mean of its ratings: from 1.5, A is much better, to -1.5"),
        Field(
            "examples[].individual_rater_scores",
            "list of objects",
            "one for each evaluator: `score`, `rating_label`, "
            "`is_flipped` (B stood left of A), `rationale` (the comment), and who it was",
        ),
        Field(
            "examples[].custom_fields",
            "object",
            "the comparison, whether all ratings were blind, and by side the lane, its settings, tokens and reasoning",
        ),
    ),
    policy=(
        verdicts.JUDGED,
        verdicts.ENDED,
        "Scores: 0.5 slightly, 1 clearly, 1.5 much better, 1 if nobody said how much; 0 for a tie and for `both_bad`.",
    ),
    write=write,
    options=("demo", "reasoning", "names", "images"),
)
