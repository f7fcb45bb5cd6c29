import orjson
import pytest

from backends.answer import fold
from backends.events import Continued, Finished, ReasoningDelta, Sent, Stamped, TextDelta, ToolCallDelta, Usage, Waited
from backends.lane import Backend, Lane
from ui.figures import MOST, of_the_server, timed_here

LANE = Lane(Backend("mine", "vllm", model="m", price_in=0.15, price_out=0.6), "m", "FP8", "high", 0.7, 100, 3)


def ours(*events: Stamped) -> dict[str, str]:
    return {name: value for name, value, _ in timed_here(LANE, fold(events))}


def theirs(measured: object) -> dict[str, str]:
    return {name: value for name, value, _ in of_the_server(orjson.dumps(measured).decode())}


def test_latencies_count_from_the_sent_request() -> None:
    shown = ours(
        Stamped(2_000_000, Sent("{}")),
        Stamped(2_250_000, ReasoningDelta("a")),
        Stamped(3_000_000, TextDelta("b")),
        Stamped(4_000_000, TextDelta("c")),
        Stamped(4_250_000, Finished("stop")),
        Stamped(4_260_000, Usage(1000, 36, 12, 700, 64)),
    )
    assert shown == {
        "first thought": "250 ms",
        "first answer": "1.00 s",
        "speed": "20 tok/s",
        "tokens": "1000 in · 36 out · 12 reasoning",
        "cached": "700 of 1000 in",
        "images": "64",
        "total": "2.25 s",
        "cost": "$0.00017",
    }


def test_without_usage_the_speed_is_marked_as_a_guess() -> None:
    shown = ours(Stamped(0, Sent("{}")), Stamped(100, TextDelta("a")), Stamped(1_000_100, TextDelta("b")))
    assert shown["speed"] == "≈ 1 tok/s"
    assert shown["pieces"] == "2"


def test_time_between_rounds_makes_no_speed() -> None:
    shown = ours(
        Stamped(0, Sent("{}")),
        Stamped(100, ToolCallDelta(0, "c", "f", "{}")),
        Stamped(200, Continued("tool_calls")),
        Stamped(9_000_000, Sent("{}")),
        Stamped(9_500_000, TextDelta("b")),
    )
    assert shown["rounds"] == "2"
    assert "speed" not in shown


def test_a_wait_that_the_server_asked_for_is_told() -> None:
    assert ours(Stamped(0, Sent("{}")), Stamped(1, Waited(7.0)))["waited"] == "7 s"


def test_llamacpp_timings_are_named() -> None:
    assert theirs(
        {
            "cache_n": 700,
            "prompt_n": 112,
            "prompt_ms": 91.0,
            "prompt_per_token_ms": 0.8125,
            "prompt_per_second": 1230.7,
            "predicted_n": 96,
            "predicted_ms": 2400.0,
            "predicted_per_token_ms": 25.0,
            "predicted_per_second": 40.0,
            "draft_n": 30,
            "draft_n_accepted": 21,
        }
    ) == {
        "cached": "700",
        "prompt read": "112",
        "prompt": "91 ms",
        "prompt speed": "1230.7 tok/s",
        "generated": "96",
        "answer": "2.40 s",
        "speed": "40.0 tok/s",
        "drafted": "30",
        "accepted": "21",
    }


def test_vllms_metrics_are_named() -> None:
    assert theirs(
        {
            "time_to_first_token_ms": 85.2,
            "queue_time_ms": 12.3,
            "mean_itl_ms": None,
            "speculative_decoding": {
                "mean_acceptance_length": 2.8125,
                "draft_acceptance_rate": 0.604,
                "acceptance_histogram": {"0": 3},
            },
        }
    ) == {
        "first token": "85 ms",
        "queued": "12 ms",
        "tokens a step": "2.812",
        "drafts kept": "60%",
        "speculative decoding · acceptance histogram · 0": "3",
    }


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        ({"gpu_power_w": 61.25, "on": True, "who": "me", "each": [1, 2]}, {"gpu power w": "61.25"}),
        ({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}, {}),
        ([1, 2], {}),
        ({}, {}),
    ],
)
def test_of_what_is_unknown_only_numbers_are_shown(measured: object, shown: dict[str, str]) -> None:
    assert theirs(measured) == shown


def test_a_server_can_t_fill_the_card() -> None:
    assert len(theirs({f"n{i}": i for i in range(1000)})) == MOST
    assert of_the_server("") == []
