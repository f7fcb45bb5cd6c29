"""What can happen in a lane's stream: a closed union of values without ids, clocks or clients.

The contract: any number of deltas in any order; `Usage` and `Reported` at any point, even after the finish; exactly one
of `Finished` or `Failed`. Backends yield everything but `Failed`, which the runner alone makes.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """The request left for the backend. Latencies count from here, so starting a server is nobody's latency.

    `request` is the body as JSON, with each image's bytes replaced by `sha256:<hex>`; it holds no key.
    """

    request: str


@dataclass(frozen=True, slots=True)
class Reported:
    """What the server says of itself: model id, and its version or fingerprint ("" where it tells none)."""

    model: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of the call at `index`; `id` and `name` come once (or never), `arguments` are pieces of JSON text."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the server reports them; None where it does not."""

    prompt: int | None = None
    completion: int | None = None
    reasoning: int | None = None
    cached: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The server gave a finish reason, kept as it came (`stop`, `length`, `tool_calls`, ...)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The lane ended without a finish reason. `kind` is a `BackendError` kind, `stopped` or `interrupted`."""

    kind: str
    message: str


Event = Sent | Reported | ReasoningDelta | TextDelta | ToolCallDelta | Usage | Finished | Failed


@dataclass(frozen=True, slots=True)
class Stamped:
    """An event and when it arrived: `at` is whole microseconds since its lane started, on a monotonic clock."""

    at: int
    event: Event
