"""The part "Load" of the Measure tab: what its form offers and asks for, and what is shown of what was found."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from analysis.load import SHARES, Figures, Interval, enough, figures, pairs, verdict
from backends.lane import Lane
from backends.prompt import Prompt
from backends.registry import Registry
from backends.tokens import prompt_tokens
from storage.comparison import EVERYTHING
from storage.prompts import title
from storage.store import Store
from suites import load
from suites.load import Asked
from suites.measuring import Measurable
from ui import asking, examples, view
from ui.asking import Settings
from ui.form import Form, example, typed, whole, with_key
from ui.toolbox import Problem

if TYPE_CHECKING:
    from ui.measure import Found

MOST_LANES, MOST_PROMPTS, MOST_STEPS, MOST_AT_ONCE, MOST_REQUESTS = 6, 50, 8, 256, 2000
LONGEST = 1800  # seconds of a step
RECENT = 25  # comparisons whose prompts are offered
CACHED = 0.1  # of the prompts: with more of it in the server's cache, first tokens came too soon
LATE = 10.0  # ms that this machine may be late itself at p95 before its times are doubtful
CLAIMS = (("e2e_p50", 0.6, "40 % less completion time"), ("rate", 3.0, "3 times the requests per second"))


@dataclass(frozen=True, slots=True)
class Load:
    registry: Registry
    store: Store
    kind: str = "load"
    name: str = "Load"

    async def choices(self, who: str) -> dict[str, Any]:
        page = await self.store.page(None, RECENT, EVERYTHING, who)
        kept = {row.prompt_id: row for row in reversed(page.rows)}
        return {
            "backends": [
                {"name": each.name, "artifact": each.artifact, "efforts": self.registry.efforts(each)}
                for each in self.registry.backends
            ],
            "prompts": [
                {"value": f"library:{each.name}", "name": each.name, "about": _about(each)} for each in _library()
            ],
            "kept": [
                {"value": f"kept:{row.id}", "name": view.heading(row.title), "about": "image" * bool(row.images)}
                for row in reversed(kept.values())
            ],
        }

    async def planned(self, form: Form, who: str) -> Measurable:
        lanes, steps = self._lanes(form), _steps(form.get("steps"))
        _allowed(lanes, steps)
        prompts = await self._prompts(form)
        asked = await asyncio.to_thread(self._fitted, lanes, prompts)
        return load.Load(
            stream=self.registry.stream,
            discover=lambda backend: self.registry.client(backend).discover(),
            asked=asked,
            titles=tuple(title(prompt) for prompt in prompts),
            steps=steps,
            requests=whole(form, "requests", 1, MOST_REQUESTS, "Requests per step"),
            seconds=whole(form, "seconds", 1, LONGEST, "Seconds per step"),
            max_tokens=whole(form, "max_tokens", 1, 100_000, "Max tokens"),
            warm_up=whole(form, "warm_up", 0, 100, "Warm-up requests"),
            seed=None if form.get("seed") in (None, "") else whole(form, "seed", 0, 2**31 - MOST_REQUESTS, "Seed"),
        )

    def result(self, found: "Found") -> dict[str, Any]:
        """While it runs, figures come without their doubt: to reckon that takes a while."""
        labels, running = _labels(found), found.measurement.state == "running"
        every = figures(found.samples, 0 if running else 1000)
        over = dict.fromkeys(range(1, len(labels)), 0)
        compared = [] if running else pairs(found.samples, found.samples, over)
        return {
            "lanes": labels,
            "steps": [_told(each) for each in every],
            "ratios": [_ratio(labels, labels, *each) for each in compared],
            "notes": [*_notes(labels, every, found.samples), *([] if running else _unbounded(every))],
        }

    def beside(self, found: "Found", other: "Found") -> dict[str, Any]:
        ours, theirs = _labels(found), _labels(other)
        over = {lane: theirs.index(label) if label in theirs else lane for lane, label in enumerate(ours)}
        compared = pairs(other.samples, found.samples, over)
        if not compared:
            raise Problem("These two have no step in common in which both lanes answered: measure the same steps.")
        return {
            "ratios": [_ratio(theirs, ours, *each) for each in compared],
            "notes": [*_otherwise(found.measurement.plan, other.measurement.plan)],
        }

    def rows(self, found: "Found") -> Sequence[Mapping[str, Any]]:
        labels = _labels(found)
        return [_row(labels, each) for each in figures(found.samples)]

    def _lanes(self, form: Form) -> list[Lane]:
        wanted = [each for each in _list(form, "lanes") if isinstance(each, dict)]
        if not 1 <= len(wanted) <= MOST_LANES:
            raise Problem(f"Choose 1 to {MOST_LANES} lanes.")
        chosen = [
            Settings(_text(each, "backend"), _text(each, "effort"), _text(each, "model") or None) for each in wanted
        ]
        lanes = [asking.lane_of(self.registry, f"Lane {at}", one) for at, one in enumerate(chosen, 1)]
        for lane in lanes:
            with_key(self.registry, lane.backend)
        return lanes

    async def _prompts(self, form: Form) -> list[Prompt]:
        names = [asking.clean(str(each)) for each in _list(form, "prompts")]
        prompts = [await self._prompt(name) for name in names[:MOST_PROMPTS]]
        prompts += typed(_text(form, "text"))
        if not 1 <= len(prompts) <= MOST_PROMPTS:
            raise Problem(f"Choose 1 to {MOST_PROMPTS} prompts, or type one.")
        return prompts

    async def _prompt(self, name: str) -> Prompt:
        source, _, which = name.partition(":")
        if source == "library" and (prompt := await asyncio.to_thread(example, self.store.images, which)):
            return prompt
        if source == "kept" and (kept := await self.store.read(which)):
            return kept.prompt
        raise Problem(f"The prompt {which!r} is not here any more: choose another.")

    def _fitted(self, lanes: Sequence[Lane], prompts: Sequence[Prompt]) -> tuple[Asked, ...]:
        """Blocking."""
        asked = []
        for at, lane in enumerate(lanes, 1):
            own = tuple(asking.fit(self.registry, self.store.images, f"Lane {at}", lane, prompt) for prompt in prompts)
            asked.append(Asked(lane, own, tuple(prompt_tokens(prompt, lane.model) for prompt in own)))
        return tuple(asked)


def _library() -> list[examples.Example]:
    """A follow-up asks nothing by itself."""
    return [each for each in examples.EXAMPLES if not each.follows]


def _about(example: examples.Example) -> str:
    has = [example.about, "image" if example.images else "", "tools" if example.tools.tools else ""]
    return " · ".join(filter(None, has))


def _steps(said: Any) -> tuple[int, ...]:
    parts = re.split(r"[,;\s]+", str(said or "").strip())
    if (
        not all(re.fullmatch(r"\d{1,9}", part) and 1 <= int(part) <= MOST_AT_ONCE for part in parts)
        or len(parts) > MOST_STEPS
    ):
        raise Problem(f"Steps are up to {MOST_STEPS} whole numbers from 1 to {MOST_AT_ONCE}, such as 1, 2, 4, 8.")
    return tuple(sorted({int(part) for part in parts}))


def _allowed(lanes: Sequence[Lane], steps: Sequence[int]) -> None:
    """Beyond what a backend is declared to take, requests would wait here, where no time counts."""
    for backend in (lane.backend for lane in lanes):
        if backend.concurrency is not None and backend.concurrency < steps[-1]:
            raise Problem(
                f"{backend.name} is sent {backend.concurrency} requests at once: take no higher steps, or raise its "
                "`concurrency` in backends.toml."
            )


def _list(form: Form, name: str) -> list[Any]:
    value = form.get(name)
    return value if isinstance(value, list) else []


def _text(form: Form, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _labels(found: "Found") -> list[str]:
    return [str(each.get("label", "")) for each in found.measurement.plan.get("lanes", ())]


def _told(each: Figures) -> dict[str, Any]:
    return asdict(each) | {"values": {name: list(value) for name, value in each.values.items()}}


def _row(labels: Sequence[str], each: Figures) -> dict[str, Any]:
    row: dict[str, Any] = {"lane": labels[each.lane], "at_once": each.step, "requests": each.requests}
    row |= {"answered": each.answered, "errors": sum(each.errors.values())}
    for name, (value, low, high) in each.values.items():
        row |= {name: round(value, 3), f"{name}_low": round(low, 3), f"{name}_high": round(high, 3)}
    row |= {"completion_tokens": each.tokens, "cost": each.cost, "lag_p95": each.lag, "busy": each.busy}
    return row | {name.replace(" ", "_"): value for name, value in each.server.items()}


def _notes(labels: Sequence[str], every: Sequence[Figures], samples: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What makes these figures doubtful, in words."""
    for lane, steps in groupby(every, lambda each: each.lane):
        late = [each for each in steps if each.lag > LATE]
        if late:
            yield (
                f"{labels[lane]}: with {view.listed([str(each.step) for each in late])} at once, the page's "
                f"machine was the limit: it was up to {max(each.lag for each in late):.0f} ms late itself. Times there "
                "are longer than the server's."
            )
        if any(each.approximate for each in every if each.lane == lane):
            yield f"{labels[lane]}: the server counts no tokens, so time between tokens is by pieces of the stream."
        if any(each.cached > CACHED for each in every if each.lane == lane):
            yield (
                f"{labels[lane]}: the server had more than {100 * CACHED:.0f} % of the prompts in its cache. Where it "
                "has not, its first token comes later."
            )
    said = {sample["error"]: sample["said"] for sample in samples if sample.get("error") and sample.get("said")}
    yield from (f"{kind}: {words}" for kind, words in said.items())


def _unbounded(every: Sequence[Figures]) -> Iterator[str]:
    few = {name: enough(share) for name, share in SHARES.items()}
    few = {name: least for name, least in few.items() if any(0 < each.answered < least for each in every)}
    if few:
        takes = view.listed([f"{name} takes {least}" for name, least in few.items()])
        yield f"With so few answers the truth may lie above these intervals: {takes} answers at each step."


def _otherwise(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    names = {"prompts": "prompts", "requests": "requests per step", "max_tokens": "max tokens", "seed": "seed"}
    if differing := [words for name, words in names.items() if ours.get(name) != theirs.get(name)]:
        yield f"They were asked with other {view.listed(differing)}: the ratios tell that too, not the lanes alone."


def _ratio(
    a_labels: Sequence[str], b_labels: Sequence[str], a: int, b: int, step: int, told: Mapping[str, Interval]
) -> dict[str, Any]:
    """B over A."""
    return {
        "a": a_labels[a],
        "b": b_labels[b],
        "step": step,
        "values": {name: list(value) for name, value in told.items()},
        "claims": [*_claims(told)],
    }


def _claims(told: Mapping[str, Interval]) -> Iterator[dict[str, str]]:
    for name, claimed, words in CLAIMS:
        if name in told:
            yield {"claim": words, "verdict": verdict(told[name], claimed)}
