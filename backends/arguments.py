"""Whether a model's tool call is one that its tool can take.

Schemas and arguments come from anybody: nothing is fetched, patterns run in linear time, and the work is bounded.
"""

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend, validator_for
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator
from referencing import Registry

from backends.prompt import Tool, ToolCall

MOST = 200  # characters of a problem
LONGEST = 100_000  # characters of arguments or of a schema that are looked into
STEPS = 20_000  # keywords applied in one check

_steps: ContextVar[Iterator[int]] = ContextVar("steps")


def problem(call: ToolCall, tools: Sequence[Tool]) -> str:
    """What is wrong with the call, in a few words; "" when nothing is, or when its tool's schema can't tell."""
    tool = next((tool for tool in tools if tool.name == call.name), None)
    if tool is None:
        return _cut(f"unknown tool {call.name!r}")
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError as error:
        return _cut(f"arguments are not valid JSON: {error}")
    if not isinstance(arguments, dict):
        return "arguments are not a JSON object"
    broken = _first_error(tool.parameters, arguments) if len(call.arguments) <= LONGEST else None
    return "" if broken is None or schema_problem(tool.parameters) else _said(broken)


def parsed(call: ToolCall) -> dict[str, Any] | None:
    """The arguments of the call, where they are a JSON object."""
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return None
    return arguments if isinstance(arguments, dict) else None


def schema_problem(parameters: dict[str, Any]) -> str:
    """What is wrong with a tool's schema itself, in a few words; "" when nothing is."""
    try:
        if len(orjson.dumps(parameters)) > LONGEST:
            return f"the schema is longer than {LONGEST:,} characters"
        validator_for(parameters, default=Draft202012Validator).check_schema(parameters)
    except SchemaError as error:
        return _said(error)
    except Exception as error:  # nested too deeply, a `$schema` that is no text, ...
        return _cut(f"the schema can't be read ({type(error).__name__})")
    return ""


def _first_error(schema: dict[str, Any], arguments: dict[str, Any]) -> ValidationError | None:
    """None also where a check would take too long, or the schema leads nowhere: that is not the model's fault."""
    steps = _steps.set(iter(range(STEPS, 0, -1)))
    try:
        bounded = _bounded(validator_for(schema, default=Draft202012Validator))
        return next(bounded(schema, registry=Registry()).iter_errors(arguments), None)
    except Exception:  # whatever jsonschema meets in a broken, endless or remote schema
        return None
    finally:
        _steps.reset(steps)


_Check = Callable[[Any, Any, Any, dict[str, Any]], Iterator[ValidationError] | None]


@lru_cache
def _bounded(draft: Any) -> Any:
    """The draft's validator, with every keyword counted and none that could run for ever."""
    keywords: dict[str, _Check] = dict(draft.VALIDATORS)
    replaced: dict[str, _Check] = {
        "pattern": _pattern,
        "uniqueItems": _unique,
        "additionalProperties": _unless_patterned(keywords.get("additionalProperties", _nothing)),
        **dict.fromkeys(("patternProperties", "unevaluatedProperties", "unevaluatedItems"), _nothing),
    }
    return extend(draft, {name: _counted(replaced.get(name, check)) for name, check in keywords.items()})


def _counted(check: _Check) -> _Check:
    def counted(validator: Any, value: Any, instance: Any, schema: dict[str, Any]) -> Iterator[ValidationError] | None:
        if not next(_steps.get(), 0):
            raise TimeoutError
        return check(validator, value, instance, schema)

    return counted


def _nothing(validator: Any, value: Any, instance: Any, schema: dict[str, Any]) -> None:
    return None


def _unless_patterned(check: _Check) -> _Check:
    """Which properties are additional depends on patterns, where there are any; those are not looked at."""

    def checked(validator: Any, value: Any, instance: Any, schema: dict[str, Any]) -> Iterator[ValidationError] | None:
        return None if "patternProperties" in schema else check(validator, value, instance, schema)

    return checked


def _unique(validator: Any, wanted: bool, items: Any, schema: dict[str, Any]) -> Iterator[ValidationError]:
    if wanted and validator.is_type(items, "array"):
        written = {orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in items}
        if len(written) < len(items):
            yield ValidationError("has non-unique elements")


def _pattern(validator: Any, pattern: str, instance: Any, schema: dict[str, Any]) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matcher(pattern).isinstance_python(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


@lru_cache
def _matcher(pattern: str) -> SchemaValidator:
    """Rust's engine: linear in the text, bounded in the pattern. What it does not know (lookaround), nobody checks."""
    try:
        return SchemaValidator({"type": "str", "pattern": pattern})
    except PatternError:
        return SchemaValidator({"type": "any"})


def _said(error: ValidationError | SchemaError) -> str:
    where = ".".join(map(str, error.absolute_path))
    return _cut(f"{where}: {error.message}" if where else error.message)


def _cut(text: str) -> str:
    return text if len(text) <= MOST else text[: MOST - 1] + "…"
