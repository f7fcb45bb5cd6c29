"""One comparison as one HTML file that needs nothing else: its question, its answers, their replay. What is left out is
not in the file.
"""

import base64
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any

import jinja2

from backends.answer import Answer, State
from backends.events import Failed, Finished, ReasoningDelta, Stamped, TextDelta, ToolCallDelta, ToolResult
from backends.lane import Lane
from backends.names import Names, in_play
from backends.prompt import Prompt
from storage.comparison import Comparison, KeptLane, Question, evidence
from storage.prompts import asked, title
from storage.showing import Showing
from ui import cards, view
from ui.component import ASSETS
from ui.rendering import rendered
from ui.timing import Beside, beside

TICK = 20_000  # microseconds: as fast as a page is drawn
SLUG = 40  # characters


class Part(StrEnum):
    """What can be left out."""

    NAMES = "names"
    REASONING = "reasoning"
    FIGURES = "figures"
    PROMPTS = "prompts"
    RATINGS = "ratings"


@dataclass(frozen=True, slots=True)
class Kept:
    """All that is known of a comparison, and how it is shown; `samples` are each lane's further ones, as asked."""

    comparison: Comparison
    question: Question
    showing: Showing
    samples: tuple[tuple[Answer, ...], ...] = ()

    @property
    def lanes(self) -> tuple[KeptLane, ...]:
        """As this viewer sees them."""
        return tuple(self.comparison.lanes[position] for position in self.showing.order)

    def beside(self, place: int) -> Beside:
        answers = [each.answer for each in self.comparison.lanes]
        return beside(self.question, self.showing, [*answers, *chain(*zip(*self.samples, strict=True))])[place]


def file_names(question: Question) -> tuple[str, str]:
    """What the file is called, without its end: with the first words of the prompt, and without any."""
    plain = unicodedata.normalize("NFKD", title(question.prompt)).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG].strip("-")
    bare = f"lanewise-{question.id[:8]}"
    return f"{bare}-{slug}" if slug else bare, bare


def file_name(question: Question, without: Collection[Part]) -> str:
    worded, bare = file_names(question)
    stem = bare if {Part.PROMPTS, Part.NAMES} & set(without) else worded
    left_out = "".join(f"-{part}" for part in Part if part in without)
    return f"{stem}{'-without' if left_out else ''}{left_out}.html"


def offered(question: Question) -> dict[str, str]:
    """What the page's own sheet knows of the file."""
    worded, bare = file_names(question)
    return {"run": question.id, "worded": worded, "bare": bare}


def made(kept: Kept, without: Collection[Part] = ()) -> str:
    """The file. Blocking: rendering long answers takes a while."""
    style, script = ((ASSETS / f"single.{kind}").read_text() for kind in ("css", "js"))
    mask = _masking(kept.lanes) if Part.NAMES in without else str
    timed = Part.FIGURES not in without  # times are figures: without them nothing can be played
    return _TEMPLATE.render(
        style=style,
        script=script,
        style_hash=_fingerprint(style),
        script_hash=_fingerprint(script),
        question=None if Part.PROMPTS in without else _question(kept, mask),
        lanes=[_lane(kept, place, without, mask) for place in range(len(kept.lanes))],
        ratings=[] if Part.RATINGS in without else _ratings(kept),
        replay=_replay(kept.lanes, without) if timed else None,
        about=_about(kept, without),
    )


_TEMPLATE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    (ASSETS / "single.html").read_text()
)


def _fingerprint(inline: str) -> str:
    """What a policy knows an inline part by."""
    return f"sha256-{base64.b64encode(sha256(inline.encode()).digest()).decode()}"


Mask = Callable[[str], str]


def _masking(lanes: Sequence[KeptLane]) -> Mask:
    """Takes names out of texts, those that the prompt uses too: a reader of the file need not be told any."""
    asked_of = tuple(each.lane for each in lanes)
    reported = tuple(each.answer.model for each in lanes)
    return in_play(asked_of, Prompt("", ()), reported).masked


def _exactly(lane: Lane, answer: Answer, mask: Mask) -> Mask:
    """For our own words about a lane: in them even a name such as `local` is one."""
    own = Names({lane.backend.name, lane.model, lane.artifact, lane.backend.kind, answer.model, answer.server})
    return lambda text: own.masked(mask(text))


def _question(kept: Kept, mask: Mask) -> dict[str, Any]:
    shown = view.question(kept.question)
    return {
        "title": mask(view.heading(title(kept.question.prompt))),
        "thread": [mask(link["title"]) for link in shown["thread"][:-1]],
        "text": mask(asked(kept.comparison.prompt).text),
        "about": mask(shown["about"]),
        "more": mask(shown["more"]),
        "images": [
            {
                "src": f"data:{image.mime};base64,{base64.b64encode(image.data).decode()}",
                "width": image.width,
                "height": image.height,
            }
            for image in asked(kept.comparison.prompt).images
        ],
    }


def _lane(kept: Kept, place: int, without: Collection[Part], mask: Mask) -> dict[str, Any]:
    """What a lane's card shows, without what is left out."""
    lane, answer = kept.lanes[place].lane, kept.lanes[place].answer
    fixed = cards.fixed(kept.question, kept.showing, place)
    card = cards.shown(fixed, answer, kept.lanes[place].flags, kept.beside(place))
    about = _exactly(lane, answer, mask) if Part.NAMES in without else str
    # the explanations of flags count, and quote
    told = not {Part.FIGURES, Part.REASONING} & set(without)
    shown = {
        "letter": view.LETTERS[place],
        "state": card["state"],
        "state_name": card["state_name"],
        "label": card["label"],
        "figures": card["figures"],
        "measured": card["measured"],
        "measured_of": card["measured_of"],
        "samples": card["samples"],
        "notes": [(note["title"], note["detail"]) for note in (*card["crowded"], *card["cached"])],
        "flags": [(flag["title"], about(flag["detail"]) if told else "") for flag in card["flags"]],
        "reasoning": mask(answer.reasoning),
        "thought": card["thought"],
        "calls": [
            {name: mask(call[name]) for name in ("name", "args", "problem", "source", "result")}
            for call in card["calls"]
        ],
        "error": about(card["error"]),
        "answer": rendered(mask(answer.text)),
    }
    if Part.NAMES in without:
        shown |= {"label": "", "measured": ()}  # settings tell lanes apart, and each server names its figures otherwise
    if Part.FIGURES in without:
        shown |= {"figures": (), "measured": (), "thought": "", "samples": None, "notes": ()}
    if Part.REASONING in without:
        shown |= {"reasoning": "", "thought": ""}
    if Part.PROMPTS in without:  # results are what the asker gave
        shown["calls"] = [call | {"source": "", "result": ""} for call in shown["calls"]]
    return shown


def _ratings(kept: Kept) -> list[dict[str, Any]]:
    """How often which verdict was given, with what tags; not by whom."""
    place = {position: place for place, position in enumerate(kept.showing.order)}
    verdicts: Counter[str] = Counter()
    tags: dict[str, Counter[str]] = {}
    for rating in evidence(kept.comparison.ratings):
        ranking = tuple(tuple(sorted(place[each] for each in group)) for group in rating.ranking)
        said = view.verdict(replace(rating, ranking=ranking))
        verdicts[said] += 1
        tags.setdefault(said, Counter()).update(rating.tags)
    return [
        {"verdict": said, "count": count, "tags": [f"{tag} × {often}" for tag, often in tags[said].most_common()]}
        for said, count in verdicts.most_common()
    ]


def _about(kept: Kept, without: Collection[Part]) -> list[tuple[str, str]]:
    """Where the file comes from."""
    plan = kept.question.plan
    asked_how = f"{plan.schedule}{', after a request that nobody saw' if plan.warm_up else ''}"
    left_out = ", ".join(part for part in Part if part in without)
    said = [
        ("Asked", f"{kept.comparison.created_at:%Y-%m-%d %H:%M} UTC"),
        ("Lanes asked", asked_how),
        ("Made with", f"Lanewise {_version()}"),
        ("Left out", left_out),
    ]
    return [(name, value) for name, value in said if value]


def _version() -> str:
    try:
        return version("lanewise")
    except PackageNotFoundError:  # run from its folder
        found = re.search(r'^version = "(.+)"$', (Path(__file__).parents[1] / "pyproject.toml").read_text(), re.M)
        return found[1] if found else ""


def _replay(lanes: Sequence[KeptLane], without: Collection[Part]) -> dict[str, Any]:
    """When what was there, in ticks. Texts are counted, not told: `[ticks since the last, characters, ...]`."""
    played = [_played(each, Part.REASONING not in without) for each in lanes]
    return {"second": 1_000_000 // TICK, "lanes": played}


def _played(kept: KeptLane, thinks: bool) -> dict[str, Any]:
    text: list[tuple[int, int]] = []
    reasoning: list[tuple[int, int]] = []
    calls: dict[int, int] = {}
    results: dict[int, int] = {}
    states: list[tuple[int, State]] = [(0, State.WAITING)]
    for at, event in ((each.at // TICK, each.event) for each in kept.recording):
        state = states[-1][1]
        match event:
            case TextDelta(said):
                text.append((at, len(said)))
                state = State.ANSWERING
            case ReasoningDelta(said):
                reasoning.append((at, len(said)))
                state = State.THINKING
            case ToolCallDelta(index):
                calls[index] = at
                state = State.CALLING
            case ToolResult(index):
                results[index] = at
            case Finished() | Failed():
                state = kept.answer.state
        if state != states[-1][1]:
            states.append((at, state))
    return {
        "states": [[at, state.name.lower(), str(state)] for at, state in states],
        "text": _packed(text),
        "reasoning": _packed(reasoning) if thinks else [],
        "calls": [[at, results.get(index, at)] for index, at in sorted(calls.items())],
        "end": _end(kept.recording),
    }


def _packed(arrived: Iterable[tuple[int, int]]) -> list[int]:
    """What came within one tick comes together."""
    sizes: Counter[int] = Counter()
    for at, size in arrived:
        sizes[at] += size
    packed: list[int] = []
    last = 0
    for at, size in sizes.items():
        packed += [at - last, size]
        last = at
    return packed


def _end(recording: Sequence[Stamped]) -> int:
    """When the lane was over."""
    ended = (each.at for each in recording if isinstance(each.event, Finished | Failed))
    return next(ended, recording[-1].at if recording else 0) // TICK
