"""Checks backends in the background, whoever watches: one check of each at a time, several side by side.

Only a check that came to its end is kept. What was found by one that was stopped, broke, or was cut off as the app
closed can be seen until the next one begins.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from backends.check import suite
from backends.check.result import Check, Finding
from backends.errors import BackendError, broke
from backends.lane import Backend
from backends.registry import Registry
from storage.errors import StorageError
from storage.store import Store

log = logging.getLogger(__name__)

PACE = 0.5  # seconds before another try to store


@dataclass(slots=True)
class Progress:
    """A check that runs, or ended without being kept; `problem` says why it broke, or can't be stored just now."""

    backend: str
    of: int
    findings: list[Finding] = field(default_factory=list)
    state: Literal["running", "stopped", "failed"] = "running"
    problem: str = ""


class Checking:
    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry, self._store = registry, store
        self._known: dict[str, Progress] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def progress(self, backend: str) -> Progress | None:
        """Of the check that runs, or of one that ended without being kept."""
        return self._known.get(backend)

    def start(self, names: Iterable[str], reference: str = "") -> None:
        """Begins a check of each that is not checked already; `reference` is the backend whose token counts are held
        to be right. Needs a running event loop. Raises KeyError for a name that is no backend's, and begins nothing."""
        like = self._backend(reference) if reference else None
        for backend in [self._backend(name) for name in dict.fromkeys(names)]:
            if backend.name not in self._tasks:
                progress = self._known[backend.name] = Progress(backend.name, len(suite.probes()))
                other = like if like != backend else None
                task = self._tasks[backend.name] = asyncio.create_task(self._run(backend, other, progress))
                task.add_done_callback(partial(self._end, progress))

    def stop(self, names: Iterable[str]) -> None:
        """Nothing happens where none runs."""
        for name in names:
            if task := self._tasks.get(name):
                task.cancel()

    async def ended(self, backend: str) -> None:
        """Waits until no check of it runs."""
        if task := self._tasks.get(backend):
            await asyncio.wait([task])

    async def aclose(self) -> None:
        tasks = [*self._tasks.values()]
        self.stop([*self._tasks])
        await asyncio.gather(*tasks, return_exceptions=True)

    def _backend(self, name: str) -> Backend:
        if backend := self._registry.find(name):
            return backend
        raise KeyError(name)

    async def _run(self, backend: Backend, reference: Backend | None, progress: Progress) -> None:
        try:
            check = await suite.check(self._registry, backend, reference, done=progress.findings.append)
            await self._keep(check, progress)
            del self._known[backend.name]
        except BackendError as error:
            progress.state, progress.problem = "failed", str(error)
        except Exception as error:  # nobody waits for this task: who watches must learn of it
            log.exception("the check of %r broke", backend.name)
            progress.state, progress.problem = "failed", broke(error)

    def _end(self, progress: Progress, task: asyncio.Task[None]) -> None:
        del self._tasks[progress.backend]
        if task.cancelled():  # perhaps before its first step
            progress.state = "stopped"

    async def _keep(self, check: Check, progress: Progress) -> None:
        while True:
            try:
                return await self._store.keep_check(check)
            except StorageError as error:
                before, progress.problem = progress.problem, str(error)
                if progress.problem != before:
                    log.exception("the check of %r can't be stored just now; trying again", check.backend)
                await asyncio.sleep(PACE)
