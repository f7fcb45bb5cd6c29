"""Safe tools that come with the app: a calculator, a clock, a converter of units.

Their input is a model's: it is bounded, runs nothing, and what is wrong with it is said in words the model can act on.
"""

import ast
import math
import operator
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from simpleeval import SimpleEval

from backends.arguments import parsed, problem
from backends.prompt import Tool, ToolCall

LONGEST = 500  # characters of an expression
BITS = 4_000  # of a whole number, at any step


def answer(call: ToolCall) -> str | None:
    """The result, or `error: ...`; None where the tool is none of these. Not for the event loop: the first conversion
    takes half a second."""
    if call.name not in _ANSWERS:
        return None
    if wrong := problem(call, TOOLS):
        return f"error: {wrong}"
    try:
        return _ANSWERS[call.name](parsed(call) or {})
    except ValueError as error:
        return f"error: {error}"


def _calculated(arguments: dict[str, Any]) -> str:
    expression = arguments["expression"]
    if len(expression) > LONGEST:
        raise ValueError(f"the expression is longer than {LONGEST} characters")
    evaluator = SimpleEval(_OPERATORS, _FUNCTIONS, _CONSTANTS)
    evaluator.nodes = {node: evaluate for node, evaluate in evaluator.nodes.items() if node in _NODES}
    try:
        # ^ is written for a power, but binds as one only as **
        tree = ast.parse(expression.strip().translate({ord("^"): "**", ord("×"): "*", ord("÷"): "/"}), mode="eval")
        return _written(evaluator.eval(expression, tree.body))
    except OverflowError:
        raise ValueError("the number is too large or undefined") from None
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ValueError(str(error)) from None
    except Exception:  # a syntax error, an unknown name, nested too deeply, no arithmetic at all
        known = ", ".join([*_CONSTANTS, *_FUNCTIONS])
        raise ValueError(f"not an arithmetic expression: use numbers, + - * / // % ** ( ), {known}") from None


def _written(value: object) -> str:
    """A real number of bounded size as text; raises ValueError on anything else."""
    match value:
        case int() if value.bit_length() <= BITS:
            return str(value)
        case float() if math.isfinite(value):
            return f"{value:.15g}"
        case int() | float():
            raise ValueError("the number is too large or undefined")
        case _:
            raise ValueError("only real numbers can be calculated with")


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    def bounded(*numbers: object) -> Any:
        for number in numbers:
            _written(number)
        return function(*numbers)

    return bounded


def _power(base: float, exponent: float) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and exponent * (base.bit_length() - 1) > BITS:
        raise ValueError("the number is too large")
    return base**exponent


def _factorial(number: int) -> int:
    if number > 170:
        raise ValueError("factorial is known up to 170")
    return math.factorial(number)


def _rounded(number: float, digits: int = 0) -> float:
    return round(number, max(-20, min(20, digits))) if digits else round(number)


_NODES = {ast.Constant, ast.Name, ast.UnaryOp, ast.BinOp, ast.Call}
_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
_FUNCTIONS = {
    name: _bounded(function)
    for name, function in (
        {name: getattr(math, name) for name in ("sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan")}
        | {name: getattr(math, name) for name in ("asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "hypot")}
        | {name: getattr(math, name) for name in ("degrees", "radians", "floor", "ceil", "gcd")}
        | {"ln": math.log, "abs": abs, "min": min, "max": max, "round": _rounded, "factorial": _factorial}
    ).items()
}
_OPERATORS = {
    ast.Add: _bounded(operator.add),
    ast.Sub: _bounded(operator.sub),
    ast.Mult: _bounded(operator.mul),
    ast.Div: _bounded(operator.truediv),
    ast.FloorDiv: _bounded(operator.floordiv),
    ast.Mod: _bounded(operator.mod),
    ast.Pow: _bounded(_power),
    ast.UAdd: _bounded(operator.pos),
    ast.USub: _bounded(operator.neg),
}


def _now(arguments: dict[str, Any]) -> str:
    timezone = arguments.get("timezone", "UTC")
    try:
        zone = ZoneInfo(timezone)
    except (LookupError, ValueError, OSError):  # unknown; not a name; a folder of names
        raise ValueError(f"unknown time zone {timezone[:50]!r}: use an IANA name such as Europe/Paris") from None
    return datetime.now(UTC).astimezone(zone).isoformat(timespec="seconds")


# The registry's own parser calculates whatever it is given; names with small exponents can't keep it busy.
_NAME = r"°?[^\W\d]+(?:\s?(?:\^|\*\*)\s?-?[1-9])?"
_UNIT = re.compile(rf"(?=.{{1,60}}$){_NAME}(?:(?:\s?[*/·]\s?|\s){_NAME}){{0,7}}")


def _converted(arguments: dict[str, Any]) -> str:
    registry = _registry()
    origin, target = _unit(registry, arguments["from"].strip()), _unit(registry, arguments["to"].strip())
    try:
        result = registry.Quantity(float(arguments["value"]), origin).to(target).magnitude
    except (TypeError, ArithmeticError) as error:  # pint's errors of dimension are TypeErrors
        raise ValueError(str(error)) from None
    return f"{_written(float(f'{result:.12g}'))} {arguments['to'].strip()}"


def _unit(registry: Any, text: str) -> Any:
    if _UNIT.fullmatch(text):
        for name in (text, text.lower()):  # Celsius
            with suppress(AttributeError):  # what pint raises at an unknown name
                return registry.Unit(name)
    raise ValueError(f"unknown unit {text[:60]!r}: write names with * / ^, such as km/h, degC or kg*m^2")


@cache
def _registry() -> Any:
    import pint  # takes half a second, and few need it

    return pint.UnitRegistry()


def _object(required: tuple[str, ...], **properties: dict[str, str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


TOOLS = (
    Tool(
        "calculator",
        "Calculates an arithmetic expression and returns the number.",
        _object(
            ("expression",),
            expression={"type": "string", "description": "For example: (3 + 4) * sqrt(2) ** 3. Angles are in radians."},
        ),
    ),
    Tool(
        "clock",
        "Tells the current date and time.",
        _object((), timezone={"type": "string", "description": "IANA name such as Europe/Paris; UTC when left out."}),
    ),
    Tool(
        "convert_units",
        "Converts a value from one unit to another.",
        _object(
            ("value", "from", "to"),
            value={"type": "number"},
            **{
                "from": {"type": "string", "description": "Unit of the value, such as km/h, degC or kg*m^2."},
                "to": {"type": "string", "description": "Unit wanted."},
            },
        ),
    ),
)
_ANSWERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "calculator": _calculated,
    "clock": _now,
    "convert_units": _converted,
}
