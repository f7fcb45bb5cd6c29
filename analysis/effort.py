"""What effort `high` takes beside `none` on the same prompts, what people preferred, and which to route a type of
request to.

Each comparison counts once, whoever many rated it: its score is 1 where high was preferred, 0 where none was, between
for ties and for people who disagree. The true score of a type of request has a uniform prior, so its posterior is a
Beta distribution: all probabilities here are of that.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean, stdev
from typing import Literal, Protocol

SURE = 0.95
WORTH = 0.6  # below this score, high is better too rarely for what it takes
FARTHEST = 500  # comparisons: nobody rates more to settle this
FEWEST = 5  # pairs that an interval takes, and rated comparisons that advice does

Winner = Literal["none", "high", "neither"]


class Vote(Protocol):
    @property
    def winner(self) -> Winner: ...
    @property
    def blind(self) -> bool: ...


class Spent(Protocol):
    """Microseconds from sending the request, tokens, US dollars; None where it is not known."""

    @property
    def first(self) -> int | None: ...
    @property
    def answer(self) -> int | None: ...
    @property
    def total(self) -> int | None: ...
    @property
    def tokens(self) -> int | None: ...
    @property
    def cost(self) -> float | None: ...


class Pair(Protocol):
    """One prompt answered at both efforts. `answers` names the two: where they are shown twice, they were asked once.
    `crowded`: they slowed each other down, and their times say nothing."""

    @property
    def tag(self) -> str: ...
    @property
    def none(self) -> Spent: ...
    @property
    def high(self) -> Spent: ...
    @property
    def votes(self) -> Sequence[Vote]: ...
    @property
    def answers(self) -> tuple[str, str]: ...
    @property
    def crowded(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Ratio:
    """High over none, as the geometric mean of `of` pairs; its interval, at 95 %, is Student's over their logarithms,
    and takes some of them."""

    mean: float
    low: float | None
    high: float | None
    of: int


@dataclass(frozen=True, slots=True)
class Preference:
    """Ratings by whom they prefer: the blind ones, where there are any, and else those that knew the lanes. `scores`
    are of the comparisons that have some."""

    high: int
    neither: int
    none: int
    blind: bool
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """`effort` is none, high, either, or "" where it can't be told yet; `sure` the probability of what `words` say."""

    effort: str
    words: str
    sure: float


@dataclass(frozen=True, slots=True)
class Row:
    """Of a type of request. `pairs` were answered, `crowded` of them with times that say nothing."""

    tag: str
    pairs: int
    crowded: int
    ratios: Mapping[str, Ratio]
    preference: Preference
    advice: Advice


_TIMES: dict[str, Callable[[Spent], float | None]] = {
    "first token": lambda spent: spent.first,
    "answer begins": lambda spent: spent.answer,
    "total time": lambda spent: spent.total,
}
_COUNTS: dict[str, Callable[[Spent], float | None]] = {
    "tokens": lambda spent: spent.tokens,
    "cost": lambda spent: spent.cost,
}
MEASURES = (*_TIMES, *_COUNTS)


def rows(pairs: Sequence[Pair], together: str = "all together") -> list[Row]:
    """One for each type of request, the most frequent first, and one of all `together` where there are several."""
    by_tag: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_tag[pair.tag].append(pair)
    found = [row(tag, each) for tag, each in sorted(by_tag.items(), key=lambda item: (-len(item[1]), item[0]))]
    return [*found, row(together, pairs)] if len(found) > 1 else found


def row(tag: str, pairs: Sequence[Pair]) -> Row:
    asked = list({pair.answers: pair for pair in pairs}.values())
    fair = [pair for pair in asked if not pair.crowded]
    measured = [(name, fair, of) for name, of in _TIMES.items()] + [(name, asked, of) for name, of in _COUNTS.items()]
    ratios = {name: found for name, those, of in measured if (found := ratio(_quotients(those, of)))}
    preferred = preference([pair.votes for pair in pairs])
    return Row(tag, len(asked), len(asked) - len(fair), ratios, preferred, advice(preferred.scores, _dearer(ratios)))


def ratio(quotients: Sequence[float]) -> Ratio | None:
    """None where there are none; all are above 0."""
    if not quotients:
        return None
    logs = [log(each) for each in quotients]
    middle = fmean(logs)
    if len(logs) < FEWEST:
        return Ratio(exp(middle), None, None, len(logs))
    half = _student(len(logs) - 1) * stdev(logs) / sqrt(len(logs))
    return Ratio(exp(middle), exp(middle - half), exp(middle + half), len(logs))


def preference(rated: Iterable[Sequence[Vote]]) -> Preference:
    """Of the votes on each comparison."""
    rated = [votes for votes in rated if votes]
    blind = any(vote.blind for votes in rated for vote in votes)
    counted = [[vote.winner for vote in votes if vote.blind == blind] for votes in rated]
    counts = Counter(winner for votes in counted for winner in votes)
    scores = tuple(fmean(_SCORES[winner] for winner in votes) for votes in counted if votes)
    return Preference(counts["high"], counts["neither"], counts["none"], blind, scores)


def advice(scores: Sequence[float], dearer: bool | None = True) -> Advice:
    """`dearer`: high takes more than none; None where it is not known."""
    found, sure = _decided(sum(scores), len(scores))
    match found:
        case "none":
            return Advice("none", f"none: people prefer it ({_percent(sure)} sure)", sure)
        case "high":
            return Advice("high", f"high: people prefer it ({_percent(sure)} sure)", sure)
        case "either":
            why = {True: "take none, it costs less", False: "high does not cost more", None: "neither is much better"}
            rarely = f"{_percent(sure)} sure that high wins fewer than {WORTH * 10:.0f} of 10"
            return Advice("either", f"either: {why[dearer]} ({rarely})", sure)
    return Advice("", f"can't be told yet: {_wanted(scores)}", sure)


def _decided(score: float, of: int) -> tuple[str, float]:
    """What is sure by now, and how much so; "" where nothing is, with what is nearest to it."""
    a, b = 1 + score, 1 + of - score
    below_half, below_worth = _below(0.5, a, b), _below(WORTH, a, b)
    if of < FEWEST:
        return "", max(below_worth, 1 - below_half)
    if below_half >= SURE:
        return "none", below_half
    if below_worth >= SURE:
        return "either", below_worth
    if 1 - below_half >= SURE:
        return "high", 1 - below_half
    return "", max(below_worth, 1 - below_half)


def _wanted(scores: Sequence[float]) -> str:
    """How many more comparisons it takes: if they go on like this, or at the very least."""
    there = len(scores)
    if there < FEWEST:
        return f"rate {FEWEST - there} more at least"
    mean, more = fmean(scores), range(1, FARTHEST + 1)
    enough = (each for each in more if _decided(mean * (there + each), there + each)[0])
    return (
        f"rate about {found} more" if (found := next(enough, 0)) else f"rate more than {FARTHEST} more, so even is it"
    )


def _below(limit: float, a: float, b: float) -> float:
    from scipy.special import betainc  # here: it takes a while to load

    return float(betainc(a, b, limit))


def _quotients(pairs: Sequence[Pair], of: Callable[[Spent], float | None]) -> list[float]:
    both = [(of(pair.none), of(pair.high)) for pair in pairs]
    return [high / none for none, high in both if none and high]


def _student(degrees: int) -> float:
    """How many standard errors an interval at 95 % reaches."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))


def _dearer(ratios: Mapping[str, Ratio]) -> bool | None:
    """By money, else by tokens, else by time."""
    told = (ratios[name] for name in ("cost", "tokens", "total time") if name in ratios)
    return next((each.mean > 1 for each in told), None)


def _percent(share: float) -> str:
    return "over 99 %" if share > 0.995 else f"{share:.0%}".replace("%", " %")


_SCORES: dict[Winner, float] = {"none": 0.0, "neither": 0.5, "high": 1.0}
