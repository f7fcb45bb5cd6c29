"""Which verdicts and which answers the views for training and statistics use, and why they leave out the others.

The reasons are the words of the data card. Each evaluator's rating is a row, or one for each pair: nothing is averaged.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Row

from backends.answer import State
from backends.arguments import parsed
from backends.flags import CUT, FINISHED
from storage.comparison import Rating, evidence
from storage.exports import messages
from storage.exports.items import Item, Scope
from storage.exports.view import Left, usable
from storage.ratings import Winner, pairs

Lane = Row[Any]

JUDGED = "Of each evaluator the last blind rating counts, or the latest where none was blind; skipped ones never do."
ENDED = "Answers that failed, were stopped or were interrupted are left out: what was judged there is not the model."
WHOLE = (
    "Only whole answers are trained on: none that failed, was stopped, interrupted or cut at a limit of tokens, ended "
    "oddly, is empty, or calls a tool with arguments that are no JSON object."
)
APART = "A tie and `both_bad` never become a pair: they say nothing of which answer is better."


class Verdict(NamedTuple):
    """What one evaluator says of two lanes of a comparison; `a` is the one asked further left."""

    item: Item
    rating: Rating
    a: Lane
    b: Lane
    winner: Winner


class Preference(NamedTuple):
    item: Item
    rating: Rating
    chosen: Lane
    rejected: Lane


def judged(batches: Iterable[list[Item]], scope: Scope, left: Left) -> Iterator[tuple[Item, Rating]]:
    """The ratings that count, of whatever is usable."""
    for item in usable(batches, scope, left):
        if not item.ratings:
            left.out["not rated"] += 1
        counted = evidence(item.ratings)
        left.out["superseded by a later rating"] += len(item.ratings) - len(counted)
        for rating in counted:
            if rating.skipped:
                left.out["skipped by the evaluator"] += 1
            else:
                yield item, rating


def verdicts(batches: Iterable[list[Item]], scope: Scope, left: Left) -> Iterator[Verdict]:
    """Of each two answers that came to an end."""
    for item, rating in judged(batches, scope, left):
        for a, b, winner in pairs(rating.ranking, rating.all_bad):
            one, other = item.lanes[a], item.lanes[b]
            if why := unfinished(one) or unfinished(other):
                left.out[f"pair: an answer {why}"] += 1
            else:
                yield Verdict(item, rating, one, other, winner)


def preferences(batches: Iterable[list[Item]], scope: Scope, left: Left) -> Iterator[Preference]:
    """Of each two whole answers to the same prompt of which one is better."""
    for item, rating, a, b, winner in verdicts(batches, scope, left):
        if winner in ("tie", "both_bad"):
            left.out[f"pair: {'a tie' if winner == 'tie' else 'both bad'}"] += 1
        elif why := unfit(a) or unfit(b):
            left.out[f"pair: an answer {why}"] += 1
        elif a.prompt_id != b.prompt_id:
            left.out["pair: the lanes have histories of their own, so not the same prompt"] += 1
        else:
            yield Preference(item, rating, *((a, b) if winner == "model_a" else (b, a)))


def unfinished(lane: Lane) -> str:
    """Why an answer can't be judged; "" where it can."""
    match lane.state:
        case State.DONE:
            return ""
        case State.FAILED:
            return "failed"
        case State.STOPPED | State.INTERRUPTED:
            return f"was {lane.state}"
        case _:
            return "is not over yet"


def unfit(lane: Lane) -> str:
    """Why nobody should train on an answer; "" where they may."""
    if why := unfinished(lane):
        return why
    if (reason := lane.finish_reason.lower()) in CUT:
        return "was cut at a limit of tokens"
    if reason and reason not in FINISHED:  # of what was imported, none may be known
        return "ended oddly"
    calls = messages.calls(lane)
    if not lane.text.strip() and not calls:
        return "is empty"
    if any(parsed(call) is None for call in calls):
        return "calls a tool with broken arguments"
    return ""
