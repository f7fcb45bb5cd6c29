"""NVIDIA NIM: hosted at build.nvidia.com, or the container on one's own hardware. Underneath, it is vLLM."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from backends.chat import COMMON_KEYS, ChatClient, reasoning_as
from backends.inquiry import models_listed, optional, ready, text_within
from backends.kind import Dialect, Get, ImageLimits, Kind
from backends.metrics import load
from backends.status import Server
from backends.vllm import caveats


def queued(headers: Mapping[str, str]) -> str:
    """Where NVIDIA's cloud keeps an answer that it put off; "" where it does not say which."""
    request = headers.get("nvcf-reqid", "")
    return f"https://api.nvcf.nvidia.com/v2/nvcf/pexec/status/{quote(request, safe='')}" if request else ""


DIALECT = Dialect(
    # no chat_template_kwargs: refused with 400, as in vLLM with the Mistral tokenizer
    keys=COMMON_KEYS | {"stream_options", "seed", "reasoning_effort"},
    replay=reasoning_as("reasoning"),
    queued=queued,
)


async def discover(get: Get) -> Server:
    """The hosted service has none of these but its models."""
    await ready(get, "health/ready")
    return replace(
        await models_listed(get),
        version=text_within(await optional(get, "version"), "release"),
        load=load(await optional(get, "metrics")),
    )


KIND = Kind(
    name="nim",
    title="NVIDIA NIM",
    dialect=DIALECT,
    efforts=("none", "high"),
    connect=ChatClient,
    discover=discover,
    caveats=caveats,
    images=ImageLimits(bytes=130_000, hosted=True),  # 180 KB in base64
    proof="scripts from its documentation",
    url_env="NIM_BASE_URL",
    key_env="NVIDIA_API_KEY",
    base_url="https://integrate.api.nvidia.com/v1",
    model="mistralai/mistral-small-4-119b-2603",
)
