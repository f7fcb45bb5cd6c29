"""What a person should know of a lane before it is asked: what its server can't do, and whether the prompt fits."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backends.chat import left_out
from backends.kind import Kind, without_reasoning
from backends.lane import Lane
from backends.model import SMALL_4, SMALL_4_EFFORTS, family
from backends.prompt import AssistantTurn, Prompt, images_of
from backends.status import Reach, Status
from backends.tokens import image_tokens, prompt_tokens

# The keys in which a server gives an effort to the model as it is.
_PASSED_ON = frozenset({"reasoning_effort", "chat_template_kwargs"})


@dataclass(frozen=True, slots=True)
class Weight:
    """The estimated size of a prompt in tokens, of each of its images, and what the server takes at most, if known."""

    tokens: int
    images: tuple[int, ...]
    limit: int | None


def weigh(lane: Lane, prompt: Prompt, status: Status) -> Weight:
    """Blocking: the first count of a Mistral model takes a second."""
    told = status.model(lane.model)
    return Weight(
        tokens=prompt_tokens(prompt, lane.model or (told.id if told else "")),
        images=tuple(image_tokens(image.width, image.height) for image in images_of(prompt.turns)),
        limit=lane.backend.context or (told.context if told else None),
    )


def caveats(kind: Kind, lane: Lane, prompt: Prompt, status: Status) -> tuple[str, ...]:
    """Short sentences; none where everything will be as asked. Blocking, as `weigh`."""
    return (
        *_of_the_server(lane, prompt, status),
        *_of_small_4(kind, lane, status),
        *_of_the_size(kind, lane, prompt, status),
        *left_out(kind.dialect, lane, prompt),
        *kind.caveats(lane, prompt),
    )


def _of_the_server(lane: Lane, prompt: Prompt, status: Status) -> Iterator[str]:
    if status.reach in (Reach.LOADING, Reach.REFUSED, Reach.UNREACHABLE):
        yield status.problem
    told = status.model(lane.model)
    if lane.model and status.server.models and not told:
        yield f"The server does not list the model {lane.model!r}."
    if told and told.vision is False and images_of(prompt.turns):
        yield "The server says that this model sees no images."
    if told and told.tools is False and prompt.tools:
        yield "The server says that this model, or its chat template, knows no tools: they may be passed over."


def misreads(kind: Kind, version: str) -> str:
    """Says so where this version of a server reads Small 4's answers wrongly; "" where it does not, or who knows."""
    first, found = kind.reads_small_4, re.match(r"v?(\d+)\.(\d+)", version)
    if not first or not found or (int(found[1]), int(found[2])) >= first:
        return ""
    since = ".".join(map(str, first))
    return f"{kind.title} {found[0]} misreads this model's reasoning and tool calls: {since} is the first not to."


def _of_small_4(kind: Kind, lane: Lane, status: Status) -> Iterator[str]:
    told = status.model(lane.model)
    if SMALL_4 not in (family(lane.model), family(told.id) if told else ""):
        return
    if wrong := misreads(kind, status.server.version):
        yield wrong
    if lane.effort in SMALL_4_EFFORTS or not _PASSED_ON & kind.dialect.keys - set(lane.backend.omit):
        return
    if lane.effort:
        yield f"This model has the efforts none and high: the server will refuse {lane.effort!r}."
    else:
        yield "Without an effort, this model does not reason: it is as if none were sent."


def _of_the_size(kind: Kind, lane: Lane, prompt: Prompt, status: Status) -> Iterator[str]:
    images, limits = images_of(prompt.turns), kind.limits(lane.backend)
    if limits.most is not None and len(images) > limits.most:
        yield f"{kind.title} takes at most {limits.most} images in one prompt."
    if limits.bytes is not None and any(len(image.data) > limits.bytes for image in images):
        yield f"{kind.title} takes images up to {limits.bytes // 1000} KB: larger ones are re-encoded for this lane."
    if limits.longest is not None and any(max(image.width, image.height) > limits.longest for image in images):
        yield f"{kind.title} takes images up to {limits.longest:,} px: larger ones are scaled down for this lane."
    weight = weigh(lane, prompt, status)
    if weight.limit and weight.tokens > weight.limit:
        yield f"The prompt won't fit: about {weight.tokens:,} tokens, and the server takes {weight.limit:,}."
    elif weight.limit and lane.max_tokens and weight.tokens + lane.max_tokens > weight.limit:
        yield f"The answer may be cut short: prompt and answer share {weight.limit:,} tokens."
    if any(isinstance(turn, AssistantTurn) and turn.reasoning for turn in prompt.turns):
        if kind.dialect.replay is without_reasoning:
            yield "Its earlier reasoning can't be sent back to this server."
        elif not lane.replays:
            yield "Its earlier reasoning is not sent back."
