"""What a view of what is kept is: its shape, its fields for the documentation, and how it is written.

It knows neither the database nor where the bytes go.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from storage.exports.items import Item, Scope
from storage.images import ImageStore

Option = Literal["demo", "reasoning", "names", "images"]


class Field(NamedTuple):
    """A column, or a key of a JSON line: `lanes[].text` is one of each lane. Cards and docs are made of these."""

    name: str
    type: str
    meaning: str


@dataclass(slots=True)
class Left:
    """The tally of an export, for its data card: filled while it is written.

    `read` are the comparisons seen so far; `written` is what came of them, by what it is ("pairs"); `out` is what was
    left out, by why ("a tie"), in words for people.
    """

    read: int = 0
    written: Counter[str] = field(default_factory=Counter)
    out: Counter[str] = field(default_factory=Counter)

    @classmethod
    def restored(cls, counts: Mapping[str, Any]) -> "Left":
        """From its fields as plain values."""
        return cls(counts["read"], Counter(counts["written"]), Counter(counts["out"]))


Write = Callable[[Iterable[list[Item]], Scope, ImageStore | None, Left], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class View:
    """`write` makes the file's bytes of batches of items; images' bytes go along where it is given the store of them.

    It has yielded all of a batch before it takes the next. `policy` are sentences on what is in it and what is not. A
    `lossless` view can be imported and has every answer; it alone reads all `recordings` (and requests), one with
    `rounds` those of answers of several rounds. Of one in `lines`, a part without its last lines is whole too.
    `options` are what of a scope makes a difference to it, `images` stands for the bytes.
    """

    name: str
    suffix: str
    media_type: str
    about: str  # one sentence for who chooses
    fields: tuple[Field, ...]
    write: Write
    policy: tuple[str, ...] = ()
    lossless: bool = False
    recordings: bool = False
    rounds: bool = False
    lines: bool = False
    options: tuple[Option, ...] = ("demo", "reasoning", "names")


def usable(batches: Iterable[list[Item]], scope: Scope, left: Left) -> Iterator[Item]:
    """The items for training and statistics: without what is sealed, and demo answers only where they are wanted."""
    for batch in batches:
        for item in batch:
            if item.sealed:
                left.out["sealed: still to be rated blind by who exports"] += 1
            elif item.demo and not scope.demo:
                left.out["demo: a simulated or demo model answered"] += 1
            else:
                yield item
