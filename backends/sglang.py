"""SGLang's OpenAI server."""

from backends.chat import COMMON_KEYS, ChatClient, models_listed, reasoning_as
from backends.kind import Dialect, Kind

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning_content"),  # `reasoning` is ignored
)

KIND = Kind(
    name="sglang",
    title="SGLang",
    dialect=DIALECT,
    efforts=("none", "high"),  # never unset: without an effort, reasoning is not separated from the answer
    connect=ChatClient,
    discover=models_listed,
    url_env="SGLANG_BASE_URL",
    key_env="SGLANG_API_KEY",
)
