"""What is rated, once and again, before and after the reveal."""

import asyncio
from functools import partial

import pytest

from backends.answer import fold
from storage.comparison import Rating, current, evidence
from storage.errors import RatingError
from storage.plan import BLIND, Plan
from storage.ratings import Judgement, Reasoned
from storage.showing import Step
from storage.store import Store
from tests.storage.made import (
    BEGAN,
    ONE,
    TWO,
    asking,
    created,
    entries,
    judged,
    read,
    stamped,
)


async def test_a_new_rating_supersedes_only_that_evaluator_s(store: Store) -> None:
    comparison_id = await created(store, lanes=3)
    first = await store.rate(comparison_id, " Ann ", judged([1], [0, 2], tags=("clear",), comment="Good."))
    other = await store.rate(comparison_id, "Bob", judged(all_bad=True))
    second = await store.rate(comparison_id, "Ann", judged([2], [1], [0]))
    found = await read(store, comparison_id)
    assert found.ratings == (first, other, second)
    assert current(found.ratings) == (other, second)
    assert (second.supersedes, first.supersedes, other.supersedes) == (first.id, None, None)
    assert (first.evaluator, first.tags, first.comment) == ("Ann", ("clear",), "Good.")
    assert other.ranking == ((0, 1, 2),)


async def test_many_ratings_at_once_make_one_line_of_succession(store: Store) -> None:
    comparison_id = await created(store)
    await asyncio.gather(*(store.rate(comparison_id, "Ann", judged([0], [1])) for _ in range(20)))
    found = await read(store, comparison_id)
    assert len(found.ratings) == 20
    assert len(current(found.ratings)) == 1


async def test_a_rating_that_makes_no_sense_is_refused_and_leaves_nothing(store: Store) -> None:
    comparison_id = await created(store)
    for evaluator, ranking in (("", [[0], [1]]), ("Ann", [[0]]), ("Ann", [[0], [1], [2]])):
        with pytest.raises(RatingError):
            await store.rate(comparison_id, evaluator, judged(*ranking))
    with pytest.raises(RatingError, match="not here"):
        await store.rate("nothing", "Ann", judged([0]))
    assert (await read(store, comparison_id)).ratings == ()


async def test_a_blind_rating_leads_to_the_reasoning_that_was_hidden_then_to_the_reveal(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    steps = []

    async def rate(judgement: Judgement) -> Rating:
        kept = await store.rate(comparison_id, "Ann", judgement, await store.show(comparison_id, "ann"))
        seen = await store.show(comparison_id, "ann")
        steps.append((kept.blind, seen and seen.step))
        return kept

    first = await rate(judged([0], [1], strength=2))
    second = await rate(judged([1], [0], traces=Reasoned(marks={"faithful": (0,)})))
    third = await rate(judged([0, 1]))
    assert steps == [(True, Step.REASONING), (True, Step.OPEN), (False, Step.OPEN)]
    assert (second.supersedes, second.ranking, second.strength) == (first.id, ((0,), (1,)), 2)  # as judged without it
    assert second.traces.marks == {"faithful": (0,)}
    assert third.supersedes == second.id


async def test_of_two_presses_the_second_is_no_rating_of_its_own(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    seen = await store.show(comparison_id, "ann")
    rating = partial(store.rate, comparison_id, "Ann", judged([0], [1]), seen)
    first, second = await asyncio.gather(rating(), rating(), return_exceptions=True)
    assert isinstance(first, Rating)
    assert first.blind
    assert isinstance(second, RatingError)


async def test_who_has_rated_at_another_browser_does_not_rate_blind_again(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    kept = [
        await store.rate(comparison_id, "Ann", judged([0], [1], early=True), await store.show(comparison_id, browser))
        for browser in ("desk", "phone")
    ]
    assert [each.blind for each in kept] == [True, False]
    assert evidence(reversed(kept)) == (kept[0],)


async def test_who_judges_the_reasoning_has_judged_the_answers(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    for browser, evaluator in (("desk", "Ann"), ("phone", "Bob")):
        await store.rate(comparison_id, evaluator, judged([0], [1]), await store.show(comparison_id, browser))
    for evaluator in ("Cat", "Bob"):  # who has judged nothing, or somewhere else
        with pytest.raises(RatingError, match="another name"):
            await store.rate(comparison_id, evaluator, judged([1], [0]), await store.show(comparison_id, "desk"))


async def test_a_rating_that_comes_after_the_reveal_is_not_blind(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    before = await store.show(comparison_id, "ann")
    reveal = store.reveal(comparison_id, "ann", "choice")
    _, late = await asyncio.gather(
        reveal, store.rate(comparison_id, "Ann", judged([0], [1]), before), return_exceptions=True
    )
    assert isinstance(late, RatingError)
    assert not (await store.rate(comparison_id, "Ann", judged([0], [1]), await store.show(comparison_id, "ann"))).blind


@pytest.mark.parametrize("seconds", [-1.0, 1e300])
async def test_a_time_that_can_not_be_is_not_kept(store: Store, seconds: float) -> None:
    comparison_id = await created(store)
    seen = await store.show(comparison_id, "ann")
    assert (await store.rate(comparison_id, "Ann", judged([0], [1], seconds=seconds), seen)).seconds is None


@pytest.mark.parametrize("judgement", [judged([0], [1], early=True), Judgement(skipped="I can't judge this")])
async def test_an_early_rating_or_a_skip_reveals_at_once(store: Store, judgement: Judgement) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    rating = await store.rate(comparison_id, "Ann", judgement, await store.show(comparison_id, "ann"))
    seen = await store.show(comparison_id, "ann")
    assert seen is not None
    assert (rating.blind, rating.showing_id, seen.step, seen.revealed_by) == (True, seen.id, Step.OPEN, "rating")
