"""What is odd about an answer. Nothing is repaired: the text stays as it came, and a flag says what is to be seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from backends.answer import Answer
from backends.lane import Lane
from backends.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Flag:
    """A small warning: `code` is what it is found by, `detail` explains this case to a person."""

    code: str
    detail: str


def flagged(asked: Sequence[tuple[Lane, Prompt]], answers: Sequence[Answer]) -> tuple[tuple[Flag, ...], ...]:
    """The flags of each lane of one comparison whose answers have all ended."""
    return tuple(() for _ in answers)
