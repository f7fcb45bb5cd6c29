"""llama.cpp's `llama-server`."""

from dataclasses import replace

from backends.chat import COMMON_KEYS, ChatClient, reasoning_as
from backends.inquiry import is_size, models_listed, optional, ready, text_within, within
from backends.kind import Dialect, Get, Kind
from backends.metrics import load
from backends.status import Server

DIALECT = Dialect(
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort", "return_progress"},
    replay=reasoning_as("reasoning_content"),  # turned into a thinking block before the template sees it
    tool_choices=frozenset({"auto", "none", "required"}),  # a named one silently becomes auto
    keep_alive=False,  # it promises to keep a connection, and closes it right after a stream: the next would meet that
)


async def discover(get: Get) -> Server:
    await ready(get, "/health")
    listed, props = await models_listed(get), await optional(get, "/props")
    # what one request may use; the model's own figure is that of all slots together
    context = within(props, "default_generation_settings", "n_ctx")
    sees, calls = within(props, "modalities", "vision"), within(props, "chat_template_caps", "supports_tools")
    return replace(
        listed,
        models=tuple(
            replace(
                each,
                context=context if is_size(context) else each.context,
                vision=sees if isinstance(sees, bool) else each.vision,
                tools=calls if isinstance(calls, bool) else each.tools,
            )
            for each in listed.models
        ),
        version=text_within(props, "build_info"),
        load=load(await optional(get, "/metrics")),
    )


KIND = Kind(
    name="llamacpp",
    title="llama.cpp",
    dialect=DIALECT,
    efforts=("none", "high"),  # the Small 4 template raises on any other
    connect=ChatClient,
    discover=discover,
    proof="real transcripts of a 135M demo model (b11549), and the embedded server",
    url_env="LLAMACPP_BASE_URL",
    key_env="LLAMACPP_API_KEY",
)
