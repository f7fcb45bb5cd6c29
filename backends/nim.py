"""NVIDIA NIM: hosted at build.nvidia.com, or the container on one's own hardware. Underneath, it is vLLM."""

from backends.chat import COMMON_KEYS, ChatClient, models_listed, reasoning_as
from backends.kind import Dialect, Kind

DIALECT = Dialect(
    # no chat_template_kwargs: refused with 400, as in vLLM with the Mistral tokenizer
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning"),
)

KIND = Kind(
    name="nim",
    title="NVIDIA NIM",
    dialect=DIALECT,
    efforts=("none", "high"),
    connect=ChatClient,
    discover=models_listed,
    url_env="NIM_BASE_URL",
    key_env="NVIDIA_API_KEY",
    base_url="https://integrate.api.nvidia.com/v1",
    model="mistralai/mistral-small-4-119b-2603",
)
