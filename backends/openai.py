"""Any other server with OpenAI's chat API: Ollama, LM Studio, OpenRouter, a gateway, ..."""

from functools import partial

from backends.chat import COMMON_KEYS, ChatClient, Dialect
from backends.kind import Kind

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    # earlier reasoning is left out: which field an unknown server wants, or refuses, can't be known
)

KIND = Kind(
    name="openai",
    title="OpenAI-compatible",
    keys=DIALECT.keys,
    efforts=("", "none", "high"),  # not sent unless chosen: many models have none, or other values
    connect=partial(ChatClient, dialect=DIALECT),
    url_env="OPENAI_BASE_URL",
    key_env="OPENAI_API_KEY",
)
