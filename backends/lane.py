"""Where a prompt goes: a declared backend, and the lane that asks it with its own settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backend:
    """A server as declared: one address, one model, one artifact. `key_env` is the *name* of the key's variable.

    Prices are US dollars per million tokens. Timeouts are seconds: until a connection stands, until the first piece of
    the answer, and between pieces. `context` is its size in tokens, where the server does not tell; `omit` are request
    keys that this one server does not take. `temperature` and `max_tokens` are what a new lane starts with; `note` is
    said on each of its lanes. So many requests as `concurrency` are sent to it at once; further ones wait.
    """

    name: str
    kind: str
    base_url: str = ""
    model: str = ""
    artifact: str = ""
    key_env: str = ""
    efforts: tuple[str, ...] = ()
    price_in: float | None = None
    price_out: float | None = None
    connect_timeout: float = 10.0
    first_timeout: float = 300.0
    timeout: float = 300.0
    context: int | None = None
    omit: tuple[str, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    note: str = ""
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """One column: backend x model x artifact x effort x sampling. None (or "" for effort) means: not sent.

    `replays`: its own earlier reasoning goes back with the history, where its kind can. `waits`: where the server says
    when to try again, it does so once, and the wait is recorded.
    """

    backend: Backend
    model: str = ""
    artifact: str = ""
    effort: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    replays: bool = True
    waits: bool = False

    @property
    def prices(self) -> tuple[float | None, float | None]:
        """What a million tokens cost in and out; unknown for a model other than the declared one."""
        declared = self.model in ("", self.backend.model)
        return (self.backend.price_in, self.backend.price_out) if declared else (None, None)

    @property
    def label(self) -> str:
        parts = [self.backend.name, self.model, self.artifact, self.effort and f"effort {self.effort}"]
        return " · ".join(dict.fromkeys(part for part in parts if part))
