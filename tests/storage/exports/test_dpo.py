"""Preference pairs: what becomes one, in the very shape that TRL and OpenAI read, and what never does."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from backends.events import (
    Continued,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    Sent,
    TextDelta,
    ToolCallDelta,
    ToolResult,
)
from backends.prompt import AssistantTurn, Prompt, Tool, ToolCall, ToolTurn, UserTurn
from storage.exports import VIEWS, dpo_vision, export
from storage.exports.items import Scope
from storage.exports.view import Left
from storage.images import ImageStore
from storage.plan import BLIND, Plan
from storage.store import Store
from tests.storage.answered import answered, call, text
from tests.storage.exported import NAMED
from tests.storage.made import ONE, TWO, asking, judged, long_talk, png

WEATHER = Tool("weather", "Looks outside", {"type": "object", "properties": {"city": {"type": "string"}}})
LOOP: tuple[Event, ...] = (
    Sent('{"n":1}'),
    ReasoningDelta("I must look."),
    ToolCallDelta(0, "c1", "weather", '{"city":"Rome"}'),
    Continued("tool_calls"),
    ToolResult(0, "Rain", "canned"),
    Sent('{"n":2}'),
    ReasoningDelta("Rain it is."),
    TextDelta("It rains."),
    Finished("stop"),
)


def made(store: Store, view: str = "dpo", scope: Scope = NAMED, left: Left | None = None) -> list[dict[str, Any]]:
    parts = export(VIEWS[view], store.engine, scope, store.images, left)
    return [orjson.loads(line) for line in b"".join(parts).splitlines()]


def seen(store: Store, scope: Scope = NAMED, files: ImageStore | None = None) -> list[dict[str, Any]]:
    """The rows of `dpo_vision`, its messages as objects."""
    file = BytesIO(b"".join(export(VIEWS["dpo_vision"], store.engine, scope, files or store.images)))
    rows = pq.read_table(file).to_pylist()
    for row in rows:
        for key in ("prompt", "chosen", "rejected"):
            row[key] = [orjson.loads(message) for message in row[key]]
    return rows


async def test_a_preference_is_a_row_in_trls_shape(store: Store) -> None:
    run = await answered(store, asking("2+2?"), text("4", "Two and two."), text("5"))
    rating = await store.rate(run, "Ann", judged([0], [1], strength=3))
    (row,) = made(store)
    assert row["prompt"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]
    assert row["chosen"] == [{"role": "assistant", "content": "4", "reasoning_content": "Two and two."}]
    assert row["rejected"] == [{"role": "assistant", "content": "5"}]
    assert (row["tools"], row["tool_choice"]) == (None, "")
    assert (row["comparison_id"], row["rating_id"], row["evaluator"]) == (run, rating.id, "Ann")
    assert (row["strength"], row["blind"], row["early"], row["demo"]) == (3, False, False, False)
    chosen = {name: row[f"chosen_{name}"] for name in ("lane", "backend", "kind", "model", "artifact", "effort")}
    assert chosen == {
        "lane": "one · m-1 · FP8",
        "backend": "one",
        "kind": "openai",
        "model": "m-1",
        "artifact": "FP8",
        "effort": "",
    }
    rejected = [row[f"rejected_{name}"] for name in ("temperature", "max_tokens", "seed", "effort", "flags")]
    assert rejected == [0.3, 99, 7, "high", ["no_reasoning"]]
    assert row.keys() == {each.name for each in VIEWS["dpo"].fields}


async def test_reasoning_is_left_out_where_it_is_not_wanted(store: Store) -> None:
    history = (UserTurn("2+2?"), AssistantTurn("5", "Hm."), UserTurn("Sure?"))
    run = await answered(store, Prompt("", history), text("4", "Two and two."), text("5"))
    await store.rate(run, "Ann", judged([0], [1]))
    ((full,), (bare,)) = made(store), made(store, scope=replace(NAMED, reasoning=False))
    assert full["prompt"][1] == {"role": "assistant", "content": "5", "reasoning_content": "Hm."}
    assert "reasoning_content" in full["chosen"][0]
    assert b"reasoning_content" not in orjson.dumps(bare)


async def test_reasoning_that_did_not_go_back_is_no_part_of_the_prompt(store: Store) -> None:
    history = (UserTurn("2+2?"), AssistantTurn("5", "Hm."), UserTurn("Sure?"))
    lanes = (ONE, replace(TWO, replays=False))
    run = await answered(store, Prompt("", history), text("4"), text("5"), lanes=lanes)
    await store.rate(run, "Ann", judged([0], [1]))
    assert made(store)[0]["prompt"][1] == {"role": "assistant", "content": "5"}


async def test_content_is_plain_text_whatever_it_is_of(store: Store) -> None:
    # as a list of parts, text-only templates render it as nothing, and training goes on without complaint
    run = await answered(store, long_talk(), text("Yes.\u2028🙂"), call("weather", '{"z":1}'))
    await store.rate(run, "Ann", judged([1], [0]))
    (row,) = made(store)
    messages = [*row["prompt"], *row["chosen"], *row["rejected"]]
    assert [message["role"] for message in messages].count("tool") == 1
    assert {type(message["content"]) for message in messages} == {str}


async def test_tool_arguments_are_objects_and_tools_are_json_text(store: Store) -> None:
    asked = Prompt("", (UserTurn("Rain?"),), (WEATHER,), "required")
    run = await answered(store, asked, call("weather", '{"city": "Rome"}'), call("weather", "", ""))
    await store.rate(run, "Ann", judged([0], [1]))
    (row,) = made(store)
    function = {"name": "weather", "arguments": {"city": "Rome"}}
    assert row["chosen"][0]["tool_calls"] == [{"id": "call_1", "type": "function", "function": function}]
    assert row["rejected"][0]["tool_calls"][0]["function"]["arguments"] == {}
    assert row["rejected"][0]["tool_calls"][0]["id"]
    assert orjson.loads(row["tools"])[0]["function"]["parameters"] == WEATHER.parameters
    assert row["tool_choice"] == "required"


async def test_an_answer_of_several_rounds_is_several_messages(store: Store) -> None:
    asked = Prompt("", (UserTurn("Rain?"),), (WEATHER,))
    run = await answered(store, asked, LOOP, text("No."))
    await store.rate(run, "Ann", judged([0], [1]))
    (row,) = made(store)
    first, result, last = row["chosen"]
    assert (first["content"], first["reasoning_content"]) == ("", "I must look.")
    assert first["tool_calls"][0]["function"] == {"name": "weather", "arguments": {"city": "Rome"}}
    assert result == {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": "Rain"}
    assert last == {"role": "assistant", "content": "It rains.", "reasoning_content": "Rain it is."}
    assert made(store, "openai_dpo") == []


async def test_results_after_which_nobody_went_on_are_no_part_of_the_answer(store: Store) -> None:
    # of two calls, one got its result: the lane ended there
    ends = (*LOOP[:6], ToolCallDelta(1, "c2", "weather", "{}"), ToolCallDelta(2, "c3", "weather", "{}"))
    ends += (Continued("tool_calls"), ToolResult(1, "Sun", "canned"), Finished("tool_calls"))
    run = await answered(store, Prompt("", (UserTurn("Rain?"),), (WEATHER,)), ends, text("No."))
    await store.rate(run, "Ann", judged([0], [1]))
    assert [message["role"] for message in made(store)[0]["chosen"]] == ["assistant", "tool", "assistant"]


async def test_of_more_lanes_each_two_of_which_one_is_better_are_a_pair(store: Store) -> None:
    run = await answered(store, asking("?"), text("a"), text("b"), text("c"))
    await store.rate(run, "Ann", judged([1], [0, 2]))
    await store.rate(run, "Bob", judged([1], [0], [2]))
    left = Left()
    pairs = [
        (row["evaluator"], row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in made(store, left=left)
    ]
    assert pairs == [("Ann", "b", "a"), ("Ann", "b", "c"), ("Bob", "b", "a"), ("Bob", "a", "c"), ("Bob", "b", "c")]
    assert (left.written, left.out["pair: a tie"]) == ({"pairs": 5}, 1)


async def test_only_one_rating_of_each_evaluator_counts(store: Store) -> None:
    run = await answered(store, asking("?"), text("a"), text("b"))
    await store.rate(run, "Ann", judged([0], [1]))
    await store.rate(run, "Ann", judged([1], [0]))
    await store.rate(run, "Bob", judged(skipped=store.rubric.skips[0]))
    left = Left()
    (row,) = made(store, left=left)
    assert row["chosen"][0]["content"] == "b"
    assert (left.out["superseded by a later rating"], left.out["skipped by the evaluator"]) == (1, 1)


BAD: dict[str, tuple[Event, ...]] = {
    "an answer failed": (Sent("{}"), TextDelta("b"), Failed("truncated", "It broke off.")),
    "an answer was stopped": (Sent("{}"), TextDelta("b"), Failed("stopped", "Stopped.")),
    "an answer was interrupted": (Sent("{}"), TextDelta("b"), Failed("interrupted", "The app ended.")),
    "an answer is not over yet": (Sent("{}"), TextDelta("b")),
    "an answer was cut at a limit of tokens": text("b", finish="length"),
    "an answer ended oddly": text("b", finish="content_filter"),
    "an answer is empty": text(" "),
    "an answer calls a tool with broken arguments": call("weather", '{"city":'),
    "twice the same answer": text("a"),
}


@pytest.mark.parametrize("why", BAD)
async def test_what_nobody_should_train_on_becomes_no_pair(store: Store, why: str) -> None:
    run = await answered(store, asking("?"), text("a"), BAD[why])
    await store.rate(run, "Ann", judged([0], [1]))
    for view in ("dpo", "openai_dpo"):
        left = Left()
        assert made(store, view, left=left) == []
        assert +left.out == {f"pair: {why}": 1}


async def test_ties_and_both_bad_never_become_a_pair(store: Store) -> None:
    # TRL would train on them without complaint
    for judgement in (judged([0, 1]), judged(all_bad=True), judged([0], [1], all_bad=True)):
        await store.rate(await answered(store, asking("?"), text("a"), text("b")), "Ann", judgement)
    image = store.images.add(png())
    shown = Prompt("", (UserTurn("?", (image,)),))
    await store.rate(await answered(store, shown, text("a"), text("b")), "Ann", judged([0, 1]))
    for view in ("dpo", "openai_dpo"):
        left = Left()
        assert made(store, view, left=left) == []
        assert +left.out == {"pair: a tie": 2, "pair: both bad": 2}
    assert seen(store) == []


async def test_lanes_with_histories_of_their_own_make_no_pair(store: Store) -> None:
    own = [Prompt("", (UserTurn("Hi"), AssistantTurn(said), UserTurn("And?"))) for said in ("One.", "Two.")]
    run = await answered(store, Prompt("", (UserTurn("And?"),)), text("a"), text("b"), own=own)
    await store.rate(run, "Ann", judged([0], [1]))
    left = Left()
    assert made(store, left=left) == []
    assert +left.out == {"pair: the lanes have histories of their own, so not the same prompt": 1}


async def test_what_is_sealed_demo_or_not_rated_is_left_out_and_counted(store: Store) -> None:
    prompt = asking("Who is it?")
    await answered(store, prompt, text("a"), text("b"))
    simulated = (Sent("{}"), TextDelta("a"), Finished("stop"))
    demo = await answered(store, prompt, simulated, text("b"), lanes=(replace(ONE, model="simulated"), TWO))
    await store.rate(demo, "Ann", judged([0], [1]))
    blind = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "maker")
    await store.rate(blind, "Ann", judged([0], [1]))
    left = Left()
    assert made(store, scope=replace(NAMED, viewer="stranger"), left=left) == []
    assert left.read == 3
    assert +left.out == {
        "not rated": 1,
        "demo: a simulated or demo model answered": 1,
        "sealed: still to be rated blind by who exports": 1,
    }
    (row,) = made(store, scope=replace(NAMED, demo=True))
    assert row["demo"] is True


async def test_how_it_was_shown_and_judged_stands_beside_a_pair(store: Store) -> None:
    prompt = asking("Who is it?")
    run = await answered(store, prompt, text("a"), text("b"))
    await store.enqueue([run], 1)
    showing = await store.show(run, "browser")
    assert showing
    await store.rate(run, "Ann", judged([0], [1], early=True, seconds=0.0), showing)
    (row,) = made(store, scope=Scope())
    assert (row["blind"], row["early"], row["pace"], row["traces_shown"]) == (True, True, "together", "hidden")
    assert (row["chosen_shown_as"], row["rejected_shown_as"]) == tuple(showing.order.index(lane) + 1 for lane in (0, 1))
    assert row["evaluator"].startswith("evaluator_")


async def test_pairs_with_images_are_in_the_vision_view_only(store: Store) -> None:
    # `images` in a text export breaks a text-only model, and is missed in a vision one if the first row lacks it
    one, two = store.images.add(png()), store.images.add(png(color=9))
    asked = Prompt("Look.", (UserTurn("Which?", (one, two)), AssistantTurn("The first."), UserTurn("And now?", (two,))))
    await store.rate(await answered(store, asked, text("a", "Hm."), text("b")), "Ann", judged([0], [1]))
    await store.rate(await answered(store, asking("?"), text("c"), text("d")), "Ann", judged([0], [1]))
    (written,), (shown,) = made(store), seen(store)
    assert "images" not in written
    assert written["chosen"][0]["content"] == "c"
    assert [image["bytes"] for image in shown["images"]] == [one.data, two.data, two.data]
    assert shown["prompt"] == [
        {"role": "system", "content": [{"type": "text", "text": "Look."}]},
        {"role": "user", "content": [{"type": "image"}, {"type": "image"}, {"type": "text", "text": "Which?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "The first."}]},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "And now?"}]},
    ]
    assert shown["chosen"] == [
        {"role": "assistant", "content": [{"type": "text", "text": "a"}], "reasoning_content": "Hm."}
    ]
    assert shown.keys() == {each.name for each in VIEWS["dpo_vision"].fields}


async def test_the_vision_view_says_in_the_system_text_which_tools_there_are(store: Store) -> None:
    # TRL renders no tools beside images
    image = store.images.add(png())
    for system in ("", "Look."):
        asked = Prompt(system, (UserTurn("Rain?", (image,)),), (WEATHER,))
        await store.rate(await answered(store, asked, text("a"), text("b")), "Ann", judged([0], [1]))
    for row, begin in zip(seen(store), (dpo_vision.OFFERED, f"Look.\n\n{dpo_vision.OFFERED}"), strict=True):
        (told,) = row["prompt"][0]["content"]
        assert told["text"] == f"{begin}\n{row['tools']}"
        assert orjson.loads(row["tools"])[0]["function"]["name"] == "weather"


async def test_a_pair_whose_images_are_gone_is_left_out(store: Store) -> None:
    image = store.images.add(png())
    asked = Prompt("", (UserTurn("?", (image,)),))
    await store.rate(await answered(store, asked, text("a"), text("b")), "Ann", judged([0], [1]))
    store.images.delete(image.sha256)
    assert seen(store) == []


MESSAGE = {
    "type": "object",
    "properties": {
        "role": {"enum": ["system", "user", "assistant", "tool"]},
        "content": {"type": "string"},
        "tool_call_id": {"type": "string", "minLength": 1},
        "tool_calls": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    "type": {"const": "function"},
                    "function": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}},
                        "required": ["name", "arguments"],
                        "additionalProperties": False,
                    },
                },
                "required": ["id", "type", "function"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["role", "content"],
    "additionalProperties": False,
}
ONE_MESSAGE = {
    "type": "array",
    "minItems": 1,
    "maxItems": 1,
    "items": MESSAGE | {"properties": MESSAGE["properties"] | {"role": {"const": "assistant"}}},  # type: ignore[operator]
}
OPENAI = {
    "type": "object",
    "properties": {
        "input": {
            "type": "object",
            "properties": {
                "messages": {"type": "array", "minItems": 1, "items": MESSAGE},
                "tools": {"type": "array", "items": {"type": "object", "required": ["type", "function"]}},
                "parallel_tool_calls": {"const": True},
            },
            "required": ["messages", "tools", "parallel_tool_calls"],
            "additionalProperties": False,
        },
        "preferred_output": ONE_MESSAGE,
        "non_preferred_output": ONE_MESSAGE,
    },
    "required": ["input", "preferred_output", "non_preferred_output"],
    "additionalProperties": False,
}


async def test_openais_lines_have_its_schema_and_tool_arguments_as_text(store: Store) -> None:
    asked = replace(
        long_talk(), turns=(*long_talk().turns[:1], AssistantTurn("", "Hm.", (ToolCall("c1", "weather", "{"),)))
    )
    asked = replace(asked, turns=(*asked.turns, ToolTurn("c1", "weather", "Rain."), UserTurn("And now?")))
    run = await answered(store, asked, text("a", "Hm."), call("weather", '{"z": 1}'))
    await store.rate(run, "Ann", judged([1], [0]))
    (row,) = made(store, "openai_dpo")
    Draft202012Validator(OPENAI).validate(row)
    assert row["preferred_output"][0]["tool_calls"][0]["function"]["arguments"] == '{"z": 1}'
    assert row["non_preferred_output"] == [{"role": "assistant", "content": "a"}]
    earlier = row["input"]["messages"][2]
    assert earlier["tool_calls"][0]["function"]["arguments"] == "{}"  # as it was sent
    assert row["input"]["messages"][3] == {"role": "tool", "tool_call_id": "c1", "content": "Rain."}


async def test_the_rows_do_not_change_unnoticed(store: Store) -> None:
    run = await answered(store, asking("2+2?"), text("4"), text("5"))
    await store.rate(run, "Ann", judged([0], [1]))
    (row,) = made(store)
    lane = ["answer_id", "lane", "backend", "kind", "model", "reported_model", "artifact", "effort", "temperature"]
    lane += ["max_tokens", "seed", "replays", "finish_reason", "prompt_tokens", "completion_tokens", "reasoning_tokens"]
    lane += ["flags", "shown_as"]
    assert list(row) == [
        *("prompt", "chosen", "rejected", "tools"),
        *("comparison_id", "rating_id", "rated_at", "evaluator", "blind", "early", "strength", "seconds"),
        *("pace", "traces_shown", "demo", "tool_choice"),
        *(f"chosen_{name}" for name in lane),
        *(f"rejected_{name}" for name in lane),
    ]
