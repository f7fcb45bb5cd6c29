"""The selection rule: a few questions that end in an engine and an artifact, as declared."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What to deploy `when` the questions are answered so."""

    when: Mapping[str, bool]
    engine: str
    reason: str
    artifact: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Guide:
    questions: tuple[Question, ...]
    choices: tuple[Choice, ...]

    def __post_init__(self) -> None:
        names = {each.name for each in self.questions}
        for choice in self.choices:
            for unknown in choice.when.keys() - names:
                raise ValueError(f"there is no question {unknown!r}")
        if not self.choices or self.choices[-1].when:
            raise ValueError("the last choice must be without conditions, so that there always is one")

    def choose(self, answers: Mapping[str, bool]) -> Choice:
        """The first all of whose conditions are answered so."""
        return next(
            each for each in self.choices if all(answers.get(name) is wanted for name, wanted in each.when.items())
        )
