"""vLLM's OpenAI server, with Mistral's parsers for tools and reasoning."""

from functools import partial

from backends.chat import COMMON_KEYS, ChatClient, Dialect, reasoning_as
from backends.kind import Kind

DIALECT = Dialect(
    # no chat_template_kwargs: refused with 400 when the Mistral tokenizer is in use
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning"),  # the Mistral API's list form is a 400 here
)

KIND = Kind(
    name="vllm",
    title="vLLM",
    keys=DIALECT.keys,
    efforts=("none", "high"),
    connect=partial(ChatClient, dialect=DIALECT),
    url_env="VLLM_BASE_URL",
    key_env="VLLM_API_KEY",
)
