"""LM Studio's OpenAI-compatible server."""

from collections.abc import Iterator

from backends.chat import COMMON_KEYS, ChatClient, reasoning_as
from backends.inquiry import models_listed
from backends.kind import Dialect, Kind
from backends.lane import Lane
from backends.prompt import Prompt

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning_content"),
    tool_choices=frozenset({"auto", "none", "required"}),  # a named one is refused with 400
)


def caveats(lane: Lane, prompt: Prompt) -> Iterator[str]:
    if lane.effort:
        yield "Only some models heed an effort here."
    if prompt.tools and prompt.tool_choice == "required":
        yield "Only models that run on llama.cpp heed `required` here."


KIND = Kind(
    name="lmstudio",
    title="LM Studio",
    dialect=DIALECT,
    efforts=("", "none", "high"),
    connect=ChatClient,
    discover=models_listed,
    caveats=caveats,
    proof="scripts from its documentation",
    url_env="LMSTUDIO_BASE_URL",
)
