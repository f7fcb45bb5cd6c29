"""Prompts asked at both efforts: blind comparisons of their maker, in turns, sent to the queue where that is wanted."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from backends.lane import Lane
from backends.prompt import Prompt, UserTurn
from backends.registry import Registry
from storage.efforts import Vote
from storage.recorder import Recorder
from storage.store import Store
from suites.effort import Asked, Effort
from tests.fake.serving import Fake
from tests.storage.made import judged

QUICK = "(fake tokens=5 rate=0)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'lanewise.db'}")
    yield opened
    opened.close()


@pytest.fixture
async def recorder(store: Store) -> AsyncIterator[Recorder]:
    registry = Registry((), (), {})
    made = Recorder(store, registry.stream)
    yield made
    await made.aclose()
    await registry.aclose()


def effort(fake: Fake, store: Store, recorder: Recorder, *texts: str, overlap: int = 0) -> Effort:
    none = Lane(fake.backend("vllm", price_in=1.0, price_out=2.0), "simulated", effort="none", max_tokens=100)
    asked = [Asked(Prompt("", (UserTurn(text),)), 20) for text in texts]
    return Effort(recorder, store, (none, replace(none, effort="high")), asked, "ada", overlap)


async def test_each_prompt_becomes_a_blind_comparison_with_the_efforts_in_turns(
    fake: Fake, store: Store, recorder: Recorder
) -> None:
    measured = effort(fake, store, recorder, f"Plan it. {QUICK}", f"Summarize it. {QUICK}")
    samples = [sample async for sample in measured.samples()]
    assert [asked.body["reasoning_effort"] for asked in fake.asked] == ["none", "high", "high", "none"]
    assert (len(samples), measured.budget.requests) == (4, 4)
    assert [(each["tag"], each["state"]) for each in samples[::2]] == [
        ("planning", "done"),
        ("a quick summary", "done"),
    ]
    for run in dict.fromkeys(each["comparison"] for each in samples):
        question = await store.question(run)
        assert question
        assert (question.plan.presentation.blind, question.maker, question.over) == (True, "ada", True)


async def test_what_was_asked_counts_once_it_is_rated(fake: Fake, store: Store, recorder: Recorder) -> None:
    (first, *_) = [sample async for sample in effort(fake, store, recorder, QUICK).samples()]
    assert await store.efforts("ada") == ()
    seen = await store.show(first["comparison"], "ada")
    await store.rate(first["comparison"], "Ada", judged([1], [0]), seen)
    await store.reveal(first["comparison"], "ada", "choice")  # the reasoning, which tells them apart, is not judged
    (pair,) = await store.efforts("ada")
    assert (pair.crowded, pair.votes) == (False, (Vote("high", blind=True),))
    assert pair.none.tokens is not None
    assert pair.high.tokens is not None
    assert pair.high.tokens > pair.none.tokens


async def test_no_sample_tells_the_lanes_apart(fake: Fake, store: Store, recorder: Recorder) -> None:
    samples = [sample async for sample in effort(fake, store, recorder, QUICK).samples()]
    one, other = ({name: value for name, value in each.items() if name != "request"} for each in samples)
    assert one == other


async def test_others_are_asked_to_rate_where_that_is_wanted(fake: Fake, store: Store, recorder: Recorder) -> None:
    samples = [sample async for sample in effort(fake, store, recorder, QUICK, overlap=2).samples()]
    assert await store.next_item("bo", "Bo") == samples[0]["comparison"]


async def test_a_lane_that_fails_is_told(fake: Fake, store: Store, recorder: Recorder) -> None:
    samples = [sample async for sample in effort(fake, store, recorder, "(fake fault=http_503)").samples()]
    assert {each["state"] for each in samples} == {"failed"}


async def test_what_is_stopped_asks_no_more(fake: Fake, store: Store, recorder: Recorder) -> None:
    async with aclosing(effort(fake, store, recorder, QUICK, QUICK, QUICK).samples()) as samples:
        async for _ in samples:
            break
    assert len(fake.asked) == 2


def test_a_budget_is_of_both_efforts(fake: Fake, store: Store, recorder: Recorder) -> None:
    budget = effort(fake, store, recorder, "One?", "Two?").budget
    assert (budget.requests, budget.tokens) == (4, 2 * 40 + 4 * 100)
    assert budget.cost == pytest.approx((2 * 40 * 1.0 + 4 * 100 * 2.0) / 1e6)
