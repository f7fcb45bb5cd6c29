"""OpenRouter: one address for the models of many providers."""

from collections.abc import Iterator

from backends.chat import COMMON_KEYS, ChatClient, reasoning_as
from backends.inquiry import models_listed
from backends.kind import Dialect, Kind
from backends.lane import Lane
from backends.prompt import Prompt

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning"},
    replay=reasoning_as("reasoning"),
)


def caveats(lane: Lane, prompt: Prompt) -> Iterator[str]:
    yield "A provider is picked for each request: weights, precision and what is heeded may differ."


KIND = Kind(
    name="openrouter",
    title="OpenRouter",
    dialect=DIALECT,
    efforts=("", "none", "high"),
    connect=ChatClient,
    discover=models_listed,
    caveats=caveats,
    proof="scripts from its documentation",
    key_env="OPENROUTER_API_KEY",
    base_url="https://openrouter.ai/api/v1",
    model="mistralai/mistral-small-2603",
    price_in=0.15,
    price_out=0.60,
)
