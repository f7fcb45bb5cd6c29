"""A comparison of answers that were made elsewhere, as an export would have it: nothing is invented that nobody saw.

Its recordings have the texts in one piece at no time, no request was sent, and no server has counted. It says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from backends import recording
from backends.answer import Answer, fold
from backends.events import Event, Finished, ReasoningDelta, Stamped, TextDelta
from backends.flags import Flag, flagged
from backends.lane import Backend, Lane
from backends.prompt import Prompt, images_of
from storage import lanes, prompts
from storage.errors import TransferError

ORIGIN = KIND = FINISHED = "imported"
LANES = 6  # side by side: as many as the page shows
FLAG = Flag("imported", "This answer was made elsewhere and imported: it has no times, no token counts and no events.")
TOLD = ("marker_leak", "names_itself")  # flags that the text alone tells


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, to what it was asked, with the history of its lane."""

    model: str
    prompt: Prompt
    text: str
    reasoning: str = ""
    artifact: str = ""
    effort: str = ""


def kept(
    name: str,
    made: datetime,
    prompt: Prompt,
    answers: Sequence[Said],
    follows: str | None = None,
    rating: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`name` decides its id, so that nothing is imported twice. Raises TransferError."""
    if not 2 <= len(answers) <= LANES:
        raise TransferError(f"it needs 2 to {LANES} answers to one prompt, and has {len(answers)}.")
    asked = [(_lane(said), said.prompt) for said in answers]
    recordings = [_recording(said) for said in answers]
    folded = [fold(events) for events in recordings]
    odd = flagged(asked, folded)
    body = prompts.body(prompt)
    return {
        "id": named(name),
        "created_at": made,
        "follows_id": follows,
        "prompt_id": prompts.prompt_id(body),
        "prompt": body,
        "title": prompts.title(prompt),
        "origin": ORIGIN,
        "lanes": [
            _answer(named(f"{name}:{position}"), position, *asked[position], folded[position])
            | {
                "recording": recording.dump(recordings[position]),
                "flags": [{"code": each.code, "detail": each.detail} for each in (*_told(odd[position]), FLAG)],
            }
            for position in range(len(answers))
        ],
        "ratings": [{"id": named(f"{name}:rating"), "tags": [], "comment": "", **rating}] if rating else [],
        "images": [
            {
                "sha256": image.sha256,
                "mime": image.mime,
                "width": image.width,
                "height": image.height,
                "bytes": len(image.data),
                "created_at": made,
            }
            for image in dict.fromkeys(image for _, each in asked for image in images_of(each.turns))
        ],
    }


def named(name: str) -> str:
    """An id, the same for the same name."""
    return sha256(name.encode()).hexdigest()[:32]


def _lane(said: Said) -> Lane:
    backend = Backend(ORIGIN, KIND, model=said.model, artifact=said.artifact)
    return Lane(backend, said.model, said.artifact, said.effort)


def _recording(said: Said) -> list[Stamped]:
    """What folds to the answer. The moment 0 is none: without a request there is nothing to count from."""
    events: list[Event] = [ReasoningDelta(said.reasoning)] if said.reasoning else []
    events += [TextDelta(said.text)] if said.text else []
    return [Stamped(0, event) for event in (*events, Finished(FINISHED))]


def _answer(answer_id: str, position: int, lane: Lane, prompt: Prompt, answer: Answer) -> dict[str, Any]:
    body = prompts.body(prompt)
    asked = {"id": answer_id, "position": position, "prompt_id": prompts.prompt_id(body), "prompt": body}
    return asked | lanes.settings(lane) | lanes.outcome(answer) | lanes.words(answer)


def _told(odd: Iterable[Flag]) -> list[Flag]:
    return [flag for flag in odd if flag.code in TOLD]
