from backends.answer import fold
from backends.events import Failed, Finished, ReasoningDelta, Sent, Stamped, TextDelta, ToolCallDelta, Usage
from backends.lane import Backend, Lane
from ui import view

LANE = Lane(Backend("mine", "vllm", model="m", price_in=0.15, price_out=0.6), "m", "FP8", "high", 0.7, 100, 3)


def figures(*events: Stamped) -> dict[str, str]:
    return {name: value for name, value, _ in view.figures(LANE, fold(events))}


def test_latencies_count_from_the_sent_request() -> None:
    shown = figures(
        Stamped(2_000_000, Sent("{}")),
        Stamped(2_250_000, ReasoningDelta("a")),
        Stamped(3_000_000, TextDelta("b")),
        Stamped(4_000_000, TextDelta("c")),
        Stamped(4_250_000, Finished("stop")),
        Stamped(4_260_000, Usage(1000, 36, 12)),
    )
    assert shown == {
        "first thought": "250 ms",
        "first answer": "1.00 s",
        "speed": "20 tok/s",
        "tokens": "1000 in · 36 out · 12 reasoning",
        "total": "2.25 s",
        "cost": "$0.00017",
    }


def test_without_usage_the_speed_is_marked_as_a_guess() -> None:
    shown = figures(Stamped(0, Sent("{}")), Stamped(100, TextDelta("a")), Stamped(1_000_100, TextDelta("b")))
    assert shown["speed"] == "≈ 1 tok/s"
    assert shown["pieces"] == "2"


def test_partial_arguments_are_shown_as_they_come() -> None:
    answer = fold([Stamped(1, ToolCallDelta(0, "x", "f", '{"a": '))])
    assert view.tool_call(answer.calls[0], live=True) == {"name": "f", "args": '{"a": ', "state": "…"}
    assert "not valid" in view.tool_call(answer.calls[0], live=False)["state"]


def test_running_out_of_tokens_while_thinking_is_said() -> None:
    answer = fold([Stamped(1, ReasoningDelta("hm")), Stamped(2, Finished("length"))])
    assert "while thinking" in view.ended_early(answer)


def test_a_failure_says_what_happened() -> None:
    answer = fold([Stamped(1, Failed("auth", "check the key"))])
    shown = view.card("run/0", LANE, answer, "", "")
    assert (shown["state"], shown["error"], shown["live"]) == ("failed", "check the key", False)
