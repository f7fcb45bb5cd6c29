"""What two texts share and where they differ, word by word. Pure; knows no gradio."""

import re
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from rapidfuzz.distance import Indel

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

BOTH, LEFT, RIGHT = "both", "left", "right"


class Part(NamedTuple):
    """A stretch of text, and where it stands: in `both`, or only in the `left` or `right` one."""

    where: str
    text: str


def parts(left: str, right: str) -> list[Part]:
    """Those in `both` or `left` are the left text, those in `both` or `right` the right one. Between two differences,
    blanks alone are no common ground."""
    ours, theirs = _WORDS.findall(left), _WORDS.findall(right)
    found: list[Part] = []
    for kind, start, end, other, until in Indel.opcodes(ours, theirs):
        if kind == "equal":
            found.append(Part(BOTH, "".join(ours[start:end])))
        else:
            found += [Part(LEFT, "".join(ours[start:end])), Part(RIGHT, "".join(theirs[other:until]))]
    return _merged([part for part in found if part.text])


def _merged(found: list[Part]) -> list[Part]:
    """Each run of differences as one part per side."""
    inner = range(1, len(found) - 1)
    shared = [part.where == BOTH and not (place in inner and part.text.isspace()) for place, part in enumerate(found)]
    merged: list[Part] = []
    for common, run in groupby(zip(shared, found, strict=True), key=itemgetter(0)):
        stretch = [part for _, part in run]
        sides = (BOTH,) if common else (LEFT, RIGHT)
        texts = [(side, "".join(part.text for part in stretch if part.where in (side, BOTH))) for side in sides]
        merged += [Part(side, text) for side, text in texts if text]
    return merged


def shown(left: str, right: str) -> dict[str, Any]:
    """The parts, and how many words they are."""
    found = parts(left, right)
    counts = {side: sum(len(part.text.split()) for part in found if part.where == side) for side in (BOTH, LEFT, RIGHT)}
    return {"parts": found, "counts": counts}
