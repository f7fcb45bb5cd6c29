"""A lane's card as a plain value: its answer, figures, tool calls and flags. Anything a model wrote stays text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from backends import arguments
from backends.answer import Answer, State
from backends.declaration import kinds
from backends.errors import one_line
from backends.events import Failed
from backends.flags import TITLES, Flag
from backends.kind import without_reasoning
from backends.lane import Lane
from backends.prompt import AssistantTurn, Image, Prompt, images_of
from storage.comparison import Question
from storage.prompts import asked
from storage.showing import Showing
from ui import figures, timing
from ui.figures import seconds
from ui.timing import ALONE, Beside
from ui.view import listed

LIVE = (State.WAITING, State.THINKING, State.CALLING, State.ANSWERING)


@dataclass(frozen=True, slots=True)
class Fixed:
    """What stays the same on a lane's card as long as its run is shown.

    `key` is another for each run and lane; `history` says what was particular in what this lane was sent; `answer_url`
    gives the text.
    """

    key: str
    lane: Lane
    prompt: Prompt
    history: tuple[str, ...]
    answer_url: str


def fixed(kept: Question, showing: Showing, place: int) -> Fixed:
    """Of the lane that this viewer sees at `place`."""
    lane, _, prompt, taken_from, _ = kept.lanes[showing.order[place]]
    taken = "taken over from an earlier comparison" if taken_from else ""
    history = replayed(lane, prompt), re_encoded(prompt, asked(kept.prompt).images, kept.sizes), taken
    return Fixed(f"{kept.id}/{place}", lane, prompt, history, f"answers/{kept.id}/{place}")


def shown(fixed: Fixed, answer: Answer, flags: Sequence[Flag] = (), beside: Beside = ALONE) -> dict[str, Any]:
    """What a lane's card shows."""
    live = answer.state in LIVE
    turn = {"state_name": "waits for its turn"} if beside.waits and live else {}
    return (
        said(fixed, answer)
        | turn
        | {
            "label": provenance(fixed, answer),
            "reading": reading(answer),
            "figures": figures.timed_here(fixed.lane, answer),
            "measured": figures.of_the_server(answer.rounds[-1].measured),
            "measured_of": f"last of {len(answer.rounds)} rounds" if len(answer.rounds) > 1 else "",
            "crowded": timing.noted(beside.crowded),
            "cached": timing.noted(beside.cached),
            "flags": [{"title": TITLES.get(flag.code, flag.code), "detail": flag.detail} for flag in flags],
            "samples": timing.spread([answer, *beside.samples], fixed.answer_url) if not live else None,
            "live": live or beside.more,  # what may be stopped
            "again": not live and not beside.more,
            "thought": thought(answer),
            "error": failed(fixed.lane, answer.failure) if answer.failure else ended_early(answer),
            "raw": "" if live else f"{fixed.answer_url}/raw",
        }
    )


def sealed(fixed: Fixed, answer: Answer, waiting: str) -> dict[str, Any]:
    """What a card shows as long as nothing may tell whose it is; the answer is what may be seen of it. `waiting` is
    said where there is nothing yet."""
    card = said(fixed, answer) | {"figures": []}
    if answer.state is State.WAITING:
        card["state_name"] = waiting
    elif answer.failure:
        card["error"] = answer.failure.message
    elif answer.finish_reason == "length":
        card["error"] = "Ran out of tokens."
    elif answer.state is State.DONE and not answer.text and not answer.calls:
        card["error"] = "Ended without an answer."
    return card


def said(fixed: Fixed, answer: Answer) -> dict[str, Any]:
    """What a card shows of the answer itself, and how that is."""
    live = answer.state in LIVE
    calls = tool_calls(fixed.prompt, answer, live)
    return {
        "key": fixed.key,
        "state": answer.state.name.lower(),
        "state_name": "waiting for a result" if any(call["asks"] for call in calls) else str(answer.state),
        "live": live,
        "reasoning": answer.reasoning,
        "calls": calls,
        "answer": "" if live or not answer.text else fixed.answer_url,
    }


def idle(*, again: bool = False) -> dict[str, Any]:
    """Without an answer; `again`: in a comparison that is shown, this lane may be asked."""
    return {"key": "", "state_name": "Its answer will stream here.", "again": again}


def provenance(fixed: Fixed, answer: Answer) -> str:
    """Who answered and with what settings, as sent and as reported."""
    lane = fixed.lane
    settings = [
        lane.temperature is not None and f"temperature {lane.temperature:g}",
        lane.max_tokens is not None and f"at most {lane.max_tokens} tokens",
        lane.seed is not None and f"seed {lane.seed}",
    ]
    told = answer.model and answer.model != lane.model and f"reported as {one_line(answer.model)}"
    return " · ".join([lane.label, *(part for part in [*settings, *fixed.history, told] if part)])


def replayed(lane: Lane, prompt: Prompt) -> str:
    """What became of the lane's own earlier reasoning, where there is any."""
    kind = kinds().get(lane.backend.kind)
    if kind is None or not any(isinstance(turn, AssistantTurn) and turn.reasoning for turn in prompt.turns):
        return ""
    went = lane.replays and kind.dialect.replay is not without_reasoning
    return f"its own earlier reasoning {'went back' if went else 'was left out'}"


def re_encoded(sent: Prompt, images: Sequence[Image], sizes: Mapping[str, int]) -> str:
    """How many of the images that all lanes are asked about this one got otherwise; `sizes` are bytes by hash."""
    own = images_of(sent.turns)[-len(images) :]
    changed = [mine for mine, theirs in zip(own, images, strict=False) if mine != theirs]
    if not changed:
        return ""
    written = [f"{sizes[image.sha256] / 1000:.0f} KB" for image in changed]
    return f"sent with smaller images: {len(changed)} re-encoded to {listed(written)}"


def reading(answer: Answer) -> list[int] | None:
    """How many tokens of the prompt the server has read, of how many; None once it speaks."""
    if answer.state is not State.WAITING or answer.progress is None:
        return None
    return [answer.progress.done, answer.progress.total]


def thought(answer: Answer) -> str:
    """Length and duration of the reasoning; in several rounds it has paused, and no duration is told."""
    times, words = answer.times, f"{len(answer.reasoning.split())} words"
    if times.first_reasoning is None or times.last_reasoning is None or len(answer.rounds) > 1:
        return words if answer.reasoning else ""
    return f"{words} · {seconds(times.last_reasoning - times.first_reasoning)}"


# a call is checked once, not again at every frame
problem = lru_cache(maxsize=32)(arguments.problem)

SOURCES = {"canned": "canned result", "built-in": "result of the built-in tool", "by hand": "typed in by hand"}


def tool_calls(prompt: Prompt, answer: Answer, live: bool) -> list[dict[str, Any]]:
    """The calls of all rounds, each with its result and what is wrong with it. One `asks` where a person gives the
    result: its round is over, the lane is not, and no other source had one."""
    calls, results = answer.calls, answer.results
    first = len(calls) - len(answer.rounds[-1].calls)
    over = not live or bool(answer.finish_reason)
    shown = []
    for index, call in enumerate(calls):
        whole = over or index < first
        result = results.get(index)
        shown.append(
            {
                "name": call.name,
                "args": pretty(call.arguments),
                "state": "" if whole else "…",
                "problem": problem(call, prompt.tools) if whole else "",
                "asks": live and whole and index >= first and result is None and prompt.toolbox.by_hand,
                "source": SOURCES[result.source] if result else "",
                "result": result.content if result else "",
            }
        )
    return shown


def pretty(arguments: str) -> str:
    """Indented once they are whole JSON; before that, and when invalid, exactly as they came."""
    try:
        return orjson.dumps(orjson.loads(arguments), option=orjson.OPT_INDENT_2).decode()
    except ValueError:
        return arguments


def failed(lane: Lane, failure: Failed) -> str:
    """What went wrong; whose lane may wait where the server asks for it, learns of that."""
    may = failure.retry_after is not None and not lane.waits
    return f"{failure.message} This lane's settings can make it wait and ask again." if may else failure.message


def ended_early(answer: Answer) -> str:
    if answer.finish_reason != "length":
        return ""
    thinking = bool(answer.reasoning) and not answer.text and not answer.calls
    return f"Ran out of tokens{' while thinking' if thinking else ''}: raise max tokens for a whole answer."
