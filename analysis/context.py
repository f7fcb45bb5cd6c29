"""What needles in long texts tell: how many were found of those asked for, and whether one lane finds fewer than
another.

A sample is a mapping with `lane`, `length`, `depth` (percent), `trial` and `outcome`: found, missed, too long (for the
server), out of tokens (before it answered) or failed. The last three say nothing of how well a model reads.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median
from typing import Any

Sample = Mapping[str, Any]

Z = 1.959964  # of a 95 % interval
SURE = 0.05
CACHED = 0.1  # of a prompt: with more of it in the server's cache, its first token came too soon
FEWEST = 6  # texts on which two lanes must differ before any split of them is beyond chance


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests by outcome. The interval is Wilson's, at 95 %."""

    found: int = 0
    missed: int = 0
    too_long: int = 0
    failed: int = 0
    out_of_tokens: int = 0

    @property
    def read(self) -> int:
        return self.found + self.missed

    @property
    def share(self) -> float | None:
        """Of those that were read."""
        return self.found / self.read if self.read else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.found, self.read) if self.read else None


@dataclass(frozen=True, slots=True)
class Duel:
    """Two lanes on the same texts: how many both found, only one of them, or neither. `p` is McNemar's exact one."""

    one: str
    other: str
    both: int
    only_one: int
    only_other: int
    neither: int
    p: float

    @property
    def texts(self) -> int:
        return self.both + self.only_one + self.only_other + self.neither


def wilson(found: int, of: int) -> tuple[float, float]:
    share, z = found / of, Z * Z / of
    middle, half = share + z / 2, Z * sqrt(share * (1 - share) / of + z / (4 * of))
    return max(0.0, (middle - half) / (1 + z)), min(1.0, (middle + half) / (1 + z))


def cells(samples: Iterable[Sample]) -> dict[tuple[str, int, int], Tally]:
    """By lane, length and depth."""
    return _tallied(((each["lane"], each["length"], each["depth"]), each["outcome"]) for each in samples)


def lengths(samples: Iterable[Sample]) -> dict[tuple[str, int], Tally]:
    """By lane and length."""
    return _tallied(((each["lane"], each["length"]), each["outcome"]) for each in samples)


def totals(samples: Iterable[Sample]) -> dict[str, Tally]:
    """By lane."""
    return _tallied((each["lane"], each["outcome"]) for each in samples)


def apart(samples: Sequence[Sample], one: str, other: str) -> list[tuple[int, int, Tally, Tally]]:
    """The cells in which two lanes found different shares: length, depth, and the tally of each."""
    found = cells(samples)
    places = sorted({(length, depth) for lane, length, depth in found if lane in (one, other)})
    pairs = (
        (length, depth, found.get((one, length, depth)), found.get((other, length, depth))) for length, depth in places
    )
    return [(length, depth, a, b) for length, depth, a, b in pairs if a and b and a.share != b.share]


def first_tokens(samples: Iterable[Sample]) -> dict[tuple[str, int], float]:
    """The median time to the first token, in microseconds, by lane and length, of what the server had to read."""
    times: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for each in samples:
        read, cached = each.get("prompt_tokens") or 0, each.get("cached_tokens") or 0
        if each["outcome"] in ("found", "missed") and each.get("ttft_us") is not None and cached <= CACHED * read:
            times[each["lane"], each["length"]].append(each["ttft_us"])
    return {place: median(found) for place, found in times.items()}


def duel(samples: Iterable[Sample], one: str, other: str) -> Duel:
    """Of the texts that both have read."""
    found: defaultdict[str, dict[tuple[int, int, int], bool]] = defaultdict(dict)
    for each in samples:
        if each["outcome"] in ("found", "missed"):
            text = each["length"], each["depth"], each["trial"]
            found[each["lane"]][text] = each["outcome"] == "found"
    shared = found[one].keys() & found[other].keys()
    split = Counter((found[one][text], found[other][text]) for text in shared)
    only_one, only_other = split[True, False], split[False, True]
    return Duel(
        one, other, split[True, True], only_one, only_other, split[False, False], _mcnemar(only_one, only_other)
    )


def verdict(duel: Duel) -> str:
    """In plain words, with what would be needed to know more."""
    one, other, apart = duel.one, duel.other, duel.only_one + duel.only_other
    if not duel.texts:
        return f"{one} and {other} have read no text in common: nothing can be compared."
    said = (
        f"Of {duel.texts} texts that both read, {one} found {duel.both + duel.only_one} and {other} found "
        f"{duel.both + duel.only_other}; on {apart} they differ"
    )
    if not apart:
        return f"{said}: no difference was seen. {_ceiling(duel)}"
    if duel.p < SURE:
        better, worse = (one, other) if duel.only_one > duel.only_other else (other, one)
        chance = f"by chance alone, lanes would differ so once in {_once(duel.p)}"
        return f"{said}. {better} finds more than {worse}: {chance}."
    if apart < FEWEST:
        return f"{said}: too few to tell them apart, which takes {FEWEST}. Ask more trials, or longer texts."
    return f"{said} (p = {duel.p:.2f}): that may be chance. Ask more trials, or longer texts."


def _ceiling(duel: Duel) -> str:
    """How large a difference may still be there: the rule of three."""
    if duel.texts < 3:
        return "These are too few texts to say more."
    return f"The true share of texts on which they differ may still be up to {3 / duel.texts:.0%}."


def _once(p: float) -> str:
    return f"{round(1 / p):,} times" if p > 1e-6 else "more than a million times"


def _mcnemar(one: int, other: int) -> float:
    if one + other == 0:
        return 1.0
    from scipy.stats import binomtest  # here: it takes a while to load

    return float(binomtest(one, one + other).pvalue)


def _tallied(outcomes: Iterable[tuple[Any, str]]) -> dict[Any, Tally]:
    counts: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    for key, outcome in outcomes:
        counts[key][outcome.replace(" ", "_")] += 1
    return {key: Tally(**each) for key, each in counts.items()}
