"""What can happen in a lane's stream: a closed union of values without ids, clocks or clients.

The contract: any number of deltas in any order; `Usage`, `Measured` and `Reported` at any point, even after the finish;
exactly one of `Finished` or `Failed`. A lane whose tool calls are answered asks again: each request of it begins with
`Sent`, and all but the last end with `Continued` and the results. Backends yield `Sent` and what the server says; the
tool loop, `Continued` and `ToolResult`; who waits for a server, `Waited`; the runner alone makes `Warmed`, before all
others, and `Failed`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """A request left for the backend. Latencies count from the first, so starting a server is nobody's latency; where
    the server asked to wait, from the next.

    `request` is the body as JSON, with each image's bytes replaced by `sha256:<hex>`; it holds no key.
    """

    request: str


@dataclass(frozen=True, slots=True)
class Reported:
    """What the server says of itself: model id, and its version or fingerprint ("" where it tells none)."""

    model: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many tokens of the prompt the server has read, before its first word."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of the call at `index`, counted over the whole lane; `id` and `name` come once (or never), `arguments`
    are pieces of JSON text."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the call at `index` was answered, and by whom: `canned`, `built-in` or `by hand`."""

    index: int
    content: str
    source: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request as the server reports them; None where it does not."""

    prompt: int | None = None
    completion: int | None = None
    reasoning: int | None = None
    cached: int | None = None
    image: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What the server measured of one request itself, as the JSON object that it sent."""

    figures: str


@dataclass(frozen=True, slots=True)
class Continued:
    """The server finished one request with this reason; the lane goes on with the results of its calls."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waited:
    """The server asked to wait so many seconds; as the person wanted, the lane does, then asks again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Warmed:
    """Before this lane, its server got a small request that nobody sees: how long it took, and why it failed ("" where
    it did not)."""

    seconds: float
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The server gave a finish reason, kept as it came (`stop`, `length`, `tool_calls`, ...)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The lane ended without a finish reason. `kind` is a `BackendError` kind, `stopped` or `interrupted`;
    `retry_after`: the seconds that the server asks to wait."""

    kind: str
    message: str
    retry_after: float | None = None


Event = (
    Sent
    | Reported
    | Progress
    | ReasoningDelta
    | TextDelta
    | ToolCallDelta
    | ToolResult
    | Usage
    | Measured
    | Continued
    | Waited
    | Warmed
    | Finished
    | Failed
)


@dataclass(frozen=True, slots=True)
class Stamped:
    """An event and when it arrived: `at` is whole microseconds since its lane started, on a monotonic clock."""

    at: int
    event: Event
