"""llama.cpp's `llama-server`."""

from functools import partial

from backends.chat import COMMON_KEYS, ChatClient, Dialect, reasoning_as
from backends.kind import Kind

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning_content"),  # turned into a thinking block before the template sees it
    keep_alive=False,  # it promises to keep a connection, and closes it right after a stream: the next would meet that
)

KIND = Kind(
    name="llamacpp",
    title="llama.cpp",
    keys=DIALECT.keys,
    efforts=("none", "high"),  # the Small 4 template raises on any other
    connect=partial(ChatClient, dialect=DIALECT),
    url_env="LLAMACPP_BASE_URL",
    key_env="LLAMACPP_API_KEY",
)
