"""What one model answered at both efforts: with figures and votes, and without what is sealed."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from backends.answer import fold
from backends.events import Event, Failed, Finished, Sent, Stamped, TextDelta, Usage
from backends.lane import Lane
from backends.prompt import Prompt, UserTurn
from storage.comparison import Place
from storage.efforts import Spent, Vote
from storage.plan import BLIND, Plan
from storage.store import OPENLY, Store
from tests.storage.made import BEGAN, DECLARED, TWO, judged

NONE = Lane(DECLARED, "m-1", "FP8", "none", 0.0)
HIGH = replace(NONE, effort="high", temperature=0.7)
OTHER = replace(NONE, effort="high", artifact="NVFP4")
CAPPED = replace(HIGH, max_tokens=50)

STOP = Finished("stop")
ASKED = "Plan the move of the archive."


def answer(start: int, tokens: int, end: Event = STOP) -> tuple[Stamped, ...]:
    events: tuple[Event, ...] = (Sent("{}"), TextDelta("An answer."), end, Usage(1_000, tokens))
    return tuple(Stamped(start + 100 * place, event) for place, event in enumerate(events))


async def asked(
    store: Store,
    lanes: Sequence[Lane] = (NONE, HIGH),
    text: str = ASKED,
    plan: Plan = OPENLY,
    maker: str = "",
    end: Event = STOP,
) -> str:
    """A comparison that is over: each lane took ten times the tokens of the one before; the last ended so."""
    prompt = Prompt("", (UserTurn(text),))
    comparison_id = await store.create(prompt, [(lane, prompt) for lane in lanes], plan, maker)
    last = len(lanes) - 1
    ended = {place: fold(answer(7, 10 * 10**place, end if place == last else STOP)) for place in range(last + 1)}
    await store.append(comparison_id, BEGAN, [], ended, [() for _ in lanes])
    return comparison_id


async def test_a_pair_has_what_each_took_and_how_people_rated_it(store: Store) -> None:
    run = await asked(store)
    await store.rate(run, "Ada", judged([1], [0]))
    await store.rate(run, "Bo", judged([0, 1]))
    await store.rate(run, "Cy", judged([0], [1]))
    (pair,) = await store.efforts()
    assert (pair.comparison_id, pair.title, pair.of) == (run, ASKED, "one · m-1 · FP8")
    assert (pair.tag, pair.rule) == ("planning", "high")
    assert pair.none == Spent(100, 100, 200, 10, (1_000 * 0.5 + 10 * 1.5) / 1e6)
    assert pair.high == Spent(100, 100, 200, 100, (1_000 * 0.5 + 100 * 1.5) / 1e6)
    assert sorted(pair.votes) == [Vote("high", False), Vote("neither", False), Vote("none", False)]


async def test_the_votes_are_told_whichever_lane_was_asked_first(store: Store) -> None:
    run = await asked(store, (HIGH, TWO, NONE))
    await store.rate(run, "Ada", judged([0], [1], [2]))
    (pair,) = await store.efforts()
    assert pair.votes == (Vote("high", False),)
    assert (pair.none.tokens, pair.high.tokens) == (1_000, 10)


@pytest.mark.parametrize(
    ("lanes", "end"),
    [
        ((NONE, OTHER), Finished("stop")),
        ((NONE, CAPPED), Finished("stop")),
        ((NONE, TWO), Finished("stop")),
        ((NONE, NONE), Finished("stop")),
        ((NONE, HIGH), Failed("connect", "Nobody there.")),
    ],
)
async def test_lanes_that_differ_in_more_or_did_not_answer_are_none(
    store: Store, lanes: Sequence[Lane], end: Event
) -> None:
    await asked(store, lanes, end=end)
    assert await store.efforts() == ()


async def test_what_is_sealed_is_left_out_until_it_is_rated(store: Store) -> None:
    run = await asked(store, plan=Plan(BLIND), maker="ada")
    assert await store.efforts("ada") == await store.efforts("bo") == ()
    seen = await store.show(run, "ada")
    await store.rate(run, "Ada", judged([1], [0]), seen)
    (pair,) = await store.efforts("ada")
    assert pair.votes == (Vote("high", True),)
    assert await store.efforts("bo") == ()


async def test_what_waits_in_the_queue_is_left_out_for_others(store: Store) -> None:
    run = await asked(store, maker="ada")
    await store.enqueue([run], 2)
    assert len(await store.efforts("ada")) == 1
    assert await store.efforts("bo") == ()


async def test_answers_taken_over_are_those_first_asked(store: Store) -> None:
    run = await asked(store)
    prompt = Prompt("", (UserTurn(ASKED),))
    kept = {0: Place(run, 1), 1: Place(run, 0)}
    await store.create(prompt, [(HIGH, prompt), (NONE, prompt)], kept=kept)
    pairs = await store.efforts()
    assert len({pair.answers for pair in pairs}) == 1


async def test_the_newest_comes_first(store: Store) -> None:
    runs = [await asked(store, text=text) for text in ("One?", "Two?", "Three?")]
    assert [pair.comparison_id for pair in await store.efforts()] == runs[::-1]
