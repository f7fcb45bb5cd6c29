"""Figures of a load: rates and times of each lane and step, and ratios of two, with their doubt.

Percentiles are interpolated between the two nearest requests. Intervals hold 95 % and are percentile bootstraps over
requests. Workers of a closed loop are always busy, so the time that a step takes goes with the mean time that a request
holds its worker: by that, rates are drawn anew too.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

DRAWS = 1000
SHARES = {"p50": 50, "p95": 95, "p99": 99}
TIMES = ("ttft", "itl", "e2e")
BEYOND = 0.025  # of an interval, at either end

Sample = Mapping[str, Any]
Numbers = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """A figure, and between what it lies 19 times out of 20; a percentile does so only where requests are `enough`."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One step of one lane. Of `values`, times are in milliseconds and rates by the second: `rate` counts answered
    requests, `tokens_rate` tokens out, where the server counts them; none where nothing was answered. `server` are the
    highest of its own figures; `lag`, in ms, how late this machine was itself; `cached`, the share of the prompts'
    tokens that the server had already read; `approximate`: inter-token latency counts pieces, not tokens."""

    lane: int
    step: int
    requests: int
    answered: int
    errors: dict[str, int]
    values: dict[str, Interval]
    server: dict[str, float]
    lag: float
    busy: float
    tokens: int
    cached: float
    cost: float | None
    approximate: bool


def figures(samples: Iterable[Sample], draws: int = DRAWS) -> list[Figures]:
    """Of every lane and step, in the order in which they came; without `draws`, figures have no doubt."""
    return [_figures(lane, step, own, draws) for (lane, step), own in _by_step(samples).items()]


def _figures(lane: int, step: int, samples: Sequence[Sample], draws: int) -> Figures:
    requests, answered = _requests(samples)
    server: dict[str, float] = {}
    for told in (sample["load"] for sample in samples if sample["what"] == "server"):
        server |= {name: max(value, server.get(name, value)) for name, value in told.items()}
    read, cached = (_sum(answered, name) for name in ("prompt_tokens", "cached_tokens"))
    ended = next((sample for sample in samples if sample["what"] == "step"), {})
    costs = [sample.get("cost") for sample in answered]
    known = [cost for cost in costs if cost is not None]
    return Figures(
        lane=lane,
        step=step,
        requests=len(requests),
        answered=len(answered),
        errors=dict(Counter(sample["error"] for sample in requests if sample["error"])),
        values={name: _interval(*drawn) for name, drawn in _drawn(requests, draws).items()},
        server=server,
        lag=ended.get("lag_p95", 0.0),
        busy=ended.get("busy", 0.0),
        tokens=_sum(answered, "completion_tokens"),
        cached=cached / read if read else 0.0,
        cost=sum(known) if known and len(known) == len(costs) else None,
        approximate=any(sample.get("approximate") for sample in answered),
    )


def enough(share: int) -> int:
    """Requests that it takes for an interval of this percentile: with fewer, its truth may well be above them all."""
    return ceil(log(BEYOND) / log(share / 100))


def ratios(base: Iterable[Sample], other: Iterable[Sample], draws: int = DRAWS) -> dict[str, Interval]:
    """Each figure of `other` over that of `base`, both of one step; what either lacks is left out."""
    ours, theirs = (_drawn(_requests(samples)[0], draws, seed) for seed, samples in enumerate((base, other)))
    found = {}
    for name in ours:
        if name in theirs and ours[name][0] > 0 and np.all(ours[name][1] > 0):
            found[name] = _interval(theirs[name][0] / ours[name][0], theirs[name][1] / ours[name][1])
    return found


def verdict(ratio: Interval, claimed: float) -> str:
    """Of a claim that something falls to `claimed`, where that is under 1, or rises to it: in words."""
    least, most = (ratio.low, ratio.high) if claimed >= 1 else (-ratio.high, -ratio.low)
    bound = claimed if claimed >= 1 else -claimed
    return "holds" if least >= bound else "does not hold" if most < bound else "can't be told yet"


def pairs(
    base: Iterable[Sample], other: Iterable[Sample], lanes: Mapping[int, int]
) -> list[tuple[int, int, int, dict[str, Interval]]]:
    """Lanes of `other` over those of `base` that `lanes` names for them, at each step of both: the lane of `base`, that
    of `other`, the step, and their `ratios`."""
    ours, theirs = _by_step(base), _by_step(other)
    return [
        (lanes[lane], lane, step, found)
        for (lane, step), samples in theirs.items()
        if lane in lanes and (lanes[lane], step) in ours and (found := ratios(ours[lanes[lane], step], samples))
    ]


def _by_step(samples: Iterable[Sample]) -> dict[tuple[int, int], list[Sample]]:
    steps: dict[tuple[int, int], list[Sample]] = {}
    for sample in samples:
        if sample.get("what") in ("request", "server", "step"):
            steps.setdefault((sample["lane"], sample["step"]), []).append(sample)
    return steps


def _sum(samples: Iterable[Sample], name: str) -> int:
    return sum(sample.get(name) or 0 for sample in samples)


def _requests(samples: Iterable[Sample]) -> tuple[list[Sample], list[Sample]]:
    """All, and those that were answered."""
    requests = [sample for sample in samples if sample["what"] == "request"]
    return requests, [sample for sample in requests if not sample["error"]]


def _drawn(requests: Sequence[Sample], draws: int, seed: int = 0) -> dict[str, tuple[float, Numbers]]:
    """Each figure, and what it is when as many requests are drawn anew, again and again."""
    if not any(not sample["error"] for sample in requests):
        return {}
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(requests), (draws, len(requests)))
    return dict(_rates(requests, drawn)) | {
        name: figure for each in TIMES for name, figure in _times(each, requests, draws, random)
    }


def _rates(requests: Sequence[Sample], drawn: npt.NDArray[np.int64]) -> Iterator[tuple[str, tuple[float, Numbers]]]:
    seconds = (max(sample["end"] for sample in requests) - min(_sent(sample) for sample in requests)) / 1e6
    if seconds <= 0:
        return
    held = np.array([sample["end"] - sample["began"] for sample in requests], float)
    counted = {"rate": [float(not sample["error"]) for sample in requests]}
    tokens = [0 if sample["error"] else sample.get("completion_tokens") for sample in requests]
    known = [float(count) for count in tokens if count is not None]
    if len(known) == len(tokens):
        counted["tokens_rate"] = known
    takes = seconds * held[drawn].mean(1) / held.mean() if held.mean() else np.full(len(drawn), seconds)
    for name, counts in counted.items():
        numbers = np.array(counts)
        yield name, (numbers.sum() / seconds, numbers[drawn].sum(1) / np.maximum(takes, 1e-9))


def _sent(sample: Sample) -> float:
    sent = sample.get("sent")
    return float(sample["began"] if sent is None else sent)


def _times(
    name: str, requests: Sequence[Sample], draws: int, random: np.random.Generator
) -> Iterator[tuple[str, tuple[float, Numbers]]]:
    """In milliseconds, of those that have such a time."""
    times = np.array([each[name] / 1000 for each in requests if not each["error"] and each[name] is not None])
    if not len(times):
        return
    again = times[random.integers(0, len(times), (draws, len(times)))]
    yield f"{name}_mean", (float(times.mean()), again.mean(1))
    shares = [*SHARES.values()]
    every = np.percentile(again, shares, axis=1) if draws else np.empty((len(shares), 0))
    for label, value, more in zip(SHARES, np.percentile(times, shares), every, strict=True):
        yield f"{name}_{label}", (float(value), more)


def _interval(value: float, drawn: Numbers) -> Interval:
    if not len(drawn):
        return Interval(float(value), float(value), float(value))
    low, high = np.percentile(drawn, [100 * BEYOND, 100 * (1 - BEYOND)])
    return Interval(float(value), min(float(low), float(value)), max(float(high), float(value)))
