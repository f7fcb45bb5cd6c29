"""Checks of backends: kept as they were found, each once, and read by backend and time."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest

from backends.check.result import Check, Exchange
from storage import replicas
from storage.checks import CUT, LONGEST
from storage.store import Store
from storage.unfinished import Partial
from tests.storage.made import FAILED, NOON, PASSED, checked
from tests.storage.postgres import Server


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


async def test_a_check_that_has_not_ended_is_kept_as_far_as_it_has_come_and_only_once(store: Store) -> None:
    for findings in ([], [PASSED], [PASSED, FAILED]):
        await store.keep_unfinished(Partial("one", 30, findings, "running"))
    await store.keep_unfinished(Partial("two", 30, [FAILED], "failed", "It broke."))
    found = await store.unfinished_checks()
    assert found["one"] == Partial("one", 30, (PASSED, FAILED), "running")
    assert (found["two"].state, found["two"].problem) == ("failed", "It broke.")
    assert await store.latest_checks() == {}
    await store.keep_check(checked())
    assert [*await store.unfinished_checks()] == ["two"]


async def test_a_check_that_an_app_left_running_is_cut_off_at_the_next_start(
    store: Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.keep_unfinished(Partial("one", 30, [PASSED], "running"))
    await store.keep_unfinished(Partial("two", 30, [PASSED], "stopped"))
    store.close()
    monkeypatch.setattr(replicas, "GONE", timedelta(0))
    again = Store.open(url)
    found = await again.unfinished_checks()
    assert found["one"] == Partial("one", 30, (PASSED,), "interrupted")
    assert found["two"].state == "stopped"
    again.close()


async def test_another_app_leaves_alone_a_check_that_runs_and_ends_one_whose_app_is_gone(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.make()
    one = Store.open(url, tmp_path.as_uri())
    await one.keep_unfinished(Partial("one", 30, [PASSED], "running"))
    other = Store.open(url, tmp_path.as_uri())
    await other.beat()
    assert [each.state for each in (await other.unfinished_checks()).values()] == ["running"]
    monkeypatch.setattr(replicas, "GONE", timedelta(0))
    await other.beat()
    assert [each.state for each in (await one.unfinished_checks()).values()] == ["interrupted"]
    one.close()
    other.close()
