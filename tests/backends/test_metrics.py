"""The few figures of a server's load that can be read at a glance."""

import pytest

from backends.metrics import load
from tests.backends.pages import recorded


def test_load_is_read_whatever_stands_before_its_names() -> None:
    names = ["num_requests_running 2", "gpu_cache_usage_perc 0.25", "prompt_tokens_total 7"]
    expected = {"requests running": 2, "KV cache %": 25, "prompt tokens": 7}
    assert load("\n".join(names)) == load("\n".join(f"vllm:{name}" for name in names)) == expected


def test_load_adds_up_what_engines_count_and_averages_their_shares() -> None:
    lines = (
        f'vllm:{name}{{engine="{engine}"}} {value}'
        for engine in (2, 4)
        for name, value in (("num_requests_running", engine), ("kv_cache_usage_perc", engine / 10))
    )
    assert load("\n".join(lines)) == pytest.approx({"requests running": 6, "KV cache %": 30})


def test_speculation_is_computed_from_its_counters() -> None:
    counters = {"drafts": 100, "draft_tokens": 300, "accepted_tokens": 180}
    text = "\n".join(f"vllm:spec_decode_num_{name}_total {value}" for name, value in counters.items())
    assert load(text) == pytest.approx({"drafts accepted %": 60, "tokens drafted": 300, "tokens per step": 2.8})
    assert load(recorded("llamacpp/metrics").decode()).keys() == {
        "requests running",
        "requests waiting",
        "prompt tokens",
        "generated tokens",
    }


@pytest.mark.parametrize("text", ["num_requests_running NaN", "num_requests_running x", "<html>", "", None, {"a": 1}])
def test_what_is_no_figure_is_none(text: object) -> None:
    assert load(text) == {}
