"""The file for LLM Comparator's viewer: its schema, and that whoever is better is better there too."""

import base64
from dataclasses import replace
from typing import Any

import orjson
from jsonschema import Draft202012Validator

from backends.events import Failed, Sent, TextDelta
from backends.prompt import Prompt, UserTurn
from storage.exports import VIEWS, export
from storage.exports.items import Scope
from storage.store import Store
from tests.storage.answered import LANES, answered, call, text
from tests.storage.exported import NAMED
from tests.storage.made import asking, judged, long_talk, png

TEXT = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"type": {"enum": ["text", "image_byte"]}, "data": {"type": "string"}},
                "required": ["type", "data"],
            },
        },
    ]
}
RATING = {
    "type": "object",
    "properties": {
        "score": {"type": "number", "minimum": -1.5, "maximum": 1.5},
        "is_flipped": {"type": "boolean"},
        "rating_label": {"type": "string"},
        "rationale": {"type": "string"},
        "custom_fields": {"type": "object", "required": ["evaluator"]},
    },
    "required": ["score", "is_flipped", "rating_label", "rationale", "custom_fields"],
}
EXAMPLE = {
    "type": "object",
    "properties": {
        "input_text": TEXT,
        "output_text_a": {"type": "string"},
        "output_text_b": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "score": {"type": "number", "minimum": -1.5, "maximum": 1.5},
        "individual_rater_scores": {"type": "array", "items": RATING},
        "rationale_list": {"type": "array"},
        "custom_fields": {"type": "object"},
    },
    "required": ["input_text", "output_text_a", "output_text_b", "tags", "score", "individual_rater_scores"],
}
FILE = {
    "type": "object",
    "properties": {
        "metadata": {"type": "object", "required": ["source_path", "custom_fields_schema"]},
        "models": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        },
        "examples": {"type": "array", "items": EXAMPLE},
    },
    "required": ["metadata", "models", "examples"],
}


def made(store: Store, scope: Scope = NAMED, *, images: bool = True) -> dict[str, Any]:
    files = store.images if images else None
    file: dict[str, Any] = orjson.loads(b"".join(export(VIEWS["llm-comparator"], store.engine, scope, files)))
    Draft202012Validator(FILE).validate(file)
    for field in file["metadata"]["custom_fields_schema"]:
        if not field["type"].startswith("per_rating"):
            values = [example["custom_fields"][field["name"]] for example in file["examples"]]
            assert all(len(each) == 2 for each in values if field["type"].startswith("per_model"))
    return file


async def test_two_answers_and_all_that_was_said_of_them_are_an_example(store: Store) -> None:
    run = await answered(store, asking("2+2?"), text("4", "Two and two."), text("5"))
    await store.rate(run, "Ann", judged([0], [1], strength=3, comment="It is.", tags=("correct",)))
    await store.rate(run, "Bob", judged([1], [0], strength=1))
    await store.rate(run, "Cem", judged([0, 1]))
    file = made(store)
    (example,) = file["examples"]
    names = [model["name"] for model in file["models"]]
    assert sorted(names) == ["one · m-1 · FP8", "two · m-2 · effort high"]
    a = names.index("one · m-1 · FP8")
    assert [example["output_text_a"], example["output_text_b"]][a] == "4"
    sign = 1 if a == 0 else -1
    assert [each["score"] for each in example["individual_rater_scores"]] == [1.5 * sign, -0.5 * sign, 0.0]
    assert example["score"] == sign / 3
    assert example["individual_rater_scores"][0]["rationale"] == "It is."
    assert example["individual_rater_scores"][0]["custom_fields"] == {"evaluator": "Ann"}
    assert (example["tags"], example["input_text"]) == (["correct"], "[system]\nBe brief.\n\n[user]\n2+2?")
    fields = example["custom_fields"]
    assert (fields["lane"], fields["reasoning"][a], fields["artifact"][a]) == (names, "Two and two.", "FP8")


async def test_the_same_two_lanes_stand_the_same_way_round(store: Store) -> None:
    prompt = asking("?")
    for lanes in (LANES[:2], LANES[1::-1]):
        run = await answered(store, prompt, *(text(lane.backend.name) for lane in lanes), lanes=lanes)
        best = [lane.backend.name for lane in lanes].index("two")
        await store.rate(run, "Ann", judged([best], [1 - best], strength=2))
    examples = made(store)["examples"]
    assert [(each["output_text_a"], each["score"]) for each in examples] == [("one", -1.0)] * 2


async def test_scores_never_all_lie_above_one(store: Store) -> None:
    # the viewer would take them for another scale, and its middle for their mean
    for number in range(3):
        run = await answered(store, asking(str(number)), text("a"), text("b"))
        await store.rate(run, "Ann", judged([0], [1], strength=3))
    assert [each["score"] for each in made(store)["examples"]] == [-1.5] * 3


async def test_where_lanes_vary_each_example_names_its_two(store: Store) -> None:
    await store.rate(await answered(store, asking("?"), text("a"), text("b"), text("c")), "Ann", judged([0], [1], [2]))
    file = made(store)
    assert [model["name"] for model in file["models"]] == ["A: one of 2 lanes", "B: one of 2 lanes"]
    assert [each["custom_fields"]["lane"] for each in file["examples"]] == [
        ["two · m-2 · effort high", "one · m-1 · FP8"],
        ["three · m-3 · NVFP4", "one · m-1 · FP8"],
        ["two · m-2 · effort high", "three · m-3 · NVFP4"],
    ]


async def test_how_a_rating_was_shown_is_told(store: Store) -> None:
    run = await answered(store, asking("?"), text("a"), text("b"))
    await store.enqueue([run], 8)
    orders = []
    for number in range(8):
        showing = await store.show(run, f"browser {number}")
        assert showing
        await store.rate(run, f"Ann {number}", judged([0], [1]), showing)
        orders.append(showing.order)
    (example,) = made(store)["examples"]
    a = 0 if example["output_text_a"] == "a" else 1
    flips = [each["is_flipped"] for each in example["individual_rater_scores"]]
    assert flips == [order.index(a) == 1 for order in orders]
    assert example["custom_fields"]["blind"] == "yes"


async def test_images_are_parts_of_what_was_asked(store: Store) -> None:
    image = store.images.add(png())
    asked = Prompt("", (UserTurn("Look.", (image,)),))
    await store.rate(await answered(store, asked, text("a"), call("weather", '{"z":1}')), "Ann", judged([1], [0]))
    (example,) = made(store)["examples"]
    assert example["input_text"] == [
        {"type": "text", "data": "Look."},
        {"type": "image_byte", "data": base64.b64encode(image.data).decode()},
        {"type": "text", "data": ""},
    ]
    assert {example["output_text_a"], example["output_text_b"]} == {"a", 'weather({"z":1})'}
    assert made(store, images=False)["examples"][0]["input_text"] == "Look."


async def test_earlier_turns_are_told_and_reasoning_stays_out_where_it_is_not_wanted(store: Store) -> None:
    await store.rate(await answered(store, long_talk(), text("a", "Hm."), text("b")), "Ann", judged([1], [0]))
    (example,) = made(store, replace(NAMED, reasoning=False))["examples"]
    assert example["input_text"].startswith(
        "[system]\nBe brief.\n\n[user]\nWhat is the weather?\n\n[assistant]\nweather({})"
    )
    assert "[tool weather]\nRain." in example["input_text"]
    assert "reasoning" not in example["custom_fields"]


async def test_nothing_judged_is_a_whole_file_too(store: Store) -> None:
    failed = (Sent("{}"), TextDelta("half"), Failed("truncated", "It broke off."))
    await store.rate(await answered(store, asking("?"), text("a"), failed), "Ann", judged([0], [1]))
    assert made(store)["examples"] == []
