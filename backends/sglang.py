"""SGLang's OpenAI server."""

from collections.abc import Iterator
from dataclasses import replace

from backends.chat import COMMON_KEYS, ChatClient, names_a_tool, reasoning_as, thinks_back
from backends.inquiry import models_listed, optional, ready, text_within, within
from backends.kind import Dialect, Get, Kind
from backends.lane import Lane
from backends.metrics import load
from backends.prompt import Prompt
from backends.status import Server

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning_content"),  # `reasoning` is ignored
)


async def discover(get: Get) -> Server:
    await ready(get, "/ready")  # never its /health, which generates a token
    listed = await models_listed(get)
    model, server = await optional(get, "/model_info"), await optional(get, "/server_info")
    sees = within(model, "has_image_understanding")
    parsers = {
        use: text_within(server, f"{name}_parser") or text_within(model, f"{name}_parser")
        for use, name in (("reasoning", "reasoning"), ("tools", "tool_call"))
    }
    return replace(
        listed,
        models=tuple(replace(each, vision=sees if isinstance(sees, bool) else None) for each in listed.models),
        version=text_within(server, "version"),
        parsers=tuple(f"{use}: {parser}" for use, parser in parsers.items() if parser),
        load=load(await optional(get, "/metrics")),
    )


def caveats(lane: Lane, prompt: Prompt) -> Iterator[str]:
    if not lane.effort:
        yield "Without an effort, reasoning is not told from the answer."
    if prompt.tools and prompt.tool_choice != "none":
        yield "With tools, every ] is missing from the text."  # the mistral tool parser: sgl-project/sglang#34898
    if prompt.tools and names_a_tool(prompt):
        yield "The model is shown the named tool alone."
    if thinks_back(lane, prompt):
        yield "Earlier reasoning reaches the model only if the server runs Mistral's own tokenizer."


KIND = Kind(
    name="sglang",
    title="SGLang",
    dialect=DIALECT,
    efforts=("none", "high"),  # never unset: without an effort, reasoning is not separated from the answer
    connect=ChatClient,
    discover=discover,
    caveats=caveats,
    proof="scripts from its source (0.5.23)",
    url_env="SGLANG_BASE_URL",
    key_env="SGLANG_API_KEY",
)
