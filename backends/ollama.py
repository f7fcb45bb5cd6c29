"""Ollama's OpenAI-compatible side."""

from collections.abc import Iterator
from dataclasses import replace

from backends.chat import COMMON_KEYS, ChatClient, reasoning_as
from backends.inquiry import models_listed, optional, text_within
from backends.kind import Dialect, Get, Kind
from backends.lane import Lane
from backends.prompt import Prompt
from backends.status import Server

DIALECT = Dialect(
    keys=COMMON_KEYS - {"tool_choice"} | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning"),
    tool_choices=frozenset(),  # passed over unread
)


async def discover(get: Get) -> Server:
    listed = await models_listed(get)
    return replace(
        listed,
        models=tuple(
            replace(each, aliases=(name,)) if (name := each.id.removesuffix(":latest")) != each.id else each
            for each in listed.models
        ),
        version=text_within(await optional(get, "/api/version"), "version"),
    )


def caveats(lane: Lane, prompt: Prompt) -> Iterator[str]:
    if lane.effort not in ("", "none"):
        yield "A model that can't think is refused with an effort."
    if lane.backend.context is None:
        yield "Turns beyond its context, often 4,096 tokens, are dropped without a word."


KIND = Kind(
    name="ollama",
    title="Ollama",
    dialect=DIALECT,
    efforts=("", "none", "high"),
    connect=ChatClient,
    discover=discover,
    caveats=caveats,
    proof="scripts from its source",
    url_env="OLLAMA_BASE_URL",
    key_env="OLLAMA_API_KEY",
)
