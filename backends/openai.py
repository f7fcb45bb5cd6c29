"""Any other server with OpenAI's chat API: a gateway, a cloud, ..."""

from collections.abc import Iterator

from backends.chat import COMMON_KEYS, ChatClient
from backends.inquiry import models_listed
from backends.kind import Dialect, Kind
from backends.lane import Lane
from backends.prompt import Prompt

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    # earlier reasoning is left out: which field an unknown server wants, or refuses, can't be known
)


def caveats(lane: Lane, prompt: Prompt) -> Iterator[str]:
    if lane.effort:
        yield "A server of no known kind may ignore the effort."
    if prompt.tools and prompt.tool_choice:
        yield "A server of no known kind may ignore the tool choice."


KIND = Kind(
    name="openai",
    title="OpenAI-compatible",
    dialect=DIALECT,
    efforts=("", "none", "high"),  # not sent unless chosen: many models have none, or other values
    connect=ChatClient,
    discover=models_listed,
    caveats=caveats,
    proof="the other kinds' scripts",
    url_env="OPENAI_BASE_URL",
    key_env="OPENAI_API_KEY",
)
