"""How all backends are, kept in memory: each is asked by a task of its own, so that none waits for another.

It knows no wire format and no page.
"""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from backends.errors import BackendError, broke
from backends.lane import Backend
from backends.registry import Registry
from backends.status import Reach, Status, Trouble

log = logging.getLogger(__name__)

SELDOM = 10  # times the pace, for a hosted service: it changes seldom, and its listing may be long
LONGEST = 300.0  # seconds between two questions to a server that can't be reached
FRESH = 1.0  # seconds for which what is known is as good as asked now, however many ask
REREAD = 5.0  # seconds between two looks at the file of declarations, which another process may write


class Discovery:
    """`pace`: seconds between two questions to one server, unless somebody wants to know; `fresh`: then, too. Nothing
    is asked before `start` or `refresh`."""

    def __init__(self, registry: Registry, pace: float = 30.0, fresh: float = FRESH) -> None:
        self._registry, self._pace, self._fresh = registry, pace, timedelta(seconds=fresh)
        self._known: dict[str, Status] = {}
        self._asking: dict[str, asyncio.Task[Status]] = {}
        self._wanted = defaultdict[str, asyncio.Event](asyncio.Event)
        self._following: dict[Backend, asyncio.Task[None]] = {}
        self._watching: asyncio.Task[None] | None = None

    def status(self, name: str) -> Status:
        """What is known now."""
        return self._known.get(name, Status())

    def start(self) -> None:
        """Asks all backends, and goes on asking; needs a running event loop."""
        self._follow_all()
        self._watching = asyncio.create_task(self._watch())

    def reread(self) -> None:
        """Follows the backends that are declared now, if that has changed."""
        if self._registry.reread():
            self._follow_all()

    async def refresh(self, name: str) -> Status:
        """Asks now, and waits for what is said; what was said a moment ago counts, so that nobody can make a flood of
        questions out of this. Raises KeyError for a name that is no backend's."""
        if self._registry.find(name) is None:
            raise KeyError(name)
        known = self.status(name)
        if known.at and datetime.now(UTC) - known.at < self._fresh:
            return known
        self._wanted[name].set()
        return await self._answered(name)

    async def aclose(self) -> None:
        tasks = [*self._following.values(), *self._asking.values(), *filter(None, [self._watching])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(REREAD)
            self.reread()

    def _follow_all(self) -> None:
        declared = self._registry.backends
        for gone in self._following.keys() - set(declared):
            self._following.pop(gone).cancel()
            self._known.pop(gone.name, None)
        for backend in declared:
            if backend not in self._following:
                self._following[backend] = asyncio.create_task(self._follow(backend))

    async def _follow(self, backend: Backend) -> None:
        usual = self._pace * (SELDOM if self._registry.kind(backend).is_service(backend) else 1)
        pace = usual
        while True:
            status = await self._answered(backend.name)
            well = status.reach in (Reach.READY, Reach.LOADING)
            pace = usual if well else min(2 * pace, max(usual, LONGEST))
            wanted = self._wanted[backend.name]
            wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pace):
                    await wanted.wait()

    async def _answered(self, name: str) -> Status:
        """Joins the question that is under way, if there is one."""
        asking = self._asking.get(name)
        if asking is None or asking.done():
            asking = self._asking[name] = asyncio.create_task(self._ask(name))
        return await asyncio.shield(asking)

    async def _ask(self, name: str) -> Status:
        backend = self._registry.find(name)
        if backend is None:  # it was taken away meanwhile
            return Status()
        try:
            status = await self._registry.client(backend).discover()
        except BackendError as error:
            status = Status(Reach.REFUSED, problem=str(error), at=datetime.now(UTC))
        except Exception as error:
            log.exception("asking %r how it is broke", name)
            status = Status(Reach.UNREACHABLE, problem=broke(error), at=datetime.now(UTC))
        status = replace(status, trouble=_trouble(status) or self.status(name).trouble)
        if self._registry.find(name) == backend:
            self._known[name] = status
        return status


def _trouble(status: Status) -> Trouble | None:
    """A model that loads is none."""
    if status.reach not in (Reach.REFUSED, Reach.UNREACHABLE) or not status.at:
        return None
    return Trouble(status.problem, status.at)
