"""What a kind of backend is. Each kind is one module of this folder with a `KIND`; the registry finds them."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from backends.events import Event
from backends.lane import Backend, Lane
from backends.prompt import Prompt


class Client(Protocol):
    """Talks to one declared backend, for as long as the app runs."""

    def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        """Asks, and yields events as they arrive (see `backends.events` for the contract). Raises BackendError."""
        ...

    async def aclose(self) -> None:
        """Ends connections and child processes."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server, as data. `connect` makes a client without any I/O, given the environment that holds its key.

    `keys` is the allow-list of top-level request keys: nothing else is ever sent. `efforts` are the values of
    `reasoning_effort` that it takes, the first being the default ("" means: not sent).
    An entry appears by itself when the environment names it: `url_env` an address, or `key_env` a key for `base_url`.
    """

    name: str
    title: str
    keys: frozenset[str]
    efforts: tuple[str, ...]
    connect: Callable[[Backend, Mapping[str, str]], Client]
    url_env: str = ""
    key_env: str = ""
    base_url: str = ""
    model: str = ""
    price_in: float | None = None
    price_out: float | None = None
    always: Callable[[Mapping[str, str]], Backend] | None = None
