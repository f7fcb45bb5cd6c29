"""SGLang's OpenAI server."""

from functools import partial

from backends.chat import COMMON_KEYS, ChatClient, Dialect, reasoning_as
from backends.kind import Kind

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning_content"),  # `reasoning` is ignored
)

KIND = Kind(
    name="sglang",
    title="SGLang",
    keys=DIALECT.keys,
    efforts=("none", "high"),  # never unset: without an effort, reasoning is not separated from the answer
    connect=partial(ChatClient, dialect=DIALECT),
    url_env="SGLANG_BASE_URL",
    key_env="SGLANG_API_KEY",
)
