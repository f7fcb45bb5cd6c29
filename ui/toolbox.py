"""Reads the Tools part of the composer: JSON that a person wrote, and what is to happen at a call. Knows no gradio."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from backends.arguments import schema_problem
from backends.prompt import Canned, Tool, Toolbox

STOP, ANSWER = "stop at the call", "answer it"
FIXED_CHOICES = ("auto", "none", "required")
FEWEST_ROUNDS, MOST_ROUNDS = 1, 10

NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class Problem(ValueError):
    """Something that the person has to mend before anything is sent."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What the Tools part holds, unchecked, in the order of its fields."""

    tools: str | None = ""
    choice: str | None = "auto"
    results: str | None = STOP
    canned: str | None = ""
    built_in: bool | None = False
    by_hand: bool | None = False
    rounds: float | None = 4


@dataclass(frozen=True, slots=True)
class Tools:
    """Checked: what goes into a prompt."""

    tools: tuple[Tool, ...] = ()
    choice: str = ""
    toolbox: Toolbox = Toolbox()


def read(fields: Fields) -> Tools:
    """Without tools, the rest says nothing."""
    functions = tools(fields.tools)
    if not functions:
        return Tools()
    choice = fields.choice or ""
    if choice not in choices(functions):
        raise Problem(f"Tool choice: there is no tool {choice!r}; choose another.")
    return Tools(functions, choice, _toolbox(fields, functions))


def choices(functions: Iterable[Tool]) -> tuple[str, ...]:
    """What may be chosen: "" leaves it to the server."""
    return tuple(dict.fromkeys((*FIXED_CHOICES, *(tool.name for tool in functions), "")))


def tools(text: str | None) -> tuple[Tool, ...]:
    """Tools from JSON: a list of functions, or one; bare or as `{"type": "function", "function": {...}}`."""
    found = tuple(_tool(f"Tools, entry {number}", each) for number, each in enumerate(_entries("Tools", text), 1))
    names = [tool.name for tool in found]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise Problem(f"Tools: {twice!r} is there twice; give each tool a name of its own.")
    return found


def _tool(where: str, found: Any) -> Tool:
    match found:
        case {"function": dict() as inner}:
            found = inner
    match found:
        case {"name": str() as name} if name.replace("_", "").replace("-", "").isalnum() and len(name) <= 64:
            parameters = found.get("parameters") or NO_PARAMETERS
        case _:
            raise Problem(f'{where}: needs a "name" of letters, digits, _ or -, at most 64.')
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        raise Problem(f'{where} ({name}): "parameters" must be a JSON schema with "type": "object".')
    if wrong := schema_problem(parameters):
        raise Problem(f'{where} ({name}): "parameters" is no JSON schema: {wrong}.')
    return Tool(name, str(found.get("description", "")), parameters)


def _toolbox(fields: Fields, functions: tuple[Tool, ...]) -> Toolbox:
    if fields.results != ANSWER:
        return Toolbox()
    results = canned(fields.canned, functions)
    if not (results or fields.built_in or fields.by_hand):
        raise Problem("Tools: nothing answers a call. Write canned results, or choose the built-in tools or yourself.")
    rounds = fields.rounds or 0
    if rounds != int(rounds) or not FEWEST_ROUNDS <= rounds <= MOST_ROUNDS:
        raise Problem(f"Tools: rounds must be a whole number from {FEWEST_ROUNDS} to {MOST_ROUNDS}.")
    return Toolbox(int(rounds), results, bool(fields.built_in), bool(fields.by_hand))


def canned(text: str | None, functions: Iterable[Tool]) -> tuple[Canned, ...]:
    """Results from JSON: `{"name": ..., "arguments": {...}, "result": ...}`, or a list of such."""
    known = {tool.name for tool in functions}
    entries = enumerate(_entries("Canned results", text), 1)
    return tuple(_canned(f"Canned results, entry {number}", each, known) for number, each in entries)


def _canned(where: str, found: Any, known: set[str]) -> Canned:
    match found:
        case {"name": str() as name, "result": result}:
            arguments = found.get("arguments")
        case _:
            raise Problem(f'{where}: needs a "name" and a "result".')
    if name not in known:
        raise Problem(f"{where}: there is no tool {name!r}; name one of those above.")
    if not (arguments is None or isinstance(arguments, dict)):
        raise Problem(f'{where} ({name}): "arguments" must be an object; leave it out to answer every call.')
    return Canned(name, result if isinstance(result, str) else orjson.dumps(result).decode(), arguments)


def _entries(what: str, text: str | None) -> list[Any]:
    """The JSON of one editor: a list, or one entry alone."""
    if not (text or "").strip():
        return []
    try:
        found = orjson.loads(clean(text or ""))
    except orjson.JSONDecodeError as error:
        raise Problem(f"{what}, line {error.lineno}, column {error.colno}: {error.msg}.") from error
    return found if isinstance(found, list) else [found]


def clean(text: str) -> str:
    """Half a character (a lone surrogate, as a browser may send) can be neither sent nor stored: it becomes �."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
