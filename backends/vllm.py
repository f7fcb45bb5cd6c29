"""vLLM's OpenAI server, with Mistral's parsers for tools and reasoning."""

from collections.abc import Iterator
from dataclasses import replace

from backends.chat import COMMON_KEYS, ChatClient, names_a_tool, reasoning_as
from backends.inquiry import models_listed, optional, text_within
from backends.kind import Dialect, Get, Kind
from backends.lane import Lane
from backends.metrics import load
from backends.prompt import Prompt
from backends.status import Server

DIALECT = Dialect(
    # no chat_template_kwargs: refused with 400 when the Mistral tokenizer is in use
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning"),  # the Mistral API's list form is a 400 here
)


async def discover(get: Get) -> Server:
    return replace(
        await models_listed(get),
        version=text_within(await optional(get, "/version"), "version"),
        load=load(await optional(get, "/metrics")),
    )


def caveats(lane: Lane, prompt: Prompt) -> Iterator[str]:
    if prompt.tools and names_a_tool(prompt):
        yield "A named tool ends with the finish reason `stop`, although it is called."  # vllm-project/vllm#44596


KIND = Kind(
    name="vllm",
    title="vLLM",
    dialect=DIALECT,
    efforts=("none", "high"),
    connect=ChatClient,
    discover=discover,
    caveats=caveats,
    reads_small_4=(0, 20),  # vllm-project/vllm#39217, #38150
    proof="real transcripts of a 135M demo model (0.32); for Mistral's parsers, scripts from its source",
    url_env="VLLM_BASE_URL",
    key_env="VLLM_API_KEY",
)
