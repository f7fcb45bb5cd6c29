"""What a probe is: what it asks, and a judgement of the answers that asks nobody anything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from backends.answer import Answer
from backends.check.result import Verdict
from backends.events import Stamped
from backends.kind import Kind
from backends.lane import Backend, Lane
from backends.model import SMALL_4, family
from backends.prompt import Prompt, Tool, UserTurn
from backends.status import Model, Status

SMALL = 40  # tokens of an answer
THOUGHT = 400  # tokens, where it is to think before
SEED = 7
SYSTEM = "You are a helpful assistant."


class Said(NamedTuple):
    """A verdict in words; `advice`: what to change."""

    verdict: Verdict
    words: str
    advice: str = ""


passed = partial(Said, Verdict.PASSED)
failed = partial(Said, Verdict.FAILED)
doubtful = partial(Said, Verdict.DOUBTFUL)
skipped = partial(Said, Verdict.SKIPPED)


class Heard(NamedTuple):
    """One question, its answer, and when each piece of it came."""

    lane: Lane
    prompt: Prompt
    answer: Answer
    recording: Sequence[Stamped]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked, and what is known of it. `status`: what the server told before the questions; `after`: what it
    told after them, where a probe wants that. `reference` is another backend that serves the same model."""

    kind: Kind
    backend: Backend
    efforts: tuple[str, ...]
    status: Status
    reference: Backend | None = None
    after: Status = Status()

    @property
    def told(self) -> Model | None:
        return self.status.model(self.backend.model)

    @property
    def model(self) -> str:
        return self.backend.model or (self.told.id if self.told else "")

    @property
    def is_small_4(self) -> bool:
        return SMALL_4 in (family(self.backend.model), family(self.told.id) if self.told else "")

    @property
    def quiet(self) -> str:
        """The effort at which it thinks least."""
        return "none" if "none" in self.efforts else self.efforts[0]

    @property
    def promises_efforts(self) -> bool:
        """Whether its declaration says that it has efforts, or its kind does."""
        return bool(self.backend.efforts) or "" not in self.efforts

    def lane(self, effort: str | None = None, max_tokens: int = SMALL, backend: Backend | None = None) -> Lane:
        asked = backend or self.backend
        chosen = self.quiet if effort is None else effort
        return Lane(asked, asked.model, asked.artifact, chosen, temperature=0.0, max_tokens=max_tokens, seed=SEED)


Ask = tuple[Lane, Prompt]
Asks = Callable[[Subject], Sequence[Ask] | Said]
Judge = Callable[[Subject, Sequence[Heard]], Said]


@dataclass(frozen=True, slots=True)
class Probe:
    """`asks`: its questions, asked one after another, or why there are none. `judge` says what the answers show; it
    gets only answers that came to their end, unless it `takes_failures`. `alone`: other questions at the same time
    would disturb it; `looks_again`: the server is asked how it is after the answers."""

    name: str
    title: str
    asks: Asks
    judge: Judge
    takes_failures: bool = False
    alone: bool = False
    looks_again: bool = False


def question(text: str, system: str = SYSTEM, tools: tuple[Tool, ...] = (), choice: str = "") -> Prompt:
    return Prompt(system, (UserTurn(text),), tools, choice)
