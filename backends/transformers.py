"""`transformers serve`: for trying things out. It cannot replay reasoning, and asks for the effort in its own way."""

from backends.chat import COMMON_KEYS, ChatClient, models_listed
from backends.kind import Dialect, Kind

DIALECT = Dialect(
    # a top-level reasoning_effort is accepted and ignored; usage always comes, so stream_options would only warn
    keys=COMMON_KEYS | {"seed", "chat_template_kwargs"},
)

KIND = Kind(
    name="transformers",
    title="transformers serve",
    dialect=DIALECT,
    efforts=("none", "high"),
    connect=ChatClient,
    discover=models_listed,
    url_env="TRANSFORMERS_BASE_URL",
)
