"""What a chunk becomes: one decoder for every dialect, and for what none of them should send."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest

from backends.answer import Answer, fold
from backends.decoder import Decoder
from backends.errors import BackendError
from backends.events import (
    Event,
    Finished,
    Measured,
    Progress,
    ReasoningDelta,
    Stamped,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from tests.backends.fake_server import delta

Chunk = Mapping[str, Any]
DEEP: Any = json.loads('{"a":' * 300 + "{}" + "}" * 300)


def events_of(*chunks: object) -> list[Event]:
    decoder = Decoder("lane")
    return [event for chunk in chunks for event in decoder.decode(chunk)]


def answer_of(*chunks: object) -> Answer:
    return fold(Stamped(0, event) for event in events_of(*chunks))


def calling(*pieces: Chunk) -> list[tuple[str, str]]:
    """The calls that come of pieces in a chunk each."""
    return [(call.name, call.arguments) for call in answer_of(*(delta(tool_calls=[piece]) for piece in pieces)).calls]


def piece(name: str | None, arguments: object, **more: object) -> Chunk:
    return {"function": {"name": name, "arguments": arguments}, **more}


@pytest.mark.parametrize("chunk", [7, [], None, "x", [DEEP]])
def test_a_chunk_that_is_no_object_is_malformed(chunk: object) -> None:
    with pytest.raises(BackendError, match="no JSON object"):
        events_of(chunk)


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": None},
        {"choices": [None, 3, "x"]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": 5, "reasoning": {}, "tool_calls": {}}}]},
        {"choices": [{"delta": {"content": [None, 1, {"type": "thinking", "thinking": [None, 2, {"text": None}]}]}}]},
        {"choices": [{"delta": {"content": [{"type": "tool_reference", "tool": "t"}, {"type": 5}, {}]}}]},
        {"choices": [{"delta": {"tool_calls": [None, "x"]}}], "usage": []},
        {"choices": [{"index": 1, "delta": {"content": "the second choice"}, "finish_reason": "stop"}]},
        {"usage": None, "error": None, "model": None, "system_fingerprint": 5},
        {"prompt_progress": {"total": 0, "processed": 0}, "timings": [1], "stats": {}, "metrics": None},
        {"prompt_progress": {"processed": "many"}},
        {"detail": None, "message": "Welcome"},
        {"detail": "", "message": "Success", "code": 0},
        {"choices": [], "detail": "a word beside the counts"},
    ],
)
def test_odd_chunks_say_nothing_and_break_nothing(chunk: Chunk) -> None:
    assert events_of(chunk) == []


def test_a_chunk_may_say_everything_at_once() -> None:
    chunk = delta(
        finish="stop",
        reasoning="R",
        content="T",
        tool_calls=[piece("f", "{}", id="k3Jd9QpZa"), piece("g", "{}", id="b")],
    )
    assert events_of(chunk | {"usage": {"prompt_tokens": 1}, "timings": {"prompt_n": 1}})[1:] == [
        ReasoningDelta("R"),
        TextDelta("T"),
        ToolCallDelta(0, "k3Jd9QpZa", "f", "{}"),
        ToolCallDelta(1, "b", "g", "{}"),
        Usage(prompt=1),
        Measured('{"prompt_n":1}'),
        Finished("stop"),
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"content": None, "refusal": "I can't."}, [TextDelta("I can't.")]),
        ({"content": ["It ", {"type": "text", "text": "is"}, ""]}, [TextDelta("It "), TextDelta("is")]),
        ({"content": [{"type": "thinking", "thinking": ["H", {"text": "m"}]}]}, [ReasoningDelta("Hm")]),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]}, [ReasoningDelta("Hm")]),
        ({"reasoning": None, "reasoning_details": [{"summary": "Hm"}]}, [ReasoningDelta("Hm")]),
        ({"reasoning": "Hm", "reasoning_details": [{"text": "Hm"}]}, [ReasoningDelta("Hm")]),
        ({"reasoning_content": "Hm", "reasoning_details": [{"text": "Hm"}]}, [ReasoningDelta("Hm")]),
        ({"refusal": None, "reasoning_details": [None, {"type": "reasoning.encrypted", "data": "x"}]}, []),
    ],
)
def test_words_are_found_where_few_servers_put_them(fields: Chunk, said: list[Event]) -> None:
    assert events_of(delta(**fields))[1:] == said


def test_an_answer_that_was_not_streamed_is_a_message() -> None:
    message = {"reasoning_content": "R", "content": "T", "tool_calls": [piece("f", "{}"), piece("f", "{}")]}
    answer = answer_of({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
    assert (answer.reasoning, answer.text, answer.finish_reason) == ("R", "T", "tool_calls")
    assert [call.name for call in answer.calls] == ["f", "f"]


def test_a_message_beside_the_deltas_is_not_said_twice() -> None:
    chunk = {"choices": [{"delta": {"content": "b"}, "message": {"content": "ab"}}]}
    assert events_of({"choices": [{"delta": {}, "message": {"content": "ab"}}]}, chunk) == [TextDelta("b")]


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        ([piece("f", '{"a":'), piece("f", "1}"), piece("g", '{"b":'), piece("", "2}")], ["f", "g"]),
        ([piece("f", '{"a":', index=0), piece("f", "1}", index=0), piece("f", "", index=0)], ["f"]),
        ([piece("f", '{"a":', id="x"), piece("f", "1}", id="x"), piece(None, None, id="x")], ["f"]),
        ([piece("f", '{"a":1}', id="null"), piece("f", '{"b":2}', id="null")], ["f", "f"]),
        ([piece("f", {"a": 1}, id="x", index=0), piece("f", {"b": 2}, id="y", index=0)], ["f", "f"]),
        ([piece("f", "", id="x", index=0), piece(None, '{"a":1}', id=None, index=0)], ["f"]),
        ([piece("f", '{"a":', index=0), piece("g", '{"b":2}', index=1), piece(None, "1}", index=0)], ["f", "g"]),
    ],
    ids=[
        "told apart by their names",
        "the name repeated with every piece",
        "name and id repeated",
        "whole calls of one name, without ids",
        "whole calls that all have index 0, arguments as objects",
        "the name first, then the arguments",
        "two calls in turns",
    ],
)
def test_calls_come_in_many_forms(pieces: list[Chunk], calls: list[str]) -> None:
    assert calling(*pieces) == list(zip(calls, ('{"a":1}', '{"b":2}'), strict=False))


TRICKY = '{"a":["}","]\\"}",{"b\\\\":{}}]}'


@pytest.mark.parametrize("cut", range(1, len(TRICKY)))
def test_arguments_are_whole_at_their_last_bracket_wherever_they_are_cut(cut: int) -> None:
    pieces = [piece("f", TRICKY[:cut]), piece("f", TRICKY[cut:]), piece("f", "{}")]
    assert calling(*pieces) == [("f", TRICKY), ("f", "{}")]


def test_a_name_repeated_with_every_piece_of_long_arguments_costs_no_more_a_piece() -> None:
    def seconds(count: int) -> float:
        pieces = [f',"k{number}":{{}}' for number in range(count)]
        decoder, started = Decoder("lane"), time.process_time()
        for text in ("{" + pieces[0][1:], *pieces[1:], "}"):
            list(decoder.decode(delta(tool_calls=[piece("f", text)])))
        return time.process_time() - started

    assert seconds(40_000) / seconds(4_000) < 40


@pytest.mark.parametrize("id_", ["null", "", None, 7])
def test_a_call_without_an_id_gets_one_that_every_server_takes(id_: object) -> None:
    (call,) = answer_of(delta(tool_calls=[piece("f", "{}", id=id_)])).calls
    assert re.fullmatch("[a-zA-Z0-9]{9}", call.id)


@pytest.mark.parametrize("chunk", [delta(tool_calls=[piece("f", DEEP)]), {**delta(finish="stop"), "timings": DEEP}])
def test_json_that_is_nested_too_deep_is_malformed(chunk: Chunk) -> None:
    with pytest.raises(BackendError, match="nested too deep") as caught:
        events_of(chunk)
    assert caught.value.kind == "malformed"


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, Usage(3, 4)),
        ({"completion_tokens_details": {"reasoning_tokens": 5}}, Usage(reasoning=5)),
        ({"reasoning_tokens": 5, "completion_tokens_details": {"reasoning_tokens": None}}, Usage(reasoning=5)),
        ({"prompt_tokens_details": {"cached_tokens": 6}}, Usage(cached=6)),
        ({"num_cached_tokens": 6, "prompt_tokens_details": None}, Usage(cached=6)),
        ({"prompt_tokens_details": {"cached_tokens": 0, "multimodal_tokens": 72}}, Usage(cached=0, image=72)),
        ({"prompt_tokens_details": {"image_tokens": 72}}, Usage(image=72)),
        ({"prompt_tokens": True, "completion_tokens": 2**53 - 1}, Usage(completion=2**53 - 1)),
        *(
            ({"prompt_tokens": odd, "completion_tokens": 1}, Usage(completion=1))
            for odd in (2**64 - 1, 2**53, -1, 1.5, "3")
        ),
    ],
)
def test_counts_stand_in_many_places_and_only_counts_count(usage: Chunk, counts: Usage) -> None:
    assert events_of({"usage": usage}) == [counts]


def test_usage_repeated_in_every_chunk_is_told_once() -> None:
    chunk = {**delta(content="a"), "usage": {"prompt_tokens": 3}}
    assert events_of(chunk, chunk).count(Usage(prompt=3)) == 1


@pytest.mark.parametrize(
    ("chunk", "figures"),
    [
        ({"timings": {"cache_n": 6, "predicted_per_second": 5.75}}, {"cache_n": 6, "predicted_per_second": 5.75}),
        ({"metrics": {"time_to_first_token_ms": 81.5}}, {"time_to_first_token_ms": 81.5}),
        ({"sglext": {"cached_tokens_details": {"device": 4}}}, {"cached_tokens_details": {"device": 4}}),
        ({"stats": {"tokens_per_second": 51.4}}, {"tokens_per_second": 51.4}),
        ({"usage": {"prompt_tokens": 1, "cost": 0.00014}}, {"cost": 0.00014}),
    ],
)
def test_what_a_server_measured_is_told_as_it_said_it(chunk: Chunk, figures: Chunk) -> None:
    told = [event for event in events_of(delta(finish="stop"), chunk) if isinstance(event, Measured)]
    assert [json.loads(event.figures) for event in told] == [figures]
    assert fold(Stamped(0, event) for event in told).rounds[0].measured == told[0].figures


def test_figures_in_every_chunk_are_told_when_they_are_final() -> None:
    chunks = [{**delta(content="a"), "timings": {"predicted_n": number}} for number in range(5)]
    last = {"choices": [], "timings": {"predicted_n": 5}}
    events = events_of(*chunks, {**delta(finish="stop"), "timings": {"predicted_n": 5}}, last)
    assert [event for event in events if isinstance(event, Measured)] == [Measured('{"predicted_n":5}')]


def test_reading_the_prompt_is_progress_and_no_word() -> None:
    read = [
        {**delta(role="assistant", content=None), "prompt_progress": progress}
        for progress in (
            {"total": 900, "cache": 24, "processed": 512, "time_ms": 800},
            {"total": 900, "cache": 24, "processed": 900},
        )
    ]
    assert events_of(*read)[1:] == [Progress(512, 900), Progress(900, 900)]


@pytest.mark.parametrize(
    ("chunk", "said"),
    [
        (delta(content="a", finish="error"), "the finish reason 'error'"),
        ({"error": {"message": "out of memory", "code": 500}}, "out of memory"),
        ({"error": "out of memory"}, "out of memory"),
        ({"object": "error", "message": "out of memory"}, "out of memory"),
        ({"message": "out of memory", "type": "InternalServerError", "code": 500}, "out of memory"),
        ({"event": "error", "data": {"message": "out of memory"}}, "out of memory"),
        ({"event": "error", "data": "out of memory"}, "out of memory"),
        ({"detail": "out of memory"}, "out of memory"),
        ({"detail": [{"loc": ["body"], "msg": "out of memory"}]}, "body out of memory"),
        ({**delta(finish="error"), "error": {"code": 502, "message": "upstream gone"}}, "upstream gone"),
    ],
)
def test_an_error_in_a_stream_is_a_failure_in_its_own_words(chunk: Chunk, said: str) -> None:
    with pytest.raises(BackendError, match=f"lane broke off.*{said}") as caught:
        events_of(chunk)
    assert caught.value.kind == "midstream"
