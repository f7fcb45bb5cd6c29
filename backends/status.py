"""What a server says of itself when it is asked how it is: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Reach(StrEnum):
    UNKNOWN = "not asked yet"
    READY = "ready"
    LOADING = "loading"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Model:
    """One model that a server offers; `context` in tokens; `vision`, `tools`: does it take them? None: not told."""

    id: str
    context: int | None = None
    vision: bool | None = None
    aliases: tuple[str, ...] = ()
    tools: bool | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """What a server tells: "" or () where it does not. `parsers` name what it reads reasoning and tool calls with, such
    as `tools: mistral`; `load` are its own counters and gauges, by readable names."""

    models: tuple[Model, ...] = ()
    version: str = ""
    parsers: tuple[str, ...] = ()
    load: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was wrong with a backend, and when."""

    problem: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """How a backend was when it was last asked. `problem` says what was wrong; `latency` is in microseconds, without
    the handshake of a connection. `trouble` is the last that there was, also when it is over."""

    reach: Reach = Reach.UNKNOWN
    server: Server = Server()
    problem: str = ""
    latency: int | None = None
    at: datetime | None = None
    trouble: Trouble | None = None

    def model(self, name: str) -> Model | None:
        """The model of that id or alias; the only one a server has where `name` is ""."""
        models = self.server.models
        if not name:
            return models[0] if len(models) == 1 else None
        return next((each for each in models if name in (each.id, *each.aliases)), None)
