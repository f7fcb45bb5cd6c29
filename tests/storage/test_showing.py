"""What a sealed comparison withholds is told by no other that shares an answer with it."""

from collections.abc import Awaitable, Callable, Mapping

import pytest

from backends.answer import fold
from backends.lane import Lane
from storage.comparison import Filter, Place
from storage.exports.items import Scope
from storage.plan import BLIND, Plan
from storage.store import Store
from tests.storage.exported import lines
from tests.storage.made import BEGAN, ONE, THREE, TWO, asking, entries, judged, stamped

ASKED = asking("What is 1+1?")
OPENLY = Plan()


async def over(
    store: Store,
    plan: Plan = OPENLY,
    lanes: tuple[Lane, ...] = (ONE, TWO),
    kept: Mapping[int, Place] | None = None,
    follows: str | None = None,
) -> str:
    """A comparison that Max made and whose lanes have answered."""
    run = await store.create(ASKED, [(lane, ASKED) for lane in lanes], plan, "max", follows, kept or {})
    for lane in range(len(lanes)):
        await store.append(run, BEGAN, entries(lane, stamped()), {lane: fold(stamped())})
    return run


async def remade(store: Store, run: str) -> str:
    """With another lane in place of the second."""
    return await over(store, lanes=(ONE, THREE), kept={0: Place(run, 0)})


async def combined(store: Store, run: str) -> str:
    """With nothing but what stands there already, taken over from one that had taken it over."""
    again = await remade(store, run)
    return await over(store, kept={0: Place(again, 0), 1: Place(run, 1)})


async def followed(store: Store, run: str) -> str:
    return await over(store, follows=await over(store, follows=run))


async def followed_and_remade(store: Store, run: str) -> str:
    return await remade(store, await followed(store, run))


async def sealed(store: Store, run: str, viewer: str) -> bool:
    showing = await store.show(run, viewer)
    assert showing is not None
    return showing.sealed


Derive = Callable[[Store, str], Awaitable[str]]

DERIVED = pytest.mark.parametrize("derived", [remade, combined, followed, followed_and_remade])


@DERIVED
async def test_what_has_answers_of_a_sealed_comparison_is_sealed_too(store: Store, derived: Derive) -> None:
    first = await over(store, Plan(BLIND))
    await store.reveal(first, "max", "choice")
    second = await derived(store, first)
    assert not await sealed(store, second, "max")
    for _ in range(2):  # before there is a showing to Ann, and with it
        rows = {row.id: row for row in (await store.page(viewer="ann")).rows}
        assert rows[second].sealed
        assert await store.found(Filter(backend=ONE.backend.name), "ann") == ()
        assert await store.found(Filter(words='"1 1 is 2"'), "ann") == ()
        assert "one" not in (await store.choices("ann"))["backend"]
        told = lines(store, Scope(viewer="ann"))
        assert all(line["sealed"] for line in told)
        assert await sealed(store, second, "ann")


@DERIVED
async def test_who_sees_one_uncovered_knows_of_the_other(store: Store, derived: Derive) -> None:
    first = await over(store, Plan(BLIND))
    await store.reveal(first, "max", "choice")
    second = await derived(store, first)
    await store.enqueue([first, second], 3)
    seen = await store.show(second, "ann")
    assert (await store.rate(second, "Ann", judged([0], [1], early=True), seen)).blind
    assert not await sealed(store, first, "ann")
    known = await store.show(first, "ann")
    assert not (await store.rate(first, "Ann", judged([0], [1]), known)).blind
    assert await store.next_item("ann", "Annie") is None
    assert await sealed(store, first, "bob")


async def test_what_waits_to_be_rated_is_told_by_nothing_that_was_open_before(store: Store) -> None:
    first = await over(store)
    follows = await over(store, follows=first)
    follows_with_another = await remade(store, follows)
    assert not await sealed(store, first, "bob")
    second = await remade(store, first)
    await store.enqueue([second], 3)
    for run in (follows_with_another, follows, first, second):
        assert await sealed(store, run, "ann")
    assert await store.next_item("ann", "Ann") == second
    assert not await sealed(store, second, "bob")  # who had seen a lane of it
    assert await store.next_item("bob", "Bob") is None
    assert not await sealed(store, first, "max")


async def test_what_shares_no_answer_tells_nothing(store: Store) -> None:
    first = await over(store, Plan(BLIND))
    await store.reveal(first, "max", "choice")
    unlike = await over(store, follows=await over(store))
    earlier = await over(store)
    await over(store, Plan(BLIND), follows=earlier)
    for run in (unlike, earlier):
        assert not await sealed(store, run, "ann")


async def test_who_knows_nothing_of_what_was_asked_openly_may_ask_to_see_it_blind(store: Store) -> None:
    first = await over(store)
    second = await remade(store, first)
    asked = await store.show(first, "ann", blind=True)
    assert asked is not None
    assert asked.presentation == BLIND
    assert await store.show(first, "ann") == asked
    assert await sealed(store, second, "ann")  # which tells of it
    assert (await store.rate(first, "Ann", judged([0], [1]), asked)).blind


async def test_who_made_it_or_saw_what_tells_of_it_sees_it_as_it_was_planned(store: Store) -> None:
    first = await over(store)
    second = await remade(store, first)
    assert not await sealed(store, second, "bob")
    for viewer in ("max", "bob"):
        asked = await store.show(first, viewer, blind=True)
        assert asked is not None
        assert not asked.presentation.blind
