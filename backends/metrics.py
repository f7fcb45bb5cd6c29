"""Figures of a server's load, from the text of its `/metrics`: the few that a person can read at a glance."""

import re
from collections.abc import Mapping
from statistics import fmean

from prometheus_client.parser import text_string_to_metric_families

# By the names of vLLM and NIM, SGLang, llama.cpp; older NIMs leave the `vllm:` away.
_SUMS = {
    "requests running": ("num_requests_running", "num_running_reqs", "requests_processing"),
    "requests waiting": ("num_requests_waiting", "num_queue_reqs", "requests_deferred"),
    "prompt tokens": ("prompt_tokens_total",),
    "generated tokens": ("generation_tokens_total", "tokens_predicted_total"),
}
_SHARES = {
    "KV cache %": ("kv_cache_usage_perc", "gpu_cache_usage_perc", "token_usage"),
    "drafts accepted %": ("spec_accept_rate",),
}
_DRAFTS, _DRAFTED, _ACCEPTED = (
    f"spec_decode_num_{name}_total" for name in ("drafts", "draft_tokens", "accepted_tokens")
)
_LENGTH = "spec_accept_length"
MOST = 1e18  # more than any server counts: sums and quotients of less are numbers

_NAMES = {name for row in (_SUMS | _SHARES).values() for name in row} | {_DRAFTS, _DRAFTED, _ACCEPTED, _LENGTH}
_WANTED = re.compile(rf"(?:\w+:)?(?:{'|'.join(sorted(_NAMES))})[{{ ]")


def load(found: object) -> Mapping[str, float]:
    """Counters count since the server started. Empty for anything but the text of metrics."""
    if not isinstance(found, str):
        return {}
    # of hundreds of lines a dozen: the parser takes its time
    lines = [line for line in found.split("\n") if _WANTED.match(line)]
    told: dict[str, list[float]] = {}
    try:
        for family in text_string_to_metric_families("\n".join(lines)):
            for sample in family.samples:
                if 0 <= sample.value < MOST:
                    told.setdefault(sample.name.rpartition(":")[2], []).append(sample.value)
    except ValueError:  # it is something else
        return {}
    figures = {label: sum(values) for label, names in _SUMS.items() if (values := _first(told, names))}
    shares = {label: 100 * fmean(values) for label, names in _SHARES.items() if (values := _first(told, names))}
    return figures | shares | _speculation({name: sum(values) for name, values in told.items()})


def _first(told: Mapping[str, list[float]], names: tuple[str, ...]) -> list[float]:
    return next((told[name] for name in names if name in told), [])


def _speculation(told: Mapping[str, float]) -> dict[str, float]:
    """How speculative decoding fares: draft tokens accepted, tokens gained at each step; nothing where it is off."""
    figures = {}
    if (drafted := told.get(_DRAFTED, 0)) >= 1:
        figures["drafts accepted %"] = 100 * told.get(_ACCEPTED, 0) / drafted
        figures["tokens drafted"] = drafted
    if (drafts := told.get(_DRAFTS, 0)) >= 1:
        figures["tokens per step"] = 1 + told.get(_ACCEPTED, 0) / drafts
    elif length := told.get(_LENGTH):
        figures["tokens per step"] = length
    return figures
