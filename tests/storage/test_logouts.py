"""Sessions that were logged out: known to whoever opens the database, until they would have ended anyway."""

from datetime import UTC, datetime, timedelta

from storage.store import Store


async def test_a_logout_is_kept_once_and_forgotten_when_its_time_is_over(store: Store) -> None:
    now = datetime.now(UTC)
    await store.log_out("past", now - timedelta(seconds=1))
    await store.log_out("one", now + timedelta(days=7))
    await store.log_out("one", now + timedelta(days=7))
    assert await store.logouts() == {"one": now + timedelta(days=7)}
