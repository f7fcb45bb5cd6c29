"""What each kind of server tells when it is asked how it is: its pages, JSON or text, by their paths."""

from collections.abc import Mapping
from typing import Any

Pages = Mapping[str, Any]

MODEL = "simulated"
CONTEXT = 8192
VERSION = "0.0-simulated"


def listed(*models: str, **told: object) -> dict[str, Any]:
    rows = [{"id": model, "object": "model", "created": 1795443901} | told for model in models]
    return {"object": "list", "data": rows}


def metrics(prefix: str, **figures: float) -> str:
    """As Prometheus reads them."""
    return "".join(f"# TYPE {prefix}{name} gauge\n{prefix}{name} {value}\n" for name, value in figures.items())


_LOAD = {
    "num_requests_running": 1,
    "num_requests_waiting": 0,
    "kv_cache_usage_perc": 0.12,
    "spec_decode_num_drafts_total": 100,
    "spec_decode_num_draft_tokens_total": 300,
    "spec_decode_num_accepted_tokens_total": 170,
}
_CAPABILITIES = {"completion_chat": True, "function_calling": True, "reasoning": True, "vision": True}
_OPENROUTER = {"context_length": CONTEXT, "architecture": {"input_modalities": ["text", "image"]}}


def pages(kind: str, *models: str) -> Pages:
    """The pages of one kind that serves these models; all but those of /v1 stand at the server's root."""
    match kind:
        case "mistral":
            return {"/v1/models": listed(*models, max_context_length=CONTEXT, capabilities=_CAPABILITIES)}
        case "vllm":
            return {
                "/v1/models": listed(*models, max_model_len=CONTEXT, owned_by="vllm"),
                "/health": "",
                "/version": {"version": VERSION},
                "/metrics": metrics("vllm:", **_LOAD),
            }
        case "sglang":
            figures = metrics("sglang:", num_running_reqs=1, num_queue_reqs=0, token_usage=0.12, spec_accept_length=2.7)
            parsers = {"reasoning_parser": "mistral", "tool_call_parser": "mistral"}
            return {
                "/v1/models": listed(*models, max_model_len=CONTEXT, owned_by="sglang"),
                "/ready": "",
                "/model_info": {"model_path": MODEL, "has_image_understanding": True},
                "/server_info": {"version": VERSION} | parsers,
                "/metrics": figures,
            }
        case "llamacpp":
            settings = {
                "default_generation_settings": {"n_ctx": CONTEXT},
                "total_slots": 2,
                "modalities": {"vision": True},
            }
            return {
                "/v1/models": listed(*models, owned_by="llamacpp", meta={"n_ctx": CONTEXT, "n_ctx_train": CONTEXT}),
                "/health": {"status": "ok"},
                "/props": settings | {"build_info": VERSION},
                "/metrics": metrics("llamacpp:", requests_processing=1, requests_deferred=0, tokens_predicted_total=9),
            }
        case "nim":
            return {
                "/v1/models": listed(*models, max_model_len=CONTEXT, owned_by="system"),
                "/v1/health/live": {"object": "health.response", "message": "live"},
                "/v1/health/ready": {"object": "health.response", "message": "ready"},
                "/v1/version": {"release": VERSION, "api": VERSION},
                "/v1/metrics": metrics("", **_LOAD),
            }
        case "transformers":
            return {"/v1/models": listed(*models), "/health": {"status": "ok"}}
        case "ollama":
            return {"/v1/models": listed(*models, owned_by="library"), "/api/version": {"version": VERSION}}
        case "openrouter":
            return {"/v1/models": listed(*models, **_OPENROUTER)}
        case _:
            return {"/v1/models": listed(*models)}
