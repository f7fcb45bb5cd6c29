"""What two answers share and where they differ, word by word, and the part of a page that shows it."""

import asyncio
import re
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import gradio as gr
from rapidfuzz.distance import Indel

from storage.showing import Showing
from ui import viewer
from ui.component import PRIVATE, Drawn
from ui.stage import Stage
from ui.view import LETTERS

# words, lines, or all in one piece: telling apart takes a bit of memory for each pair of pieces
_PIECES = [re.compile(pattern) for pattern in (r"\w+|\s+|[^\w\s]", r".*\n|.+", r"(?s:.+)")]
MOST = 2_000_000_000  # pairs: 250 MB

BOTH, LEFT, RIGHT = "both", "left", "right"


class Part(NamedTuple):
    """A stretch of text, and where it stands: in `both`, or only in the `left` or `right` one."""

    where: str
    text: str


def parts(left: str, right: str) -> list[Part]:
    """Those in `both` or `left` are the left text, those in `both` or `right` the right one. Between two differences,
    blanks alone are no common ground."""
    cut = ((each.findall(left), each.findall(right)) for each in _PIECES)
    ours, theirs = next((ours, theirs) for ours, theirs in cut if len(ours) * len(theirs) <= MOST)
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


class Differences:
    """Tells the answers of a comparison apart, as its viewer sees them, two at a time."""

    def __init__(self, stage: Stage, part: Drawn) -> None:
        self.stage, self.part = stage, part

    def wire(self, run: gr.Textbox) -> None:
        self.part.differ(self.differ, run, self.part, **PRIVATE)

    async def differ(self, run: str, event: gr.EventData, request: gr.Request) -> Any:
        """The answers at the two places that the page sent."""
        match event._data:
            case {"run": str() as wanted, "left": int() as left, "right": int() as right} if wanted == run:
                texts = await self.stage.texts(run, viewer.of(request))
                if not {left, right} <= set(range(len(texts))):
                    return offered(run, len(texts))
                found = await asyncio.to_thread(parts, texts[left], texts[right])
                return offered(run, len(texts)) | {
                    "left": left,
                    "right": right,
                    "parts": found,
                    "counts": _counts(found),
                }
        return gr.skip()


def shown(showing: Showing) -> dict[str, Any]:
    """Nothing is told apart yet."""
    return offered(showing.comparison_id, len(showing.order))


def offered(run: str, places: int) -> dict[str, Any]:
    return {"run": run, "letters": list(LETTERS[:places])}


def _counts(found: list[Part]) -> dict[str, int]:
    """How many words stand where."""
    return {side: sum(len(part.text.split()) for part in found if part.where == side) for side in (BOTH, LEFT, RIGHT)}
