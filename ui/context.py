"""The part "Long context" of the Measure tab: needles asked for, and a map of what was found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

from analysis import context
from analysis.context import Sample, Tally
from backends.lane import Lane
from backends.registry import Registry
from storage.store import Store
from suites.context import ANSWER, DEPTHS, LENGTHS, MOST, THOUGHT
from suites.context import Context as Measured
from suites.measuring import Measurable
from ui import asking, view
from ui.form import Form, about, whole, with_key
from ui.toolbox import Problem

if TYPE_CHECKING:
    from ui.measure import Found

USUAL = {"lengths": (8_000, 32_000, 128_000), "depths": (0, 25, 50, 75, 100)}
MOST_LANES, MOST_TRIALS, MOST_MINUTES, MOST_TOKENS = 6, 20, 24 * 60, 32_768
MOST_DUELS = 6
REASONS = 5  # why requests failed, the most frequent ones


class Context:
    kind, name = "context", "Long context"

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry

    async def choices(self, who: str) -> dict[str, Any]:
        return {
            "lanes": [
                {
                    "name": backend.name,
                    "about": about(backend),
                    "efforts": self._registry.efforts(backend),
                }
                for backend in asking.offered(self._registry)
            ],
            "lengths": LENGTHS,
            "depths": DEPTHS,
            "usual": USUAL,
            "answer": ANSWER,
            "thought": THOUGHT,
        }

    async def planned(self, form: Form, who: str) -> Measurable:
        given = form.get("lanes")
        lanes = [*dict.fromkeys(self._lane(each) for each in (given if isinstance(given, list) else ()))]
        if not 1 <= len(lanes) <= MOST_LANES:
            raise Problem(f"Choose 1 to {MOST_LANES} lanes to ask.")
        lengths, depths = _among(form, "lengths", LENGTHS), _among(form, "depths", DEPTHS)
        measured = Measured(
            stream=self._registry.stream,
            lanes=lanes,
            lengths=lengths,
            depths=depths,
            trials=whole(form, "trials", 1, MOST_TRIALS, "Texts for each length and depth"),
            seed=whole(form, "seed", 0, 2**31, "The seed"),
            answer=whole(form, "answer", 16, MOST_TOKENS, "Tokens of an answer"),
            thought=whole(form, "thought", 64, MOST_TOKENS, "Tokens to think"),
            seconds=60.0 * whole(form, "minutes", 1, MOST_MINUTES, "Minutes"),
            title=f"{view.listed([lane.label for lane in lanes])}, up to {max(lengths):,} tokens",
        )
        if measured.budget.requests > MOST:
            raise Problem(
                f"These are {measured.budget.requests:,} requests, and {MOST:,} is the most: choose fewer lengths, "
                "depths or texts."
            )
        return measured

    def result(self, found: "Found") -> dict[str, Any]:
        return drawn(found.samples, found.measurement.plan)

    def beside(self, found: "Found", other: "Found") -> dict[str, Any]:
        plan, earlier = found.measurement.plan, other.measurement.plan
        if any(plan.get(each) != earlier.get(each) for each in ("seed", "counted")):
            raise Problem("These two asked for needles in other texts: only with one seed can they be compared.")
        shared = {sample["lane"] for sample in found.samples} & {sample["lane"] for sample in other.samples}
        before = [
            {**sample, "lane": f"{sample['lane']} (earlier)"} if sample["lane"] in shared else sample
            for sample in other.samples
        ]
        both = {name: sorted({*plan.get(name, ()), *earlier.get(name, ())}) for name in ("lengths", "depths")}
        return drawn([*found.samples, *before], both)

    def rows(self, found: "Found") -> Sequence[Mapping[str, Any]]:
        first = context.first_tokens(found.samples)
        return [
            {
                "lane": lane,
                "length": length,
                "depth": depth,
                **_counted(tally),
                "first_token_us": first.get((lane, length)),
            }
            for (lane, length, depth), tally in context.cells(found.samples).items()
        ]

    def _lane(self, chosen: Any) -> Lane:
        name, effort = chosen if isinstance(chosen, list) and len(chosen) == 2 else ("", "")
        usual = asking.first_settings(self._registry, str(name))
        settings = replace(usual, effort=str(effort), max_tokens=None, waits=True)
        lane = asking.lane_of(self._registry, str(name) or "Lane", settings)
        with_key(self._registry, lane.backend)
        return lane


def drawn(samples: Sequence[Sample], plan: Mapping[str, Any]) -> dict[str, Any]:
    """A map for each lane, in the order in which they come, and what sets each two of them apart."""
    cells, lengths, totals = context.cells(samples), context.lengths(samples), context.totals(samples)
    names = _short(samples)
    first, columns, rows = context.first_tokens(samples), plan.get("lengths", ()), plan.get("depths", ())
    return {
        "lengths": columns,
        "depths": rows,
        "lanes": [
            {
                "name": lane,
                "short": names[lane],
                "total": _counted(total),
                "cells": [[_counted(cells.get((lane, length, depth))) for length in columns] for depth in rows],
                "together": [_counted(lengths.get((lane, length))) for length in columns],
                "first": [first.get((lane, length)) for length in columns],
                "reasons": _reasons(samples, lane),
            }
            for lane, total in totals.items()
        ],
        "duels": [_duel(samples, names, one, other) for one, other in islice(combinations(totals, 2), MOST_DUELS)],
    }


def _short(samples: Sequence[Sample]) -> dict[str, str]:
    """Names to speak of lanes by: those of their backends, with the effort or all else only where it takes that."""
    lanes = {each["lane"]: each for each in samples}
    backends = Counter(each["backend"] for each in lanes.values())
    efforts = Counter((each["backend"], each["effort"]) for each in lanes.values())
    return {
        lane: each["backend"]
        if backends[each["backend"]] == 1
        else f"{each['backend']} at {each['effort'] or 'its own effort'}"
        if efforts[each["backend"], each["effort"]] == 1
        else lane
        for lane, each in lanes.items()
    }


def _duel(samples: Sequence[Sample], names: Mapping[str, str], one: str, other: str) -> dict[str, Any]:
    found = context.duel(samples, one, other)
    mine, theirs = names[one], names[other]
    return {
        "one": mine,
        "other": theirs,
        "verdict": context.verdict(replace(found, one=mine, other=theirs)),
        "counts": {
            "both found": found.both,
            f"only {mine}": found.only_one,
            f"only {theirs}": found.only_other,
            "neither": found.neither,
        },
        "apart": [
            {"length": length, "depth": depth, "one": _counted(a), "other": _counted(b)}
            for length, depth, a, b in context.apart(samples, one, other)
        ],
    }


def _counted(tally: Tally | None) -> dict[str, Any]:
    tally = tally or Tally()
    low, high = tally.interval or (None, None)
    return asdict(tally) | {"share": tally.share, "low": low, "high": high}


def _reasons(samples: Sequence[Sample], lane: str) -> list[dict[str, Any]]:
    """Why requests were not answered, the most frequent first."""
    said = Counter(each["why"] for each in samples if each["lane"] == lane and each["why"] and not each.get("what"))
    return [{"why": why, "times": times} for why, times in said.most_common(REASONS)]


def _among(form: Form, name: str, offered: Sequence[int]) -> list[int]:
    given = form.get(name)
    chosen = [each for each in offered if isinstance(given, list) and each in given]
    if not chosen:
        raise Problem(f"Choose at least one of the {name}.")
    return chosen
