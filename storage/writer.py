"""The one writer: jobs from anywhere, done in one thread, as many as are waiting in one commit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from storage.errors import TROUBLE, StorageError, explained

T = TypeVar("T")

GROUP = 256  # jobs in one commit, at most


@dataclass(slots=True)
class _Job(Generic[T]):
    work: Callable[[Connection], T]
    future: Future[T] = field(default_factory=Future)

    def attempt(self, connection: Connection, name: str) -> Callable[[], None]:
        """Works inside a savepoint; what to tell the future once the whole group is committed."""
        savepoint = connection.begin_nested()
        try:
            result = self.work(connection)
        except Exception as error:
            try:
                savepoint.rollback()
            except DBAPIError:
                raise error from None  # some troubles end the whole transaction, savepoints and all
            return partial(self.future.set_exception, _told(error, name))
        savepoint.commit()
        return partial(self.future.set_result, result)


class Writer:
    """A job is a function of a connection; its future holds what it returns, and only after the commit."""

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
        try:
            with self._engine.begin() as connection:
                outcomes = [job.attempt(connection, self._name) for job in group]
        except Exception as error:
            outcomes = [partial(job.future.set_exception, _told(error, self._name)) for job in group]
        for tell in outcomes:
            tell()


def _told(error: Exception, name: str) -> Exception:
    return explained(error, name) if isinstance(error, TROUBLE) else error
