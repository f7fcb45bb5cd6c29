"""vLLM's OpenAI server, with Mistral's parsers for tools and reasoning."""

from backends.chat import COMMON_KEYS, ChatClient, models_listed, reasoning_as
from backends.kind import Dialect, Kind

DIALECT = Dialect(
    # no chat_template_kwargs: refused with 400 when the Mistral tokenizer is in use
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning"),  # the Mistral API's list form is a 400 here
)

KIND = Kind(
    name="vllm",
    title="vLLM",
    dialect=DIALECT,
    efforts=("none", "high"),
    connect=ChatClient,
    discover=models_listed,
    url_env="VLLM_BASE_URL",
    key_env="VLLM_API_KEY",
)
