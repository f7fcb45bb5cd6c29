"""Load against the fake server: what is asked, what is counted, and figures that an independent generator confirms."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from analysis.load import figures
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from backends.registry import Registry
from benchmarks import load as proof
from benchmarks.servers import serving
from suites.load import Asked, Load
from tests.fake.script import Script
from tests.fake.serving import Fake


def asking(*scripts: Script) -> tuple[Prompt, ...]:
    return tuple(Prompt("", (UserTurn(str(script)),)) for script in scripts)


QUICK = Script(tokens=5, rate=0)


@asynccontextmanager
async def loading(*backends: Backend, scripts: tuple[Script, ...] = (QUICK,), **settings: Any) -> AsyncIterator[Load]:
    registry, prompts = Registry(backends, (), os.environ), asking(*scripts)
    asked = tuple(Asked(Lane(each, each.model), prompts, (10,) * len(prompts)) for each in backends)
    usual = {"steps": (1, 3), "requests": 6, "seconds": 60.0, "max_tokens": 50, "warm_up": 1}
    names = tuple(f"prompt {number}" for number in range(len(prompts)))
    yield Load(registry.stream, lambda one: registry.client(one).discover(), asked, names, **usual | settings)
    await registry.aclose()


async def found(load: Load) -> list[dict[str, Any]]:
    return [sample async for sample in load.samples()]


def requests(samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [sample for sample in samples if sample["what"] == "request"]


async def test_every_lane_is_asked_the_same_with_the_same_seeds_one_lane_after_another(fake: Fake) -> None:
    one, two = fake.backend("vllm"), replace(fake.backend("llamacpp"), name="two")
    async with loading(one, two, scripts=(QUICK, replace(QUICK, tokens=7)), seed=100) as load:
        samples = await found(load)
    assert [(each.lane, each.step, each.answered) for each in figures(samples, 0)] == [
        (0, 1, 6), (0, 3, 6), (1, 1, 6), (1, 3, 6)
    ]  # fmt: skip
    asked = [(each.kind, each.body["seed"], each.body["max_tokens"], str(each.body["messages"])) for each in fake.asked]
    kinds = [kind for kind, *_ in asked]
    assert kinds == ["vllm"] * 13 + ["llamacpp"] * 13
    assert sorted(rest for _, *rest in asked[:13]) == sorted(rest for _, *rest in asked[13:])
    assert {seed for _, seed, *_ in asked} == {*range(100, 106)}
    assert {most for _, _, most, _ in asked} == {50}


async def test_a_sample_has_times_in_their_order_and_the_servers_counts(fake: Fake) -> None:
    async with loading(fake.backend("vllm"), scripts=(Script(tokens=4, rate=100, first=30),), steps=(1,)) as load:
        samples = requests(await found(load))
    for each in samples:
        assert 0 <= each["began"] <= each["sent"] < each["first"] < each["last"] <= each["end"]
        assert each["ttft"] == each["first"] - each["sent"] >= 30_000
        assert each["e2e"] == each["end"] - each["sent"]
        assert each["itl"] == pytest.approx((each["last"] - each["first"]) / 3, abs=0.1)
        assert (each["completion_tokens"], each["pieces"], each["finish"]) == (4, 4, "stop")
        assert (each["error"], each["approximate"]) == (None, False)
    assert all(one["end"] <= two["sent"] for one, two in pairwise(samples))


async def test_without_counts_the_time_between_tokens_is_by_pieces_and_says_so(fake: Fake) -> None:
    async with loading(fake.backend("vllm"), scripts=(Script(tokens=4, rate=100, show="no_usage"),)) as load:
        samples = requests(await found(load))
    assert {(each["approximate"], each["completion_tokens"], each["pieces"]) for each in samples} == {(True, None, 4)}
    assert all(each["itl"] > 0 for each in samples)


async def test_so_many_are_under_way_as_the_step_says(fake: Fake) -> None:
    async with loading(fake.backend("vllm"), scripts=(Script(tokens=2, rate=20, first=150),), steps=(3,)) as load:
        samples = requests(await found(load))
    changes = sorted([(each["sent"], 1) for each in samples] + [(each["end"], -1) for each in samples])
    under_way = [sum(change for _, change in changes[: at + 1]) for at in range(len(changes))]
    assert max(under_way) == 3


async def test_the_servers_own_figures_and_this_machines_lag_are_told(fake: Fake) -> None:
    async with loading(fake.backend("vllm"), steps=(2,)) as load:
        (step,) = figures(await found(load), 0)
    assert step.server["requests running"] == 1
    assert step.server["KV cache %"] == pytest.approx(12)
    assert step.busy > 0


@pytest.mark.parametrize(
    ("fault", "kind"), [("http_429", "rate_limit"), ("http_500", "refused"), ("reset", "truncated")]
)
async def test_what_fails_is_counted_by_its_kind_and_never_asked_again(fake: Fake, fault: str, kind: str) -> None:
    async with loading(fake.backend("vllm"), scripts=(QUICK, replace(QUICK, fault=fault)), steps=(2,)) as load:
        samples = await found(load)
    (step,) = figures(samples, 0)
    assert (step.requests, step.answered, sum(step.errors.values())) == (6, 3, 3)
    assert len(fake.asked) == 7
    told = {each["error"]: each["said"] for each in requests(samples) if each["error"]}
    assert all(told.values())
    assert kind in told


async def test_a_step_that_takes_too_long_begins_no_more_and_cuts_what_runs(fake: Fake) -> None:
    async with loading(
        fake.backend("vllm"), scripts=(Script(tokens=9, rate=1),), steps=(2,), seconds=0.3, warm_up=0
    ) as load:
        samples = requests(await found(load))
    assert [each["error"] for each in samples] == ["cut", "cut"]


async def test_who_closes_it_ends_its_requests(fake: Fake) -> None:
    async with loading(fake.backend("vllm"), scripts=(Script(tokens=5, rate=5),), warm_up=0, steps=(1,)) as load:
        async with aclosing(load.samples()) as samples:
            async for each in samples:
                if each["what"] == "request":
                    break
        asked = len(fake.asked)
        await asyncio.sleep(0)
        assert len(fake.asked) == asked


async def test_the_budget_has_every_request_its_longest_answer_and_its_price() -> None:
    priced = Backend("priced", "vllm", "http://127.0.0.1:1", "m", price_in=1.0, price_out=2.0)
    async with loading(priced, replace(priced, name="two")) as load:
        budget = load.budget
        assert (budget.requests, budget.tokens) == (26, 26 * 60)
        assert budget.cost == pytest.approx(26 * (10 * 1 + 50 * 2) / 1e6)
        assert budget.seconds >= 2 * 2 * 2 * 60
    async with loading(priced, Backend("free", "vllm", "http://127.0.0.1:1", "m")) as load:
        assert load.budget.cost is None


async def test_figures_agree_with_those_of_an_independent_generator() -> None:
    """At the fake's own slow pace, by a server in a process of its own: 5 %, of what its schedule rules."""
    script = Script(tokens=25, rate=10, first=500)
    with serving("-m", "tests.fake") as server:
        url = f"{server.url}/vllm/v1"
        theirs = await asyncio.to_thread(proof.theirs, url, script, 4, 8)
        ours = await proof.ours(url, script, 4, 8)
    for name in ("rate", "tokens_rate", "itl_p50", "e2e_p50"):
        assert ours[name] == pytest.approx(theirs[name], rel=0.05), name
    assert ours["e2e_p50"] == pytest.approx(500 + 2500, rel=0.05)
