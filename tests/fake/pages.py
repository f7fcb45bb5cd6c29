"""What each kind of server tells when it is asked how it is: its pages, JSON or text, by their paths."""

from typing import Any

Json = dict[str, Any]

MODEL = "simulated"
CONTEXT = 8192
VERSION = "0.0-simulated"


def metrics(prefix: str, **figures: float) -> str:
    """As Prometheus reads them."""
    return "".join(f"# TYPE {prefix}{name} gauge\n{prefix}{name} {value}\n" for name, value in figures.items())


def _load(answered: int) -> dict[str, float]:
    """A hundred drafts before the first answer, and ten for each."""
    drafts = 100 + 10 * answered
    return {
        "num_requests_running": 1,
        "num_requests_waiting": 0,
        "kv_cache_usage_perc": 0.12,
        "spec_decode_num_drafts_total": drafts,
        "spec_decode_num_draft_tokens_total": 3 * drafts,
        "spec_decode_num_accepted_tokens_total": 1.7 * drafts,
    }


# What stands beside the id of each model.
_OF_A_MODEL: dict[str, Json] = {
    "mistral": {
        "max_context_length": CONTEXT,
        "capabilities": {"completion_chat": True, "function_calling": True, "reasoning": True, "vision": True},
    },
    "vllm": {"max_model_len": CONTEXT, "owned_by": "vllm"},
    "sglang": {"max_model_len": CONTEXT, "owned_by": "sglang"},
    "llamacpp": {"meta": {"n_ctx": CONTEXT, "n_ctx_train": CONTEXT}, "owned_by": "llamacpp"},
    "nim": {"max_model_len": CONTEXT, "owned_by": "system"},
    "openrouter": {"context_length": CONTEXT, "architecture": {"input_modalities": ["text", "image"]}},
}

_BESIDE_MODELS: dict[str, dict[str, Json | str]] = {
    "vllm": {"/health": "", "/version": {"version": VERSION}, "/metrics": ""},
    "sglang": {
        "/ready": "",
        "/model_info": {"model_path": MODEL, "has_image_understanding": True},
        "/server_info": {"version": VERSION, "reasoning_parser": "mistral", "tool_call_parser": "mistral"},
        "/metrics": metrics("sglang:", num_running_reqs=1, num_queue_reqs=0, token_usage=0.12, spec_accept_length=2.7),
    },
    "llamacpp": {
        "/health": {"status": "ok"},
        "/props": {
            "default_generation_settings": {"n_ctx": CONTEXT},
            "total_slots": 2,
            "modalities": {"vision": True},
            "build_info": VERSION,
        },
        "/metrics": metrics("llamacpp:", requests_processing=1, requests_deferred=0, tokens_predicted_total=9),
    },
    "nim": {
        "/v1/health/live": {"object": "health.response", "message": "live"},
        "/v1/health/ready": {"object": "health.response", "message": "ready"},
        "/v1/version": {"release": VERSION, "api": VERSION},
        "/v1/metrics": "",
    },
    "transformers": {"/health": {"status": "ok"}},
    "ollama": {"/api/version": {"version": VERSION}},
}


# Where the kinds that can draft tell how they do it, and what stands before each name there.
_DRAFTING = {"vllm": ("/metrics", "vllm:"), "nim": ("/v1/metrics", "")}


def pages(kind: str, *models: str, answered: int = 0) -> dict[str, Json | str]:
    """The pages of one kind that serves these models and has answered so often; all but those of /v1 stand at the
    server's root."""
    told = {"object": "model", "created": 1795443901} | _OF_A_MODEL.get(kind, {})
    listing = {"object": "list", "data": [{"id": model} | told for model in models]}
    found = {"/v1/models": listing} | _BESIDE_MODELS.get(kind, {})
    if kind in _DRAFTING:
        path, prefix = _DRAFTING[kind]
        found[path] = metrics(prefix, **_load(answered))
    return found
