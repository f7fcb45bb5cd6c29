"""The history as pages and rows, and what they can be chosen by."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event, text

from backends.answer import State, fold
from backends.flags import Flag
from storage.comparison import Filter, Row
from storage.plan import BLIND, Plan
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

LEAK, NO_USAGE = Flag("marker_leak", "[THINK] in line 1."), Flag("no_usage", "No counts.")


async def flagged(store: Store, *found: Flag | tuple[()]) -> str:
    """A comparison whose lanes have ended, each with that flag or none."""
    comparison_id = await created(store, lanes=len(found))
    ended = {position: fold(stamped()) for position in range(len(found))}
    flags = [(each,) if each else () for each in found]
    await store.append(comparison_id, BEGAN, [], ended, flags)
    return comparison_id


async def history(store: Store, limit: int) -> AsyncIterator[tuple[Row, ...]]:
    cursor = None
    while True:
        page = await store.page(cursor, limit)
        yield page.rows
        if (cursor := page.next) is None:
            return


@pytest.mark.parametrize("limit", [1, 3, 7, 50])
async def test_pages_are_the_whole_history_newest_first(store: Store, limit: int) -> None:
    ids = [await created(store, str(number)) for number in range(7)]
    pages = [rows async for rows in history(store, limit)]
    assert [row.id for rows in pages for row in rows] == ids[::-1]
    assert all(len(rows) == limit for rows in pages[:-1])


async def test_comparisons_of_the_same_moment_are_paged_without_loss(store: Store) -> None:
    ids = {await created(store, str(number)) for number in range(5)}
    moved = text("UPDATE comparisons SET created_at = '2026-01-01 00:00:00.000000'")
    store._database.writer.submit(lambda connection: connection.execute(moved)).result()
    pages = [rows async for rows in history(store, 2)]
    assert [len(rows) for rows in pages] == [2, 2, 1]
    assert {row.id for rows in pages for row in rows} == ids


async def test_what_is_new_meanwhile_does_not_shift_the_next_page(store: Store) -> None:
    ids = [await created(store, str(number)) for number in range(4)]
    first = await store.page(limit=2)
    await created(store, "newer")
    second = await store.page(first.next, limit=2)
    assert [row.id for row in (*first.rows, *second.rows)] == ids[::-1]


async def test_a_row_tells_what_a_list_needs(store: Store) -> None:
    comparison_id = await created(store, "What   is\n1+1?")
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    await store.rate(comparison_id, "Ann", judged([0], [1]))
    await store.rate(comparison_id, "Ann", judged([1], [0]))
    (row,) = (await store.page()).rows
    assert row.title == "What is 1+1?"
    assert [lane[:3] for lane in row.lanes] == [
        ("one · m-1 · FP8", State.DONE, ()),
        ("two · m-2 · effort high", State.WAITING, ()),
    ]
    assert [rating.ranking for rating in row.ratings] == [((1,), (0,))]


async def test_flags_come_with_the_last_end_and_with_what_follows_it(store: Store) -> None:
    comparison_id = await created(store)
    await store.append(comparison_id, BEGAN, entries(0, stamped()[:-1]), {0: fold(stamped()[:-1])})
    assert [lane.flags for lane in await store.answered(comparison_id)] == [(), ()]
    await store.append(comparison_id, BEGAN, entries(1, stamped()), {1: fold(stamped())}, [(NO_USAGE, LEAK), (LEAK,)])
    assert [lane.flags for lane in await store.answered(comparison_id)] == [(LEAK, NO_USAGE), (LEAK,)]
    await store.append(comparison_id, BEGAN, entries(0, stamped()[-1:]), {0: fold(stamped())}, [(), (LEAK,)])
    assert [lane.flags for lane in await store.answered(comparison_id)] == [(), (LEAK,)]
    assert [lane.flags for lane in (await read(store, comparison_id)).lanes] == [(), (LEAK,)]
    assert [lane.flags for lane in (await store.page()).rows[0].lanes] == [(), ("marker_leak",)]


async def test_comparisons_are_found_by_the_flags_of_their_lanes(store: Store) -> None:
    ids = [await flagged(store, *found) for found in ([LEAK, LEAK], [(), NO_USAGE], [()], [NO_USAGE, LEAK], [LEAK])]
    leaking = Filter(flag="marker_leak")
    assert (await store.choices())["flag"] == ("marker_leak", "no_usage")
    first = await store.page(limit=2, wanted=leaking)
    rest = await store.page(first.next, limit=2, wanted=leaking)
    assert [row.id for row in (*first.rows, *rest.rows)] == [ids[4], ids[3], ids[0]]
    assert rest.next is None
    assert (await store.page(wanted=Filter(flag="truncated"))).rows == ()


async def test_a_flag_of_another_version_is_shown_by_its_code(store: Store) -> None:
    await flagged(store, Flag("new", "Not known here."))
    assert (await store.choices())["flag"] == ("new",)
    assert (await store.page(wanted=Filter(flag="new"))).rows[0].lanes[0].flags == ("new",)


async def test_what_only_sealed_comparisons_have_is_no_choice(store: Store) -> None:
    prompt = asking("Who?")
    run = await store.create(prompt, [(lane, prompt) for lane in (ONE, TWO)], Plan(BLIND), "maker")
    assert (await store.choices("stranger"))["backend"] == ()
    await store.reveal(run, "maker", "choice")
    assert (await store.choices("maker"))["backend"] == ("one", "two")
    assert (await store.choices("stranger"))["backend"] == ()


async def test_an_empty_history_is_one_empty_page(store: Store) -> None:
    page = await store.page()
    assert (page.rows, page.next) == ((), None)


@pytest.mark.sqlite
async def test_a_page_seeks_and_reads_no_text_and_no_recording(store: Store) -> None:
    for _ in range(3):
        await flagged(store, NO_USAGE)
    asked: list[tuple[str, object]] = []
    event.listen(
        store._database.engine, "before_cursor_execute", lambda c, cursor, sql, values, *_: asked.append((sql, values))
    )
    first = await store.page(limit=1)
    await store.page(first.next, limit=1)
    await store.page(wanted=Filter(flag="no_usage", rated="no"))
    await store.choices()
    selects = [(sql, values) for sql, values in asked if sql.startswith("SELECT")]
    with store.engine.connect() as connection:
        plans = [
            str(row.detail)
            for sql, values in selects
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]
    assert any("comparisons USING INDEX ix_comparisons_number" in plan for plan in plans)
    assert not [plan for plan in plans if "TEMP B-TREE" in plan and "ratings" in plan]
    assert any(plan.startswith("SEARCH facets USING PRIMARY KEY (kind=? AND value=?)") for plan in plans)
    assert not [plan for plan in plans if plan.startswith("SCAN") and " INDEX " not in plan]
    assert not [sql for sql, _ in selects if "texts" in sql or "recording_chunks" in sql or "body" in sql]


async def test_rows_show_what_was_interrupted(url: str) -> None:
    store = Store.open(url)
    await created(store)
    store.close()
    store = Store.open(url)
    assert [lane.state for lane in (await store.page()).rows[0].lanes] == [State.INTERRUPTED] * 2
    store.close()
