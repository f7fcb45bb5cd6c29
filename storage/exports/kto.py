"""Answers that somebody called good or bad for TRL's KTO trainer: of absolute judgements only.

A ranking is none: the better of two may be bad, and the worse one good. Absolute are `all_bad`, which says of every
answer that it is bad, and scores by the rubric: above the middle of a dimension's scale is good, below it is bad, and
the middle itself says nothing. All that one evaluator says of an answer has to agree.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from storage.comparison import Rating
from storage.exports import dpo, factors, messages, verdicts
from storage.exports.items import Item, Scope
from storage.exports.messages import Shape
from storage.exports.verdicts import Lane
from storage.exports.view import Field, Left, View
from storage.images import ImageStore
from storage.rubric import Rubric


def write(batches: Iterable[list[Item]], scope: Scope, _: ImageStore | None, left: Left) -> Iterator[bytes]:
    for item, rating in verdicts.judged(batches, scope, left):
        for lane in item.lanes:
            said = opinions(rating, lane.position, scope.rubric)
            if why := _unusable(item, lane, said):
                left.out[f"answer: {why}"] += 1
                continue
            (label,) = said
            yield dpo.line(_row(item, rating, lane, label, scope))
            left.written["good answers" if label else "bad answers"] += 1


def opinions(rating: Rating, position: int, rubric: Rubric) -> set[bool]:
    """What the rating says of this answer for itself: good, bad, both or nothing."""
    said = {False} if rating.all_bad else set()
    for dimension in rubric.dimensions:
        score, middle = _score(rating, dimension.name, position), (1 + len(dimension.scale)) / 2
        if score is not None and score != middle and score <= len(dimension.scale):
            said.add(score > middle)
    return said


def _score(rating: Rating, dimension: str, position: int) -> int | None:
    scores = rating.scores.get(dimension, ())
    return scores[position] if position < len(scores) else None


def _unusable(item: Item, lane: Lane, said: set[bool]) -> str:
    if not said:
        return "judged only in comparison"
    if len(said) > 1:
        return "judged both good and bad"
    if why := verdicts.unfit(lane):
        return f"it {why}"
    return "to a prompt with images" if item.images[lane.prompt_id] else ""


def _row(item: Item, rating: Rating, lane: Lane, label: bool, scope: Scope) -> dict[str, object]:
    shape, asked = Shape(thoughts=scope.reasoning), messages.prompt(item, lane.prompt_id)
    return {
        "prompt": messages.asked(asked, replace(shape, thoughts=shape.thoughts and lane.replays)),
        "completion": messages.said(messages.answer(item, lane), shape),
        "label": label,
        "tools": dpo.tools(asked),
        "all_bad": rating.all_bad,
        "scores": {name: _score(rating, name, lane.position) for name in rating.scores},
        **factors.judgement(item, rating),
        **factors.lane(item, rating, lane),
    }


VIEW = View(
    name="kto",
    suffix=".jsonl",
    media_type="application/jsonl",
    about="Answers called good or bad by themselves, for TRL's KTO trainer.",
    fields=(
        dpo.PROMPT,
        Field("completion", "list of messages", "the answer; with `reasoning_content` unless left out"),
        Field("label", "boolean", "good (true) or bad"),
        dpo.TOOLS,
        Field("all_bad", "boolean", "the evaluator said that no answer was good"),
        Field("scores", "object", "the evaluator's scores of this answer by dimension, from 1, the worst"),
        *factors.JUDGEMENT,
        *factors.LANE,
    ),
    policy=(
        verdicts.JUDGED,
        "Only absolute judgements make a label, no ranking: the better of two answers may be bad, the worse one good.",
        "False: the evaluator said that all answers were bad. True or false: the evaluator's scores lie above or below "
        "the middle of their scales; the middle itself says nothing. What one evaluator says of an answer must agree.",
        verdicts.WHOLE,
        "Answers to prompts with images are left out.",
    ),
    write=write,
    rounds=True,
    lines=True,
)
