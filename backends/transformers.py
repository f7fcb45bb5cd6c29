"""`transformers serve`: for trying things out. It cannot replay reasoning, and asks for the effort in its own way."""

from functools import partial

from backends.chat import COMMON_KEYS, ChatClient, Dialect
from backends.kind import Kind

DIALECT = Dialect(
    # a top-level reasoning_effort is accepted and ignored; usage always comes, so stream_options would only warn
    keys=COMMON_KEYS | {"seed", "chat_template_kwargs"},
)

KIND = Kind(
    name="transformers",
    title="transformers serve",
    keys=DIALECT.keys,
    efforts=("none", "high"),
    connect=partial(ChatClient, dialect=DIALECT),
    url_env="TRANSFORMERS_BASE_URL",
)
