"""Checks of backends: kept as they were found, each once, and read by backend and time."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone

from backends.check.result import Check, Exchange
from storage.checks import CUT, LONGEST
from storage.store import Store
from tests.storage.made import FAILED, NOON, PASSED, checked


async def last(store: Store, backend: str = "one") -> Check:
    kept = await store.check((await store.latest_checks())[backend][0].id)
    assert kept
    return kept


async def test_a_check_is_kept_as_it_was_found(store: Store) -> None:
    await store.keep_check(checked())
    assert await last(store) == checked()
    assert await store.check("another") is None


async def test_the_last_two_of_each_backend_are_told_and_all_of_one_the_newest_first(store: Store) -> None:
    for hour in (2, 0, 1):
        await store.keep_check(checked(hour=hour))
    await store.keep_check(checked("two", findings=[PASSED]))
    latest = await store.latest_checks()
    assert [each.at.hour for each in latest["one"]] == [14, 13]
    assert [(each.backend, each.version, each.failed) for each in latest["two"]] == [("two", "0.19", 0)]
    assert [each.at.hour for each in await store.checks_of("one")] == [14, 13, 12]
    assert [each.at.hour for each in await store.checks_of("one", 1)] == [14]
    assert await store.checks_of("nobody") == ()


async def test_times_are_kept_in_utc(store: Store) -> None:
    await store.keep_check(replace(checked(), at=NOON.astimezone(timezone(timedelta(hours=5)))))
    (brief,) = (await store.latest_checks())["one"]
    assert (brief.at, brief.at.tzinfo, (await last(store)).at) == (NOON, UTC, NOON)


async def test_a_long_text_is_cut_and_says_so_and_what_no_database_takes_is_marked(store: Store) -> None:
    odd = replace(FAILED, exchanges=(Exchange("x" * (LONGEST + 1), "a\0b\ud800c"),))
    await store.keep_check(checked(findings=[odd]))
    (exchange,) = (await last(store)).findings[0].exchanges
    assert (len(exchange.sent), exchange.sent.endswith(CUT)) == (LONGEST, True)
    assert exchange.came == "a\ufffdb?c"
    await store.keep_check(await last(store))
    assert len(await store.checks_of("one")) == 1
