"""Checks backends in the background, whoever watches: one check of each at a time, several side by side.

What is found is kept as it comes. Of a check that was stopped, broke, or was cut off it can be seen until the next one
begins; one that came to its end stands among the checks.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from backends.check import suite
from backends.check.result import Check, Finding
from backends.errors import BackendError, broke
from backends.lane import Backend
from backends.registry import Registry
from storage.errors import StorageError
from storage.store import Store
from storage.unfinished import Partial, State

log = logging.getLogger(__name__)

PACE = 0.5  # seconds between writes, and before another try


@dataclass(slots=True)
class Progress:
    """A check that runs, or ended before its end; `problem` says why it broke, or can't be stored just now."""

    backend: str
    of: int
    findings: list[Finding] = field(default_factory=list)
    state: State = "running"
    problem: str = ""

    def told(self) -> Partial:
        problem = self.problem if self.state == "failed" else ""
        return Partial(self.backend, self.of, tuple(self.findings), self.state, problem)


class Checking:
    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry, self._store = registry, store
        self._known: dict[str, Progress] = {}
        self._asking: dict[str, asyncio.Task[Check]] = {}
        self._keeping: dict[str, asyncio.Task[None]] = {}
        self._closing = False

    def progress(self, backend: str) -> Progress | None:
        """Of the check that runs here, or of one that ended here before its end."""
        return self._known.get(backend)

    async def unfinished(self) -> dict[str, Progress | Partial]:
        """By backend: those of other apps, and of this one before it was started, too. Raises StorageError."""
        return {**await self._store.unfinished_checks(), **self._known}

    def start(self, names: Iterable[str], reference: str = "") -> None:
        """Begins a check of each that is not checked already; `reference` is the backend whose token counts are held
        to be right. Needs a running event loop. Raises KeyError for a name that is no backend's, and begins nothing."""
        like = self._backend(reference) if reference else None
        for backend in [self._backend(name) for name in dict.fromkeys(names)]:
            if backend.name not in self._keeping and not self._closing:
                progress = self._known[backend.name] = Progress(backend.name, len(suite.probes()))
                other = like if like != backend else None
                asking = asyncio.create_task(suite.check(self._registry, backend, other, done=progress.findings.append))
                keeping = asyncio.create_task(self._keep(progress, asking))
                self._asking[backend.name], self._keeping[backend.name] = asking, keeping
                keeping.add_done_callback(partial(self._end, backend.name))

    def stop(self, names: Iterable[str]) -> None:
        """Nothing happens where none runs."""
        for name in names:
            if task := self._asking.get(name):
                task.cancel()

    async def ended(self, backend: str) -> None:
        """Waits until no check of it runs."""
        if task := self._keeping.get(backend):
            await asyncio.wait([task])

    async def aclose(self) -> None:
        """Ends what runs as interrupted and stores it, if that can be."""
        self._closing = True
        keeping = [*self._keeping.values()]
        self.stop([*self._asking])
        await asyncio.gather(*keeping, return_exceptions=True)

    def _backend(self, name: str) -> Backend:
        if backend := self._registry.find(name):
            return backend
        raise KeyError(name)

    def _end(self, name: str, _: asyncio.Task[None]) -> None:
        del self._asking[name], self._keeping[name]

    async def _keep(self, progress: Progress, asking: asyncio.Task[Check]) -> None:
        """Stores what is new at every pace, then the whole check or how it ended without one."""
        before: object = None
        while True:
            over = asking.done()
            check = self._outcome(progress, asking) if over else None
            now = len(progress.findings), progress.state
            stored = (now == before and not over) or await self._stored(progress, check)
            if over and (stored or self._closing):
                return
            before = now if stored else None
            if over:
                await asyncio.sleep(PACE)
            else:
                await asyncio.wait([asking], timeout=PACE)

    def _outcome(self, progress: Progress, asking: asyncio.Task[Check]) -> Check | None:
        """The whole check; where there is none, the progress says why."""
        if progress.state != "running":  # it has been told, and could not be stored
            return None
        if asking.cancelled():
            progress.state = "interrupted" if self._closing else "stopped"
        elif isinstance(error := asking.exception(), BackendError):
            progress.state, progress.problem = "failed", str(error)
        elif isinstance(error, Exception):  # nobody waits for that task: who watches must learn of it
            log.error("the check of %r broke", progress.backend, exc_info=error)
            progress.state, progress.problem = "failed", broke(error)
        else:
            return asking.result()
        return None

    async def _stored(self, progress: Progress, check: Check | None) -> bool:
        """False where the database could not."""
        try:
            if check is None:
                await self._store.keep_unfinished(progress.told())
            else:
                await self._store.keep_check(check)
                del self._known[progress.backend]
        except StorageError as error:
            log.error("the check of %r can't be stored just now; trying again: %s", progress.backend, error)
            if progress.state != "failed":
                progress.problem = str(error)
            return False
        except Exception as error:  # trying again would not help
            log.exception("the check of %r can't be stored as it came", progress.backend)
            progress.state, progress.problem = "failed", broke(error)
            return True
        if progress.state != "failed":
            progress.problem = ""
        return True
