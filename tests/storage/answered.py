"""Comparisons whose lanes said what a test wants them to have said."""

from collections.abc import Sequence

from backends.answer import fold
from backends.events import Event, Finished, ReasoningDelta, Sent, TextDelta, ToolCallDelta, Usage
from backends.flags import flagged
from backends.lane import Lane
from backends.prompt import Prompt
from storage.store import Store
from tests.storage.made import BEGAN, ONE, THREE, TWO, entries, stamped

LANES = (ONE, TWO, THREE)


def text(said: str, reasoning: str = "", finish: str = "stop") -> tuple[Event, ...]:
    thought = (ReasoningDelta(reasoning),) if reasoning else ()
    return (Sent("{}"), *thought, TextDelta(said), Finished(finish), Usage(10, 20, 5 if reasoning else None, None))


def call(name: str, arguments: str, id_: str = "call_1") -> tuple[Event, ...]:
    return (Sent("{}"), ToolCallDelta(0, id_, name, arguments), Finished("tool_calls"))


async def answered(
    store: Store,
    prompt: Prompt,
    *said: Sequence[Event],
    lanes: Sequence[Lane] = LANES,
    own: Sequence[Prompt] = (),
    follows: str | None = None,
) -> str:
    """Each lane said its events, over or not; `own` are the lanes' prompts, where they have a history of their own."""
    asked = list(zip(lanes, own or [prompt] * len(said), strict=False))[: len(said)]
    run = await store.create(prompt, asked, follows=follows)
    folded = {place: fold(stamped(events)) for place, events in enumerate(said)}
    ended = {place: answer for place, answer in folded.items() if answer.times.end is not None}
    flags = flagged(asked, tuple(folded.values())) if len(ended) == len(said) else ()
    for place, events in enumerate(said):
        mine = {place: ended[place]} if place in ended else {}
        await store.append(run, BEGAN, entries(place, stamped(events)), mine, flags)
    return run
