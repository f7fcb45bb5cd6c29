"""llama.cpp's `llama-server`."""

from backends.chat import COMMON_KEYS, ChatClient, models_listed, reasoning_as
from backends.kind import Dialect, Kind

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning_content"),  # turned into a thinking block before the template sees it
    keep_alive=False,  # it promises to keep a connection, and closes it right after a stream: the next would meet that
)

KIND = Kind(
    name="llamacpp",
    title="llama.cpp",
    dialect=DIALECT,
    efforts=("none", "high"),  # the Small 4 template raises on any other
    connect=ChatClient,
    discover=models_listed,
    url_env="LLAMACPP_BASE_URL",
    key_env="LLAMACPP_API_KEY",
)
