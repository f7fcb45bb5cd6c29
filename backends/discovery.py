"""How all backends are, kept in memory: each is asked by a task of its own, so that none waits for another.

It knows no wire format and no page.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from backends.errors import BackendError
from backends.lane import Backend
from backends.registry import Registry
from backends.status import Reach, Status, Trouble

log = logging.getLogger(__name__)

SELDOM = 10  # times the pace, for a hosted service: it changes seldom, and its listing may be long
LONGEST = 300.0  # seconds between two questions to a server that can't be reached


class Discovery:
    """`pace`: seconds between two questions to one server. Nothing is asked before `start` or `refresh`."""

    def __init__(self, registry: Registry, pace: float = 30.0) -> None:
        self._registry, self._pace = registry, pace
        self._known: dict[str, Status] = {}
        self._asking: dict[str, asyncio.Task[Status]] = {}
        self._wanted = {backend.name: asyncio.Event() for backend in registry.backends}
        self._following: list[asyncio.Task[None]] = []

    def status(self, name: str) -> Status:
        """What is known now."""
        return self._known.get(name, Status())

    def start(self) -> None:
        """Asks all backends, and goes on asking; needs a running event loop."""
        self._following = [asyncio.create_task(self._follow(backend)) for backend in self._registry.backends]

    async def refresh(self, name: str) -> Status:
        """Asks now, and waits for what is said. Raises KeyError for a name that is no backend's."""
        self._wanted[name].set()
        return await self._answered(name)

    async def aclose(self) -> None:
        tasks = [*self._following, *self._asking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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
        assert backend
        try:
            status = await self._registry.client(backend).discover()
        except BackendError as error:
            status = Status(Reach.REFUSED, problem=str(error), at=datetime.now(UTC))
        except Exception as error:
            log.exception("asking %r how it is broke", name)
            said = f"Something broke inside Lanewise ({type(error).__name__}). Please report it with the app's log."
            status = Status(Reach.UNREACHABLE, problem=said, at=datetime.now(UTC))
        self._known[name] = replace(status, trouble=_trouble(status) or self.status(name).trouble)
        return self._known[name]


def _trouble(status: Status) -> Trouble | None:
    """A model that loads is none."""
    if status.reach not in (Reach.REFUSED, Reach.UNREACHABLE) or not status.at:
        return None
    return Trouble(status.problem, status.at)
