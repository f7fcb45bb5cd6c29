"""What a kind of backend is. Each kind is one module of this folder with a `KIND`; the registry finds them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from backends.events import Event
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Prompt
from backends.status import Server, Status

# GETs a path and gives the parsed JSON, or the text where it is none: one that starts with "/" counts from the server's
# root, any other from the API's address. Raises BackendError.
Get = Callable[[str], Awaitable[Any]]

Stream = Callable[[Lane, Prompt], AsyncGenerator[Event]]


class Client(Protocol):
    """Talks to one declared backend, for as long as the app runs."""

    def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        """Asks, and yields events as they arrive (see `backends.events` for the contract). Raises BackendError."""
        ...

    async def discover(self) -> Status:
        """How the server is, and what it tells of itself; it costs the server no generation."""
        ...

    async def aclose(self) -> None:
        """Ends connections and child processes."""
        ...


def without_reasoning(turn: AssistantTurn) -> dict[str, Any]:
    return {"content": turn.text}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server wants a chat request written.

    `keys`: the only top-level keys it is ever sent; `replay`: content and reasoning of an earlier answer; `call_id`:
    the form of tool call ids it accepts; `tool_choices`: which of auto, none, required and named it honours; `written`:
    the body as bytes; `keep_alive`: may a connection be used twice; `queued`: where to ask for an answer that was put
    off with 202, given the headers of that.
    """

    keys: frozenset[str]
    replay: Callable[[AssistantTurn], dict[str, Any]] = without_reasoning
    call_id: Callable[[str], str] = str
    tool_choices: frozenset[str] = frozenset({"auto", "none", "required", "named"})
    written: Callable[[dict[str, Any]], bytes] = orjson.dumps
    keep_alive: bool = True
    queued: Callable[[Mapping[str, str]], str] | None = None


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a server takes: images in one prompt, bytes of each, and pixels of its longer side; None: no limit of its
    own. `hosted`: only where the kind's maker hosts it."""

    most: int | None = None
    bytes: int | None = None
    longest: int | None = None
    hosted: bool = False


def no_caveats(lane: Lane, prompt: Prompt) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server, as data. `connect` makes a client without any I/O, given the environment that holds its key.

    `efforts` are the values of `reasoning_effort` that it takes, the first being the default ("" means: not sent).
    `discover` reads what a server tells of itself; `caveats` says what it would do otherwise than asked, before it is
    asked; `reads_small_4`: the first version of the server that reads Mistral Small 4's answers rightly, where earlier
    ones did not; `proof` is what the kind was tested against.
    An entry appears by itself when the environment names it: `url_env` an address, or `key_env` a key for `base_url`.
    """

    name: str
    title: str
    dialect: Dialect
    efforts: tuple[str, ...]
    connect: Callable[["Kind", Backend, Mapping[str, str]], Client]
    discover: Callable[[Get], Awaitable[Server]]
    caveats: Callable[[Lane, Prompt], Iterable[str]] = no_caveats
    images: ImageLimits = ImageLimits()
    reads_small_4: tuple[int, int] | None = None
    proof: str = ""
    url_env: str = ""
    key_env: str = ""
    base_url: str = ""
    model: str = ""
    price_in: float | None = None
    price_out: float | None = None
    always: Callable[[Mapping[str, str]], Backend] | None = None

    def is_service(self, backend: Backend) -> bool:
        """Whether it is asked where its maker hosts it for everybody."""
        return bool(self.base_url) and backend.base_url.rstrip("/") == self.base_url

    def limits(self, backend: Backend) -> ImageLimits:
        """On the images of this one server."""
        return ImageLimits() if self.images.hosted and not self.is_service(backend) else self.images
