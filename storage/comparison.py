"""What is kept of a comparison, as plain values: in full, and as the row of a list. They know no SQL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from backends.answer import Answer, State
from backends.events import Stamped
from backends.flags import Flag
from backends.lane import Lane
from backends.prompt import Prompt
from storage.plan import Plan
from storage.ratings import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating(Judgement):
    """One evaluator's judgement, kept. A later one names the one that it supersedes; nothing is overwritten.

    `blind`: nothing had told the lanes apart when it was made, in the showing `showing_id`.
    """

    id: str
    evaluator: str
    created_at: datetime
    supersedes: str | None = None
    showing_id: str | None = None
    blind: bool = False


@dataclass(frozen=True, slots=True)
class KeptLane:
    """A lane as it was asked and what it said. Its backend has no address: only `address_hash` is kept of that."""

    lane: Lane
    address_hash: str
    prompt: Prompt
    recording: tuple[Stamped, ...]
    answer: Answer
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`prompt` is what was asked now, of all lanes; each lane's own prompt has its history too.

    `started_at` is the moment from which the times in its recordings count, None until something was recorded. `lanes`
    are in the order shown, `ratings` the whole history, oldest first.
    """

    id: str
    created_at: datetime
    started_at: datetime | None
    follows: str | None
    prompt: Prompt
    lanes: tuple[KeptLane, ...]
    ratings: tuple[Rating, ...]


def current(ratings: Iterable[Rating]) -> tuple[Rating, ...]:
    """The rating that counts of each evaluator, oldest first: those that no other supersedes."""
    ratings = tuple(ratings)
    superseded = {rating.supersedes for rating in ratings}
    return tuple(rating for rating in ratings if rating.id not in superseded)


def evidence(ratings: Iterable[Rating]) -> tuple[Rating, ...]:
    """The rating of each evaluator to count, oldest first: the last that judged blind, or else the current one."""
    ratings = tuple(ratings)
    blind = {each.evaluator: each.id for each in current(each for each in ratings if each.blind and not each.skipped)}
    counted = {each.evaluator: each.id for each in current(ratings)} | blind
    return tuple(each for each in ratings if each.id in counted.values())


class Link(NamedTuple):
    """A comparison as a step of a conversation."""

    id: str
    title: str


class AskedLane(NamedTuple):
    """A lane as it was asked: `prompt` has its own history. Its backend has no address: only `address_hash` is kept.

    `taken_from` is the comparison in which it was asked, "" for this one. `crowded`: another lane asked its server at
    the same time.
    """

    lane: Lane
    address_hash: str
    prompt: Prompt
    taken_from: str = ""
    crowded: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What a comparison asked of whom, and how it was rated: all but the answers, and images without their bytes.

    `sizes` are the bytes of each image by its hash; `links` are the comparisons that led here, oldest first, this one
    last; `ratings` are the current ones; `reasoned` are the positions that have ended and have reasoning. `over`: the
    end of every lane is stored.
    """

    id: str
    prompt: Prompt
    sizes: Mapping[str, int]
    links: tuple[Link, ...]
    lanes: tuple[AskedLane, ...]
    ratings: tuple[Rating, ...]
    reasoned: tuple[int, ...] = ()
    plan: Plan = Plan()
    maker: str = ""
    origin: str = ""
    overlap: int = 0
    rated: int = 0
    over: bool = True


class Place(NamedTuple):
    """Where an answer is kept."""

    comparison_id: str
    position: int


NONE_KEPT: Mapping[int, Place] = {}


class Earlier(NamedTuple):
    """A lane that is not asked again: as it was asked, and all that it said."""

    lane: Lane
    prompt: Prompt
    recording: tuple[Stamped, ...]


class Answered(NamedTuple):
    """A lane and what it has said; its flags come once all lanes of its comparison have ended."""

    lane: Lane
    answer: Answer
    flags: tuple[Flag, ...]


class RowLane(NamedTuple):
    """A lane in a list; `flags` are codes, `answer` is the same where a lane was taken over."""

    label: str
    state: State
    flags: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which comparisons a list has: those of which all holds that is not "" or None; `words` as a person types them."""

    words: str = ""
    backend: str = ""
    artifact: str = ""
    effort: str = ""
    flag: str = ""
    evaluator: str = ""
    tag: str = ""
    rated: str = ""  # yes or no
    origin: str = ""
    since: datetime | None = None
    before: datetime | None = None


EVERYTHING = Filter()


class Piece(NamedTuple):
    text: str
    hit: bool


class Snippet(NamedTuple):
    """Where words were found: `source` is prompt, answer or reasoning, `position` the lane's (0 of a prompt)."""

    source: str
    position: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A comparison in a list. `images` are hashes; `ratings` are the current ones; `snippets` what words found.

    `order` are the lanes' positions as who looks was shown them. Of one that is `sealed` for them, nothing is here
    that tells its lanes apart.
    """

    id: str
    created_at: datetime
    follows: str | None
    title: str
    prompt_id: str
    images: tuple[str, ...]
    lanes: tuple[RowLane, ...]
    ratings: tuple[Rating, ...]
    order: tuple[int, ...]
    sealed: bool
    origin: str
    snippets: tuple[Snippet, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first; `next` is the number before which the next page begins, None on the last."""

    rows: tuple[Row, ...]
    next: int | None
