"""The one writer: jobs from anywhere, done in one thread, as many as are waiting in one commit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine

from storage.errors import TROUBLE, StorageError, explained

T = TypeVar("T")

GROUP = 256  # jobs in one commit, at most


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[Connection], T]
    future: Future[T] = field(default_factory=Future)


class Writer:
    """A job is a function of a connection; its future holds what it returns, and only after the commit.

    Where one of a group fails, nothing of the group is kept, and each is done again by itself.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        """`name` is what people call the database."""
        self._engine, self._name = engine, name
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._closed = False
        self._door = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="database writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        job = _Job(work)
        with self._door:
            if self._closed:
                raise StorageError("The database is closed.")
            self._jobs.put(job)
        return job.future

    @property
    def waiting(self) -> int:
        """Jobs that nobody has begun."""
        return self._jobs.qsize()

    def close(self) -> None:
        """Returns when all that was submitted is done."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        last: _Job[Any] | None
        while (last := self._jobs.get()) is not None:
            group = [last]
            while len(group) < GROUP and not self._jobs.empty():
                if (last := self._jobs.get()) is None:
                    break
                group.append(last)
            self._commit([job for job in group if job.future.set_running_or_notify_cancel()])
            if last is None:
                break

    def _commit(self, group: list[_Job[Any]]) -> None:
        # not by savepoints: at each, the index of texts would write what it has
        results: list[Any] = []
        try:
            with self._engine.begin() as connection:
                results.extend(job.work(connection) for job in group)
        except Exception as error:
            if len(results) < len(group) > 1:  # else it is the commit that failed, of which nobody knows if it was done
                for job in group:
                    self._commit([job])
                return
            for job in group:
                job.future.set_exception(explained(error, self._name) if isinstance(error, TROUBLE) else error)
            return
        for job, result in zip(group, results, strict=True):
            job.future.set_result(result)
