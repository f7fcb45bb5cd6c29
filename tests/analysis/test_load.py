"""Figures of a load, on examples whose answers are known."""

from typing import Any

import numpy as np
import pytest

from analysis.load import Interval, enough, figures, pairs, ratios, verdict

MS = 1000


def request(n: int, began: float, took: float, **more: Any) -> dict[str, Any]:
    """In milliseconds: the first token after a tenth of the time, 11 tokens out."""
    usual = {
        "what": "request",
        "lane": 0,
        "step": 1,
        "index": n,
        "began": began * MS,
        "sent": began * MS,
        "end": (began + took) * MS,
        "ttft": took / 10 * MS,
        "itl": took * 9 / 100 * MS,
        "e2e": took * MS,
        "prompt_tokens": 5,
        "completion_tokens": 11,
        "error": None,
    }
    return usual | more


def row(samples: list[dict[str, Any]], lane: int = 0, step: int = 1) -> Any:
    return next(each for each in figures(samples) if (each.lane, each.step) == (lane, step))


def test_ten_requests_one_after_another() -> None:
    """100, 200, ..., 1000 ms back to back: 5.5 s for ten, so 1.818 a second, 20 tokens a second."""
    takes = [100.0 * n for n in range(1, 11)]
    starts = np.cumsum([0, *takes[:-1]])
    one = row([request(n, starts[n], takes[n]) for n in range(10)])
    assert (one.requests, one.answered, one.errors) == (10, 10, {})
    assert one.values["rate"].value == pytest.approx(10 / 5.5)
    assert one.values["tokens_rate"].value == pytest.approx(110 / 5.5)
    assert one.values["e2e_p50"].value == pytest.approx(550)
    assert one.values["e2e_p95"].value == pytest.approx(955)
    assert one.values["e2e_p99"].value == pytest.approx(991)
    assert one.values["ttft_p50"].value == pytest.approx(55)
    assert one.values["itl_p50"].value == pytest.approx(49.5)
    for each in one.values.values():
        assert each.low <= each.value <= each.high


def test_what_is_always_the_same_has_no_doubt() -> None:
    one = row([request(n, 200 * n, 200) for n in range(8)])
    assert one.values["e2e_p95"] == Interval(200, 200, 200)
    assert one.values["rate"].low == one.values["rate"].high == pytest.approx(5)


def test_errors_are_counted_by_kind_and_give_no_times() -> None:
    samples = [request(n, 100 * n, 100) for n in range(4)]
    wrong = {"error": "rate_limit", "e2e": None, "ttft": None, "itl": None, "completion_tokens": None}
    samples += [request(n, 400, 0, **wrong) for n in (4, 5)]
    one = row(samples)
    assert (one.requests, one.answered, one.errors) == (6, 4, {"rate_limit": 2})
    assert one.values["rate"].value == pytest.approx(10)
    assert one.values["e2e_p50"].value == pytest.approx(100)


def test_a_step_that_only_failed_has_no_figures() -> None:
    one = row([request(0, 0, 5, error="connect", e2e=None, ttft=None, itl=None)])
    assert (one.answered, one.values) == (0, {})


def test_what_is_no_request_gives_no_times_but_the_servers_own_figures_and_the_lag() -> None:
    samples = [request(0, 0, 100), request(1, 0, 900, what="warm-up")]
    beside = {"lane": 0, "step": 1}
    samples += [
        {"what": "server", **beside, "load": {"requests waiting": waiting, "KV cache %": 10 * waiting}}
        for waiting in (0, 3, 1)
    ]
    samples.append({"what": "step", **beside, "lag_p95": 7.5, "lag_most": 40, "busy": 0.4})
    one = row(samples)
    assert one.requests == 1
    assert one.server == {"requests waiting": 3, "KV cache %": 30}
    assert one.lag == 7.5


def test_lanes_and_steps_come_in_their_order() -> None:
    samples = [request(0, 0, 100, lane=lane, step=step) for lane in (0, 1) for step in (1, 2, 16)]
    assert [(each.lane, each.step) for each in figures(samples)] == [
        (0, 1), (0, 2), (0, 16), (1, 1), (1, 2), (1, 16)
    ]  # fmt: skip


def test_a_lane_that_takes_exactly_half_the_time_has_the_ratio_one_half() -> None:
    base = [request(n, 200 * n, 200) for n in range(20)]
    fast = [request(n, 100 * n, 100) for n in range(20)]
    told = ratios(base, fast)
    assert told["e2e_p50"] == Interval(0.5, 0.5, 0.5)
    assert told["rate"].value == pytest.approx(2)
    assert verdict(told["e2e_p50"], 0.6) == "holds"
    assert verdict(told["e2e_p50"], 0.4) == "does not hold"
    assert verdict(told["rate"], 3.0) == "does not hold"
    assert verdict(told["rate"], 1.5) == "holds"


@pytest.mark.parametrize(
    ("low", "high", "claimed", "said"),
    [
        (0.5, 0.59, 0.6, "holds"),
        (0.55, 0.65, 0.6, "can't be told yet"),
        (0.61, 0.7, 0.6, "does not hold"),
        (2.4, 2.9, 3, "does not hold"),
        (2.9, 3.2, 3, "can't be told yet"),
        (3.1, 3.4, 3, "holds"),
    ],
)
def test_a_claim_holds_where_all_of_the_interval_does(low: float, high: float, claimed: float, said: str) -> None:
    assert verdict(Interval((low + high) / 2, low, high), claimed) == said


def test_the_intervals_have_the_truth_19_times_out_of_20() -> None:
    """Of 60 requests each, drawn from a known distribution: the true median, and the true ratio of two lanes."""
    draw, hits, ratio_hits, runs = np.random.default_rng(7), 0, 0, 200
    for _ in range(runs):
        one, two = draw.exponential(100, 60), draw.exponential(60, 60)
        samples = [[request(n, 0, took) for n, took in enumerate(lane)] for lane in (one, two)]
        middle = figures(samples[0])[0].values["e2e_p50"]
        hits += middle.low <= 100 * np.log(2) <= middle.high
        ratio = ratios(*samples)["e2e_mean"]
        ratio_hits += ratio.low <= 0.6 <= ratio.high
    assert 0.90 <= hits / runs <= 0.99
    assert 0.90 <= ratio_hits / runs <= 0.99


def test_a_highest_figure_bounds_its_percentile_only_with_enough_requests() -> None:
    assert [enough(share) for share in (50, 95, 99)] == [6, 72, 368]
    assert 0.95 ** enough(95) <= 0.025 < 0.95 ** (enough(95) - 1)


def test_tokens_that_a_server_does_not_count_have_no_rate() -> None:
    uncounted = [request(n, 100 * n, 100, completion_tokens=None) for n in range(4)]
    assert "rate" in row(uncounted).values
    assert "tokens_rate" not in row(uncounted).values
    assert "tokens_rate" not in ratios([request(n, 100 * n, 100) for n in range(4)], uncounted)


def test_the_share_of_prompts_that_was_read_already_is_told() -> None:
    assert row([request(0, 0, 100, cached_tokens=4), request(1, 100, 100)]).cached == pytest.approx(0.4)


def test_lanes_are_set_beside_those_that_are_named_for_them_where_both_have_the_step() -> None:
    base = [request(n, 200 * n, 200, step=step) for step in (1, 2) for n in range(3)]
    other = [request(n, 100 * n, 100, lane=1, step=step) for step in (2, 4) for n in range(3)]
    ((a, b, step, told),) = pairs(base, other, {1: 0})
    assert (a, b, step, told["e2e_p50"].value) == (0, 1, 2, 0.5)
    assert pairs(base, other, {0: 0}) == []
