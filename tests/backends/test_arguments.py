"""What is said of tool calls and of tools' schemas, also where either is out to do harm."""

import json
import socket
import time
from typing import Any

import pytest

from backends.arguments import LONGEST, MOST, parsed, problem, schema_problem
from backends.prompt import Tool, ToolCall

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city"],
    "additionalProperties": False,
}
SCHEMA_7 = "http://json-schema.org/draft-07/schema#"


def found(schema: dict[str, Any], arguments: object, name: str = "tool") -> str:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return problem(ToolCall("c", name, text), [Tool("other"), Tool("tool", "", schema)])


def test_a_call_that_its_tool_can_take_has_no_problem() -> None:
    assert found(WEATHER, {"city": "Paris", "days": [1, 2]}) == ""


def test_a_tool_that_is_not_offered_is_unknown() -> None:
    assert found(WEATHER, {}, "wether") == "unknown tool 'wether'"


@pytest.mark.parametrize("text", ["{", '{"city": NaN}', '{"city": "\ud800"}', "[" * 5_000, '{"a":' * 5_000])
def test_arguments_that_are_no_json_are_said_to_be_none(text: str) -> None:
    assert found(WEATHER, text).startswith("arguments are not valid JSON: ")
    assert parsed(ToolCall("c", "tool", text)) is None


def test_no_arguments_at_all_are_an_empty_object() -> None:
    assert parsed(ToolCall("c", "tool", "")) == {}
    assert found({"type": "object"}, "") == found({"type": "object"}, " ") == ""
    assert "required" in found(WEATHER, "")


def test_where_the_json_breaks_is_said() -> None:
    assert "char 6" in found(WEATHER, '{"city')


@pytest.mark.parametrize("text", ["[]", '"Paris"', "null", "1"])
def test_arguments_are_an_object(text: str) -> None:
    assert found(WEATHER, text) == "arguments are not a JSON object"
    assert parsed(ToolCall("c", "tool", text)) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "'city' is a required property"),
        ({"city": 5}, "city: 5 is not of type 'string'"),
        ({"city": "Paris", "days": [1, "two"]}, "days.1: 'two' is not of type 'integer'"),
        ({"city": "Paris", "unit": "C"}, "Additional properties are not allowed ('unit' was unexpected)"),
    ],
)
def test_the_first_break_of_the_schema_is_said_with_its_place(arguments: object, said: str) -> None:
    assert found(WEATHER, arguments) == said


def test_a_problem_stays_short() -> None:
    assert len(found(WEATHER, {"city": ["x" * 5_000]})) == MOST
    assert len(found(WEATHER, {}, "x" * 5_000)) == MOST


def test_a_schema_is_read_by_its_own_draft() -> None:
    tuple_of_one = {"properties": {"a": {"items": [{"type": "string"}]}}}
    assert found({"$schema": SCHEMA_7, **tuple_of_one}, {"a": [1]}) == "a.0: 1 is not of type 'string'"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"required": "city"},
        {"properties": {"city": 5}},
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$schema": {}, "required": ["city"]},
        {"properties": {"city": {"pattern": "("}}},
    ],
)
def test_a_broken_or_remote_schema_is_not_the_models_fault(schema: dict[str, Any]) -> None:
    assert found(schema, {"city": 5, "a": "b"}) == ""
    assert found(schema, {"city": "Paris"}) == ""


def nested(levels: int) -> dict[str, Any]:
    return {} if levels == 0 else {"properties": {"a": nested(levels - 1)}}


def doubling(levels: int) -> dict[str, Any]:
    """A schema that is walked 2 ** levels times."""
    steps = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**steps, f"d{levels}": {}}, "$ref": "#/$defs/d0"}


ENDLESS: list[tuple[dict[str, Any], object]] = [
    ({"properties": {"a": {"pattern": "^(a+)+$"}}}, {"a": "a" * 50_000 + "!"}),
    ({"properties": {"a": {"pattern": "(" * 50_000}}}, {"a": "a"}),
    ({"properties": {"a": {"pattern": "((a{100}){100}){100}"}}}, {"a": "a"}),
    ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 50 + "!": 1}),
    ({"patternProperties": {"^(a+)+$": {}}, "unevaluatedProperties": False}, {"a" * 50 + "!": 1}),
    ({"properties": {"a": {"$ref": "#"}}}, '{"a":' * 1_000 + "{}" + "}" * 1_000),
    ({"properties": {"a": {"uniqueItems": True}}}, {"a": [{"b": n} for n in range(8_000)]}),
    ({"properties": {"a": {"items": {"type": "integer"}}}}, {"a": [1] * 200_000}),
    (doubling(60), {"a": 1}),
    ({"properties": {"a": {"$schema": SCHEMA_7, "pattern": "^(a+)+$"}}}, {"a": "a" * 50_000 + "!"}),
    (nested(200), '{"a":' * 200 + "{}" + "}" * 200),
]


@pytest.mark.parametrize(("schema", "arguments"), ENDLESS, ids=lambda _: "")
def test_no_schema_and_no_arguments_keep_it_busy(schema: dict[str, Any], arguments: object) -> None:
    start = time.process_time()
    assert len(found(schema, arguments)) <= MOST
    assert time.process_time() - start < 5


@pytest.mark.parametrize("schema", [{"anyOf": [{}] * 20_000}, {"anyOf": [{"type": 5}] * 8_000}, doubling(500)])
def test_no_schema_keeps_its_check_busy(schema: dict[str, Any]) -> None:
    start = time.process_time()
    assert len(schema_problem(schema)) <= MOST
    assert time.process_time() - start < 5


def test_nothing_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        assert found({"$ref": address}, {"city": 5}) == ""
        assert found({"$schema": address, "required": ["city"]}, {}) == "'city' is a required property"
        with pytest.raises(BlockingIOError):
            server.accept()


def test_patterns_and_unique_items_still_count() -> None:
    schema = {"properties": {"a": {"pattern": "^[a-z]+$"}, "b": {"uniqueItems": True}}}
    assert found(schema, {"a": "abc", "b": [1, 2]}) == ""
    assert found(schema, {"a": "ABC"}) == "a: 'ABC' does not match '^[a-z]+$'"
    assert found(schema, {"b": [{"c": 1}, {"c": 1}]}) == "b: has non-unique elements"


@pytest.mark.parametrize("schema", [WEATHER, {}, {"type": "object"}, {"$schema": SCHEMA_7}, Tool("t").parameters])
def test_a_sound_schema_has_no_problem(schema: dict[str, Any]) -> None:
    assert schema_problem(schema) == ""


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"properties": {"city": {"type": 5}}}, "properties.city.type: 5 is not valid under any of the given schemas"),
        ({"required": "city"}, "required: 'city' is not of type 'array'"),
        ({"properties": {"a": {"pattern": "("}}}, "properties.a.pattern: '(' is not a 'regex'"),
        ({"description": "x" * LONGEST}, "the schema is longer than 100,000 characters"),
        ({"$schema": 5}, "the schema can't be read (AttributeError)"),
        (nested(2_000 // 3), "the schema can't be read (TypeError)"),
    ],
)
def test_what_is_wrong_with_a_schema_is_said(schema: dict[str, Any], said: str) -> None:
    assert schema_problem(schema) == said
