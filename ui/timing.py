"""What a lane's card says beyond its own answer: whether it waits for its turn, what makes its times or itself unfair
beside the others, how far its samples differ.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from backends import pace
from backends.answer import Answer
from backends.prompt import images_of
from backends.schedule import Schedule
from storage.comparison import AskedLane, Question
from storage.prompts import asked
from storage.showing import Showing
from ui.figures import seconds
from ui.view import LETTERS, listed

Note = tuple[str, str]  # a few words, and what they mean


@dataclass(frozen=True, slots=True)
class Beside:
    """What makes it unfair: that its server is `crowded` or its images are not those of the others, as is known from
    the start, or what its server had `cached`.
    `samples` are the lane's further ones, as far as they are over; `more` of them are being asked for."""

    waits: bool = False
    crowded: tuple[Note, ...] = ()
    cached: tuple[Note, ...] = ()
    samples: tuple[Answer, ...] = ()
    more: bool = False


ALONE = Beside()


def beside(question: Question, showing: Showing, answers: Sequence[Answer]) -> tuple[Beside, ...]:
    """Of each place. The `answers` are those of all lanes, as asked, then those of their further samples."""
    count = len(showing.order)
    waits = question.plan.schedule is Schedule.SEQUENTIAL
    return tuple(
        Beside(
            waits and any(not _over(each) for each in answers[:position]),
            (*_crowded(question, showing, position), *_shown_otherwise(question, showing, position)),
            tuple(_cached(question, showing, position, answers)),
            tuple(filter(_over, answers[position + count :: count])),
            not all(map(_over, answers[position + count :: count])),
        )
        for position in showing.order
    )


def noted(notes: Sequence[Note]) -> list[dict[str, str]]:
    return [{"title": title, "detail": detail} for title, detail in notes]


def spread(answers: Sequence[Answer], url: str) -> dict[str, Any] | None:
    """The figures of a lane's samples: of each, and the middle and the range of all. `url` gives their texts."""
    if len(answers) < 2:
        return None
    told = [(name, help_, written, list(map(measure, answers))) for name, help_, measure, written in _MEASURES]
    return {
        "title": f"{len(answers)} samples",
        "same": _same(Counter(each.text for each in answers)),
        "figures": [
            (name, _ranged(found, written), help_)
            for name, help_, written, values in told
            if (found := [value for value in values if value is not None])
        ],
        "each": [
            {
                "state": str(answer.state),
                "figures": " · ".join(
                    f"{name} {written(values[index])}" for name, _, written, values in told if values[index] is not None
                ),
                "url": f"{url}?sample={index}",
            }
            for index, answer in enumerate(answers)
        ],
    }


def _over(answer: Answer) -> bool:
    return answer.times.end is not None


def _together(one: AskedLane, other: AskedLane) -> bool:
    """Were both asked in the same run, of the same server?"""
    servers = [each.address_hash or each.lane.backend.kind for each in (one, other)]
    return servers[0] == servers[1] and one.taken_from == other.taken_from


def _crowded(question: Question, showing: Showing, position: int) -> Iterator[Note]:
    mine = question.lanes[position]
    if not mine.crowded:
        return
    others = [
        f"lane {LETTERS[place]}"
        for place, other in enumerate(showing.order)
        if other != position and question.lanes[other].crowded and _together(mine, question.lanes[other])
    ]
    whom = listed(others or ["another lane"])
    yield (
        f"shares its server with {whom}",
        f"This lane and {whom} asked one server at the same time, and slow each other down there: their times are not "
        "comparable. Ask the lanes one after another for fair ones.",
    )


def _cached(question: Question, showing: Showing, position: int, answers: Sequence[Answer]) -> Iterator[Note]:
    """Where this lane found in the cache what an earlier one had to have read."""
    mine, cached = question.lanes[position], answers[position].usage.cached or 0
    for place, other in enumerate(showing.order):
        read, sent = answers[other].times.first, answers[position].times.sent
        if (
            cached > (answers[other].usage.cached or 0)
            and _together(mine, question.lanes[other])
            and mine.lane.model == question.lanes[other].lane.model
            and read is not None
            and sent is not None
            and read <= sent
        ):
            yield (
                f"cache filled by lane {LETTERS[place]}",
                f"Lane {LETTERS[place]} came first and had more of the prompt read; this lane found {cached:,} "
                "tokens of it in the server's cache, so its first words came sooner than they would have.",
            )
            return


def _shown_otherwise(question: Question, showing: Showing, position: int) -> Iterator[Note]:
    """Where this lane's images had to be re-encoded, and another's were not, or not like that."""
    images = asked(question.prompt).images
    sent = [images_of(lane.prompt.turns)[-len(images) :] for lane in question.lanes] if images else []
    if not sent or sent[position] == images:
        return
    others = [f"lane {LETTERS[place]}" for place, other in enumerate(showing.order) if sent[other] != sent[position]]
    if others:
        yield (
            "images of other bytes",
            f"Its server takes no larger images: it was not shown quite what {listed(others)} saw, and what it says "
            "of them may differ for that alone.",
        )


_MEASURES: list[tuple[str, str, Callable[[Answer], float | None], Callable[[float], str]]] = [
    ("first token", "From sending the request to the first token of any kind", pace.first_token, seconds),
    ("total", "From sending the request to the end", pace.total, seconds),
    ("speed", "Tokens after the first, over the time they took", pace.speed, lambda value: f"{value:.0f} tok/s"),
    ("tokens", "Generated, as reported by the server", lambda answer: answer.usage.completion, lambda n: f"{n:g} out"),
]


def _ranged(values: Sequence[float], written: Callable[[float], str]) -> str:
    least, most = written(min(values)), written(max(values))
    return least if least == most else f"{written(median(values))} ({least} to {most})"


def _same(texts: Counter[str]) -> str:
    count, (_, most) = texts.total(), texts.most_common(1)[0]
    if most == count:
        return f"all {count} texts identical"
    return f"{count} different texts" if most == 1 else f"{most} of {count} texts identical"
