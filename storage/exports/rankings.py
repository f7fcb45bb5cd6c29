"""Whole rankings, with ties: one evaluator's order of all answers of a comparison."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from storage.comparison import Rating
from storage.exports import dpo, factors, fields, messages, verdicts
from storage.exports.items import Item, Scope
from storage.exports.messages import Shape
from storage.exports.verdicts import Lane
from storage.exports.view import Field, Left, View
from storage.images import ImageStore


def write(batches: Iterable[list[Item]], scope: Scope, _: ImageStore | None, left: Left) -> Iterator[bytes]:
    for item, rating in verdicts.judged(batches, scope, left):
        ended = [lane for lane in item.lanes if not verdicts.unfinished(lane)]
        for lane in item.lanes:
            if why := verdicts.unfinished(lane):
                left.out[f"answer: it {why}"] += 1
        if len(ended) < 2:
            left.out["ranking: less than two answers are left"] += 1
            continue
        yield dpo.line(_row(item, rating, ended, scope))
        left.written["rankings"] += 1


def _row(item: Item, rating: Rating, lanes: list[Lane], scope: Scope) -> dict[str, Any]:
    place = {lane.position: number for number, lane in enumerate(lanes)}
    groups = [[place[each] for each in group if each in place] for group in rating.ranking]
    asked = messages.prompt(item, item.row.prompt_id)
    return {
        "comparison_id": item.row.id,
        "prompt": messages.asked(asked, Shape(thoughts=scope.reasoning)),
        "images": messages.images(asked),
        "tools": dpo.tools(asked),
        "responses": [_response(item, rating, lane, scope) for lane in lanes],
        "order": [number for group in groups for number in group],
        "ties": [group for group in groups if len(group) > 1],
        "all_bad": rating.all_bad,
        **factors.judgement(item, rating),
        "tags": rating.tags,
    }


def _response(item: Item, rating: Rating, lane: Lane, scope: Scope) -> dict[str, Any]:
    shape = Shape(thoughts=scope.reasoning)
    own = lane.prompt_id != item.row.prompt_id
    history = messages.prompt(item, lane.prompt_id) if own else None
    went_back = replace(shape, thoughts=shape.thoughts and lane.replays)
    return {
        "messages": messages.said(messages.answer(item, lane), shape),
        "history": history and messages.asked(history, went_back),
        "scores": {name: scores[lane.position] for name, scores in rating.scores.items()},
        **factors.lane(item, rating, lane),
    }


_RESPONSE = (
    Field("messages", "list of messages", "the answer; with `reasoning_content` unless left out"),
    Field("history", "list of messages", "the prompt with this lane's own history; null: it has none but the prompt's"),
    Field("scores", "object", "by dimension of the rubric, from 1, the worst"),
    *factors.LANE,
)

VIEW = View(
    name="rankings",
    suffix=".jsonl",
    media_type="application/jsonl",
    about="One evaluator's whole order of the answers a line, with ties, for Plackett-Luce and the like.",
    fields=(
        Field("comparison_id", "string", "the comparison"),
        dpo.PROMPT._replace(meaning="what was asked now, of all lanes"),
        Field("images", "list of strings", "hashes of the prompt's images, in its order"),
        dpo.TOOLS,
        Field("responses", "list of objects", "the answers, as asked from the left"),
        *fields.within("responses", _RESPONSE),
        Field("order", "list of integers", "places in `responses`, the best first; of those that tie, any order"),
        Field("ties", "list of lists of integers", "groups of places in `responses` that tie"),
        Field("all_bad", "boolean", "no answer is good; their order may still tell something"),
        *(each for each in factors.JUDGEMENT if each.name != "comparison_id"),
        Field("tags", "list of strings", "words chosen for it"),
    ),
    policy=(verdicts.JUDGED, f"{verdicts.ENDED} The others keep their order, if at least two are left."),
    write=write,
    rounds=True,
    lines=True,
)
