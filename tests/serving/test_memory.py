"""The sum against examples reckoned by hand."""

import pytest

from serving.memory import Fit, Verdict, fit, token_bytes
from tests.serving.test_recipes import MODEL, SHELF, wish


def reckoned(name: str, artifact: str, hardware: str, gpus: int, requests: int) -> Fit:
    return fit(SHELF.recipes[name], wish(artifact, hardware, gpus, requests))


def test_a_token_leaves_a_latent_and_a_rotary_key_in_each_layer() -> None:
    assert token_bytes(wish()) == 36 * (256 + 64) * 2 == 23_040
    assert token_bytes(wish("FP8 + eagle")) == 38 * 320 * 2


def test_fp8_fits_on_two_h200() -> None:
    found = reckoned("vllm", "FP8", "hgx-h200", 2, 4)
    assert found.budget == pytest.approx(112.8e9)
    assert found.weights == 59.5e9
    assert found.cache == 4 * 262_144 * 23_040
    assert found.room == 8  # (112.8 - 59.5) GB / 6.04 GB
    assert found.verdict is Verdict.FITS


def test_fp8_on_two_h100_leaves_no_room_for_one_request_of_the_whole_context() -> None:
    found = reckoned("vllm", "FP8", "hgx-h100", 2, 1)
    assert (found.room, found.verdict) == (0, Verdict.TOO_MUCH)
    assert "won't start" in found.says


def test_the_vendors_minimum_serves_at_least_one_request_of_the_whole_context() -> None:
    for each in MODEL.vendor:
        assert reckoned("vllm", "FP8", each.hardware, each.minimum, 1).verdict is not Verdict.TOO_MUCH


def test_it_is_tight_where_little_is_left() -> None:
    assert reckoned("vllm", "FP8", "hgx-h200", 2, 6).verdict is Verdict.FITS
    assert reckoned("vllm", "FP8", "hgx-h200", 2, 7).verdict is Verdict.TIGHT  # 101.8 GB of 112.8
    assert reckoned("vllm", "FP8", "hgx-h200", 2, 8).verdict is Verdict.TIGHT
    assert reckoned("vllm", "FP8", "hgx-h200", 2, 9).verdict is Verdict.TOO_MUCH


def test_weights_alone_may_be_too_much() -> None:
    found = reckoned("vllm", "FP8", "l40s", 2, 1)
    assert "weights alone" in found.says
    assert found.room == 0


def test_a_latent_is_whole_on_every_gpu_where_heads_are_spread_and_shared_where_layers_are() -> None:
    whole = reckoned("vllm", "FP8", "hgx-h200", 2, 1)
    assert whole.cache == reckoned("vllm", "FP8", "hgx-h200", 4, 1).cache
    shared = reckoned("llamacpp", "Q4_K_M", "hgx-h200", 2, 1)
    assert shared.cache == whole.cache / 2


def test_transformers_unpacks_the_weights() -> None:
    assert reckoned("transformers", "FP8", "hgx-h200", 2, 1).weights == 119e9


def test_every_step_is_shown_with_its_source() -> None:
    lines = reckoned("vllm", "FP8", "hgx-h200", 2, 4).lines
    assert [(each.sum, each.result) for each in lines] == [
        ("141.0 GB × 0.8", "112.8 GB"),
        ("119.0 GB / 2 GPUs", "59.5 GB"),
        ("36 layers × (256 latent + 64 rotary key) × 2 bytes", "23,040 bytes"),
        ("4 × 262,144 tokens × 23,040 bytes", "24.2 GB"),
        ("59.5 GB + 24.2 GB", "83.7 GB of 112.8 GB"),
    ]
    assert all(each.source for each in lines[:-1])


def test_the_vendors_tables_are_as_published() -> None:
    assert [(each.hardware, each.minimum, each.recommended) for each in MODEL.vendor] == [
        ("hgx-h100", 4, 4),
        ("hgx-h200", 2, 4),
        ("dgx-b200", 1, 2),
    ]
