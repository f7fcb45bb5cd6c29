"""The rating queue gives each evaluator what they may judge, and never one place to two of them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event

from backends.answer import fold
from storage import changes, queue, showing
from storage.errors import RatingError
from storage.queue import HOLD, Progress
from storage.ratings import Judgement
from storage.store import Store
from tests.storage.made import BEGAN, ONE, TWO, asking, stamped

T = TypeVar("T")

NOW = datetime(2026, 3, 4, tzinfo=UTC)


async def queued(store: Store, *questions: str, overlap: int = 2, maker: str = "maker") -> list[str]:
    """A comparison for each question, its lanes over, in the queue."""
    ids = []
    for question in questions:
        prompt = asking(question)
        ids.append(await store.create(prompt, [(ONE, prompt), (TWO, prompt)], maker=maker))
        await store.append(ids[-1], BEGAN, [], {0: fold(stamped()), 1: fold(stamped())})
    await store.enqueue(ids, overlap)
    return ids


def write(store: Store, work: Callable[[Connection], T]) -> T:
    return store._database.writer.submit(work).result()


def take(store: Store, who: str, after: str = "", now: datetime = NOW, name: str = "") -> str | None:
    """The next item for the browser `who`, whose evaluator has its name unless another is given."""
    return write(store, lambda connection: queue.reserve(connection, who, name or who, after, now))


def rate(store: Store, item: str, who: str, skipped: str = "") -> None:
    given = Judgement(skipped=skipped) if skipped else Judgement(((0,), (1,)))

    def work(connection: Connection) -> None:
        seen = showing.begin(connection, item, who)
        changes.rate(connection, store.rubric, item, who, given, seen)

    write(store, work)


def progress(store: Store, who: str, now: datetime = NOW) -> Progress:
    return write(store, lambda connection: queue.progress(connection, who, who, now))


async def test_only_what_is_queued_and_over_is_served(store: Store) -> None:
    prompt = asking("Still running")
    running = await store.create(prompt, [(ONE, prompt), (TWO, prompt)])
    await store.enqueue([running], 2)
    await queued(store, "Not wanted", overlap=0)
    assert take(store, "ann") is None
    await store.append(running, BEGAN, [], {0: fold(stamped()), 1: fold(stamped())})
    assert take(store, "ann") == running


async def test_nobody_judges_what_they_made(store: Store) -> None:
    await queued(store, "Mine", maker="ann")
    (other,) = await queued(store, "Not mine", maker="bob")
    assert take(store, "ann") == other
    assert progress(store, "ann").left == 1


async def test_what_has_shown_its_lanes_is_not_served_as_blind(store: Store) -> None:
    peeked, seen = await queued(store, "Peeked", "Seen openly", overlap=0)
    await store.show(seen, "ann")
    await store.enqueue([peeked, seen], 2)
    await store.show(peeked, "ann")
    assert take(store, "ann") == peeked
    await store.reveal(peeked, "ann", "choice")
    assert take(store, "ann") is None
    assert take(store, "bob") == peeked


async def test_what_lacks_least_comes_first_then_what_is_oldest(store: Store) -> None:
    first, second, third = await queued(store, "First", "Second", "Third", overlap=3)
    rate(store, third, "bob")
    assert take(store, "ann") == third
    assert take(store, "ann", after=third) == first
    rate(store, third, "ann")
    rate(store, first, "ann")
    assert take(store, "ann") == second
    assert take(store, "cat") == third


async def test_an_item_is_kept_for_who_has_begun_it(store: Store) -> None:
    first, second = await queued(store, "First", "Second")
    assert take(store, "ann") == first
    rate(store, second, "bob")
    assert take(store, "ann") == first


async def test_the_last_place_is_given_once_until_its_lock_expires(store: Store) -> None:
    (item,) = await queued(store, "Only", overlap=1)
    assert take(store, "ann") == item
    late = NOW + HOLD
    assert take(store, "bob", now=late - timedelta(seconds=1)) is None
    assert progress(store, "bob", now=late - timedelta(seconds=1)).left == 0
    assert take(store, "bob", now=late) == item
    assert take(store, "ann", now=late) is None


async def test_who_took_longer_than_the_lock_has_still_rated_blind(store: Store) -> None:
    (item,) = await queued(store, "Only", overlap=1)
    take(store, "ann")
    assert take(store, "bob", now=NOW + HOLD) == item
    for who in ("bob", "ann"):
        rate(store, item, who)
    question = await store.question(item)
    assert question is not None
    assert [(each.evaluator, each.blind) for each in question.ratings] == [("bob", True), ("ann", True)]
    assert progress(store, "ann") == Progress(rated=1, left=0, complete=1, total=1)


async def test_a_lock_that_is_renewed_goes_on(store: Store) -> None:
    (item,) = await queued(store, "Only", overlap=1)
    take(store, "ann")
    later = NOW + HOLD / 2
    write(store, lambda connection: queue.hold(connection, "ann", [item], later))
    assert take(store, "bob", now=NOW + HOLD) is None
    assert take(store, "bob", now=later + HOLD) == item


async def test_who_leaves_gives_the_place_back(store: Store) -> None:
    (item,) = await queued(store, "Only", overlap=1)
    take(store, "ann")
    await store.release("bob", [item])
    assert take(store, "bob") is None
    await store.release("ann", [item])
    assert take(store, "bob") == item


async def test_one_person_at_two_browsers_gets_no_item_twice(store: Store) -> None:
    first, second = await queued(store, "First", "Second")
    assert take(store, "desk", name="Ann") == first
    assert take(store, "phone", name="Ann") == second
    rate(store, first, "Ann")
    assert take(store, "tablet", name="Ann") is None


async def test_a_rating_that_was_changed_counts_once(store: Store) -> None:
    (item,) = await queued(store, "Only")
    for _ in range(3):
        rate(store, item, "ann")
    assert progress(store, "ann") == Progress(rated=1, left=0, complete=0, total=1)
    assert take(store, "bob") == item
    rate(store, item, "bob")
    assert progress(store, "bob") == Progress(rated=1, left=0, complete=1, total=1)
    assert take(store, "cat") is None
    await store.enqueue([item], 3)
    assert take(store, "cat") == item


async def test_a_skip_is_no_rating_and_asks_nobody_twice(store: Store) -> None:
    (item,) = await queued(store, "Only", overlap=1)
    take(store, "ann")
    rate(store, item, "ann", skipped=store.rubric.skips[0])
    assert progress(store, "ann") == Progress(rated=0, left=0, complete=0, total=1)
    assert take(store, "ann") is None
    assert take(store, "bob") == item


async def test_a_makers_own_rating_is_none_of_those_wanted(store: Store) -> None:
    (item,) = await queued(store, "Only", overlap=1, maker="ann")
    rate(store, item, "ann")
    assert take(store, "bob") == item
    await queued(store, "Another", maker="bob")
    rate(store, item, "bob")
    assert progress(store, "cat").complete == 1


async def test_only_what_was_judged_blind_is_one_of_those_wanted(store: Store) -> None:
    (item,) = await queued(store, "Only")
    await store.show(item, "ann")
    await store.reveal(item, "ann", "choice")
    rate(store, item, "ann")
    assert take(store, "cat") == item
    for _ in range(3):  # the answers, the reasoning, a change after the reveal
        rate(store, item, "bob")
    assert progress(store, "bob") == Progress(rated=1, left=0, complete=0, total=1)
    rate(store, item, "cat")
    assert progress(store, "cat") == Progress(rated=1, left=0, complete=1, total=1)


@pytest.mark.parametrize("overlap", [-1, queue.MOST + 1])
async def test_no_senseless_number_of_ratings_is_asked_for(store: Store, overlap: int) -> None:
    with pytest.raises(RatingError, match="1 to 50"):
        await store.enqueue(["any"], overlap)


ACTS = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", "cat", "dan"]), st.sampled_from(["take", "rate", "leave", "wait"])),
    max_size=60,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, overlap=st.integers(1, 3))
async def test_many_evaluators_never_rate_twice_nor_too_often_and_nothing_is_left(
    store: Store, acts: list[tuple[str, str]], overlap: int
) -> None:
    ids = await queued(store, "First", "Second", "Third", overlap=overlap)
    now, rated, held = NOW, Counter[tuple[str, str]](), {}
    for who, act in acts:
        match act:
            case "take":
                held[who] = take(store, who, now=now)
            case "rate" if item := held.pop(who, None):
                rate(store, item, who)
                rated[item, who] += 1
            case "leave":
                write(store, lambda connection, who=who: queue.release(connection, who, ids))
                held.pop(who, None)
            case "wait":  # all that was begun has expired, and who had begun it is gone
                now, held = now + HOLD, {}
    for who in ("ann", "bob", "cat", "dan"):  # all come back and do what is left
        while item := take(store, who, now=now + HOLD):
            rate(store, item, who)
            rated[item, who] += 1
    assert set(rated.values()) == {1}
    assert Counter(item for item, _ in rated) == dict.fromkeys(ids, overlap)
    await store.enqueue(ids, 0)


async def test_of_many_who_ask_at_once_no_more_get_an_item_than_it_has_places(store: Store) -> None:
    (item,) = await queued(store, "Only", overlap=3)
    got = await asyncio.gather(*(store.next_item(f"viewer {number}", f"name {number}") for number in range(10)))
    assert Counter(got) == {item: 3, None: 7}


@pytest.mark.sqlite
async def test_no_query_reads_all_comparisons_to_find_the_next(store: Store) -> None:
    await queued(store, "First", "Second")
    with recorded(store) as asked:
        take(store, "ann")
        progress(store, "ann")
        rate(store, next(iter(await queued(store, "Third"))), "ann")
    plans = [plan for sql, values in asked for plan in explained(store, sql, values)]
    assert any("comparisons USING INDEX ix_comparisons_wanted" in plan for plan in plans)
    assert any("ratings USING INDEX ix_ratings_evaluator" in plan for plan in plans)
    assert not [plan for plan in plans if plan.startswith("SCAN") and " INDEX " not in plan and plan != "SCAN near"]
    assert not [plan for plan in plans if "TEMP B-TREE" in plan]


@contextmanager
def recorded(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database's queue."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, sql: str, values: Any, *_: object) -> None:
        if "overlap" in sql and not sql.startswith("INSERT"):
            asked.append((sql, values))

    engine: Engine = store._database._engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def explained(store: Store, sql: str, values: Any) -> list[str]:
    with store.engine.connect() as connection:
        return [str(row.detail) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
