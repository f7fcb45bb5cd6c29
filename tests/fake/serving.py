"""Serves the fake: in a thread, for tests that look at what was asked, or for ever."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn

from backends.lane import Backend
from tests.fake.server import Asked, fake


def server(app: object, **where: object) -> uvicorn.Server:
    """Says nothing: that an answer is cut is what was asked for."""
    return uvicorn.Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, log_level="critical", timeout_graceful_shutdown=1, **where
        )
    )


@dataclass
class Fake:
    """A running fake; `asked` grows with each chat request."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def backend(self, kind: str, **settings: object) -> Backend:
        return Backend(f"{kind} lane", kind, f"{self.url}/{kind}/v1", **({"model": "simulated"} | settings))


@contextmanager
def faking(key: str = "") -> Iterator[Fake]:
    """A fake on a thread of its own."""
    running = Fake()
    with served(fake(key, running.asked.append)) as running.url:
        yield running


@contextmanager
def served(app: object, **how: object) -> Iterator[str]:
    """The address of an app on a thread of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as taken:
        serves = server(app, **how)
        thread = threading.Thread(target=serves.run, args=([taken],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        serves.should_exit = True
        thread.join()
