"""`transformers serve`: for trying things out. It cannot replay reasoning, and asks for the effort in its own way."""

from collections.abc import Iterator

from backends.chat import COMMON_KEYS, ChatClient
from backends.inquiry import models_listed
from backends.kind import Dialect, Get, Kind
from backends.lane import Lane
from backends.prompt import AssistantTurn, Prompt, images_of
from backends.status import Server

DIALECT = Dialect(
    # top-level reasoning_effort and tool_choice are accepted and ignored; usage always comes, without stream_options;
    # releases differ on stop
    keys=COMMON_KEYS - {"tool_choice", "stop"} | {"seed", "chat_template_kwargs"},
    tool_choices=frozenset(),
)


async def discover(get: Get) -> Server:
    await get("/health")
    return await models_listed(get)


def caveats(lane: Lane, prompt: Prompt) -> Iterator[str]:
    if lane.effort not in ("", "none") or prompt.tools:
        yield "Marks are stripped from the text: reasoning, tool calls and answer may arrive as one."
    if lane.seed is not None:
        yield "The seed is one for the whole server: other requests at the same time change what it gives."
    if images_of(prompt.turns):
        yield "A model without eyes is shown nothing of an image, and the server does not say so."
    if lane.backend.context is None:
        yield "A prompt beyond its context is not refused, but answered with nonsense."
    if any(isinstance(turn, AssistantTurn) and turn.calls and turn.text for turn in prompt.turns):
        yield "What was said beside an earlier tool call does not reach the model."


KIND = Kind(
    name="transformers",
    title="transformers serve",
    dialect=DIALECT,
    efforts=("none", "high"),
    connect=ChatClient,
    discover=discover,
    caveats=caveats,
    proof="real transcripts of a 135M demo model (5.23)",
    url_env="TRANSFORMERS_BASE_URL",
)
