"""Whether a model's tool call is one that its tool can take.

Schemas and arguments come from anybody: nothing is fetched, patterns run in linear time, and the work is bounded.
"""

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import attrs
import orjson
from jsonschema import Draft202012Validator, ValidationError
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
        arguments = _read(call)
    except orjson.JSONDecodeError as error:
        return _cut(f"arguments are not valid JSON: {error}")
    if not isinstance(arguments, dict):
        return "arguments are not a JSON object"
    if len(call.arguments) > LONGEST:
        return ""
    try:
        draft = validator_for(tool.parameters, default=Draft202012Validator)
        broken = _first_error(_bounded(draft)(tool.parameters, registry=Registry()), arguments)
    except Exception:  # whatever jsonschema meets in a broken, endless or remote schema: not the model's fault
        return ""
    return "" if broken is None or schema_problem(tool.parameters) else _said(broken)


def parsed(call: ToolCall) -> dict[str, Any] | None:
    """The arguments of the call, where they are a JSON object."""
    try:
        arguments = _read(call)
    except orjson.JSONDecodeError:
        return None
    return arguments if isinstance(arguments, dict) else None


def _read(call: ToolCall) -> Any:
    return orjson.loads(call.arguments.strip() or "{}")  # to a tool that takes none, many servers send none


def schema_problem(parameters: dict[str, Any]) -> str:
    """What is wrong with a tool's schema itself, in a few words; "" when nothing is."""
    try:
        if len(orjson.dumps(parameters)) > LONGEST:
            return f"the schema is longer than {LONGEST:,} characters"
        draft = validator_for(parameters, default=Draft202012Validator)
        read = _bounded(draft)(draft.META_SCHEMA, format_checker=draft.FORMAT_CHECKER)
        broken = _first_error(read, parameters)
    except TimeoutError:
        return "the schema is too large to be checked"
    except Exception as error:  # nested too deeply, a `$schema` that is no text, ...
        return _cut(f"the schema can't be read ({type(error).__name__})")
    return _said(broken) if broken else ""


def _first_error(validator: Any, instance: object) -> ValidationError | None:
    """Raises TimeoutError after too many steps, and whatever jsonschema does at a broken schema."""
    steps = _steps.set(iter(range(STEPS, 0, -1)))
    try:
        return next(validator.iter_errors(instance), None)
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
    bounded = extend(draft, {name: _counted(replaced.get(name, check)) for name, check in keywords.items()})
    bounded.evolve = attrs.evolve  # its own goes back to the draft where a part of the schema names one
    return bounded


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


def _said(error: ValidationError) -> str:
    where = ".".join(map(str, error.absolute_path))
    return _cut(f"{where}: {error.message}" if where else error.message)


def _cut(text: str) -> str:
    return text if len(text) <= MOST else text[: MOST - 1] + "…"
