"""Sessions that were logged out, remembered in the database: a copy of their cookie opens nothing after a restart, nor
at another replica."""

import asyncio
import logging
from datetime import UTC, datetime

from storage.errors import StorageError
from storage.store import Store
from ui.door.session import Session, Sessions

log = logging.getLogger(__name__)

PACE = 5.0  # seconds after which what other replicas were told is known


class Logouts:
    def __init__(self, store: Store, sessions: Sessions, pace: float = PACE) -> None:
        self._store, self._sessions, self._pace = store, sessions, pace
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises StorageError."""
        await self._look()
        if self._store.shared:
            self._following = asyncio.create_task(self._follow())

    async def add(self, session: Session) -> None:
        """At once here; where the database is in trouble, for as long as this app runs."""
        until = self._sessions.end(session)
        try:
            await self._store.log_out(session.id, datetime.fromtimestamp(until, UTC))
        except StorageError as error:
            log.error("a logout could not be stored: %s", error)

    async def aclose(self) -> None:
        if self._following:
            self._following.cancel()
            await asyncio.wait([self._following])

    async def _look(self) -> None:
        for session, until in (await self._store.logouts()).items():
            self._sessions.ended(session, until.timestamp())

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._pace)
            try:
                await self._look()
            except StorageError as error:
                log.error("it can't be seen who has logged out elsewhere: %s", error)
