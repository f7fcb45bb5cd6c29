"""Any other server with OpenAI's chat API: Ollama, LM Studio, OpenRouter, a gateway, ..."""

from backends.chat import COMMON_KEYS, ChatClient, models_listed
from backends.kind import Dialect, Kind

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    # earlier reasoning is left out: which field an unknown server wants, or refuses, can't be known
)

KIND = Kind(
    name="openai",
    title="OpenAI-compatible",
    dialect=DIALECT,
    efforts=("", "none", "high"),  # not sent unless chosen: many models have none, or other values
    connect=ChatClient,
    discover=models_listed,
    url_env="OPENAI_BASE_URL",
    key_env="OPENAI_API_KEY",
)
