"""The part "Effort" of the Measure tab: prompts to answer at both efforts, and what is known of all that were."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from analysis import effort
from analysis.effort import Row
from backends.lane import Backend, Lane
from backends.prompt import Prompt, Toolbox
from backends.registry import Registry
from backends.tokens import prompt_tokens
from storage.efforts import Pair
from storage.queue import MOST as MOST_RATINGS
from storage.recorder import Recorder
from storage.store import Store
from suites.effort import Asked
from suites.effort import Effort as Measured
from suites.measuring import Measurable
from ui import asking, examples, spreadsheet, viewer
from ui.form import Form, about, example, typed, whole, with_key
from ui.toolbox import Problem

if TYPE_CHECKING:
    from ui.measure import Found

EFFORTS = ("none", "high")
USUAL = "By type of request, with the effort that suits"
MOST, MOST_MINUTES, MOST_TOKENS, TOKENS = 100, 24 * 60, 131_072, 4_096
TOGETHER = "all together"


class Effort:
    kind, name = "effort", "Effort"

    def __init__(self, registry: Registry, store: Store, recorder: Recorder) -> None:
        self._registry, self._store, self._recorder = registry, store, recorder

    async def choices(self, who: str) -> dict[str, Any]:
        return {
            "backends": [
                {"name": backend.name, "about": about(backend)}
                for backend in asking.offered(self._registry)
                if set(EFFORTS) <= set(self._registry.efforts(backend))
            ],
            "library": [
                {
                    "name": group,
                    "chosen": group == USUAL,
                    "prompts": [
                        {"name": each.name, "about": f"{each.about} · image" if each.images else each.about}
                        for each in prompts
                        if not each.follows
                    ],
                }
                for group, prompts in examples.LIBRARY.items()
            ],
            "tokens": TOKENS,
        }

    async def planned(self, form: Form, who: str) -> Measurable:
        backend = self._registry.find(str(form.get("backend")))
        if backend is None:
            raise Problem("Choose a backend that has the efforts none and high.")
        with_key(self._registry, backend)
        tokens = whole(form, "tokens", 64, MOST_TOKENS, "Tokens of an answer")
        one, other = (self._lane(backend, each, tokens) for each in EFFORTS)
        asked = await asyncio.to_thread(self._asked, form, one)
        return Measured(
            recorder=self._recorder,
            store=self._store,
            lanes=(one, other),
            asked=asked,
            maker=who,
            overlap=whole(form, "overlap", 0, MOST_RATINGS, "Ratings by others"),
            seconds=60.0 * whole(form, "minutes", 1, MOST_MINUTES, "Minutes"),
        )

    def result(self, found: "Found") -> dict[str, Any]:
        compared = {sample["comparison"]: sample for sample in found.samples}
        return {
            "overlap": found.measurement.plan.get("overlap", 0),
            "comparisons": [
                {"id": run, "prompt": each["prompt"], "tag": each["tag"], "state": each["state"]}
                for run, each in compared.items()
            ],
        }

    def beside(self, found: "Found", other: "Found") -> dict[str, Any]:
        raise Problem("The table of all prompts has both of these already: choose what answered them there.")

    def rows(self, found: "Found") -> Sequence[Mapping[str, Any]]:
        return self.result(found)["comparisons"]

    def _lane(self, backend: Backend, effort: str, tokens: int) -> Lane:
        settings = replace(asking.first_settings(self._registry, backend.name), effort=effort, max_tokens=tokens)
        return asking.lane_of(self._registry, backend.name, replace(settings, waits=True))

    def _asked(self, form: Form, lane: Lane) -> list[Asked]:
        """Blocking: it reads pictures, and counts."""
        prompts = [
            asking.fit(self._registry, self._store.images, "Prompts", lane, each) for each in self._prompts(form)
        ]
        if not 1 <= len(prompts) <= MOST:
            raise Problem(f"Choose 1 to {MOST} prompts, or write some of your own.")
        return [Asked(each, prompt_tokens(each, lane.model)) for each in prompts]

    def _prompts(self, form: Form) -> Iterator[Prompt]:
        """Without what answers their tool calls: each lane is asked once."""
        chosen = form.get("prompts")
        for name in chosen if isinstance(chosen, list) else ():
            if prompt := example(self._store.images, name):
                yield replace(prompt, toolbox=Toolbox())
        yield from typed(str(form.get("own") or ""))


def routes(store: Store) -> APIRouter:
    router = APIRouter()

    @router.get("/efforts.json")
    async def told(request: Request, of: str = "") -> dict[str, Any]:
        """What is known of both efforts, by type of request; `of` one lane, or of the one asked most."""
        pairs = await store.efforts(viewer.who(request))
        lanes = [name for name, _ in Counter(pair.of for pair in pairs).most_common()]
        chosen = of if of in lanes else next(iter(lanes), "")
        return {"lanes": lanes, "of": chosen, "rows": await asyncio.to_thread(_rows, pairs, chosen)}

    @router.get("/efforts.csv")
    async def listed(request: Request) -> StreamingResponse:
        """Of each lane, a line for each type of request."""
        pairs = await store.efforts(viewer.who(request))
        return spreadsheet.lines(await asyncio.to_thread(_table, pairs), "lanewise-efforts.csv")

    return router


def _rows(pairs: Sequence[Pair], of: str) -> list[dict[str, Any]]:
    own = [pair for pair in pairs if pair.of == of]
    rules = {pair.tag: pair.rule for pair in own}
    return [_told(row, rules.get(row.tag, "")) for row in effort.rows(own, TOGETHER)]


def _told(row: Row, rule: str) -> dict[str, Any]:
    preferred, advice = row.preference, row.advice
    return {
        "tag": row.tag,
        "rule": rule,
        "pairs": row.pairs,
        "crowded": row.crowded,
        "ratios": {
            name: {"mean": each.mean, "low": each.low, "high": each.high, "of": each.of}
            for name, each in row.ratios.items()
        },
        "rated": len(preferred.scores),
        "blind": preferred.blind,
        "high": preferred.high,
        "neither": preferred.neither,
        "none": preferred.none,
        "advice": {"effort": advice.effort, "words": advice.words, "sure": advice.sure},
    }


def _table(pairs: Sequence[Pair]) -> list[list[Any]]:
    told = [{"lane": of, **row} for of in dict.fromkeys(pair.of for pair in pairs) for row in _rows(pairs, of)]
    plain = ("lane", "tag", "rule", "pairs", "crowded", "rated", "blind", "high", "neither", "none")
    ratios = [(name, part) for name in effort.MEASURES for part in ("mean", "low", "high", "of")]
    header = [*plain, *(f"{name} {part}" for name, part in ratios), "suggestion", "words", "sure"]
    return [
        header,
        *(
            [
                *(row[name] for name in plain),
                *(row["ratios"].get(name, {}).get(part) for name, part in ratios),
                *(row["advice"][name] for name in ("effort", "words", "sure")),
            ]
            for row in told
        ),
    ]
