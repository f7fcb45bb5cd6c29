"""What to begin with: the prompt library, each of whose prompts fits the embedded model, and ready tools."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backends import builtin
from backends.prompt import Tool
from ui.toolbox import ANSWER, Fields

SYSTEM = "You are a helpful assistant."

ASSETS = Path(__file__).parent / "assets"
PICTURES = ASSETS / "pictures"

WEATHER = Tool(
    "get_weather",
    "Get the current weather for a city",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"],
    },
)
READ = Tool(
    "read_file",
    "Read a file of the project",
    {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
)
WRITE = Tool(
    "write_file",
    "Replace a file of the project",
    {
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
    },
)
MARKUP = '<article class="card"><h2>Team</h2> ... <a class="start" href="/start">Start the free month</a></article>'
STYLE = ".card { width: 232px; padding: 24px; }\n.start { display: block; width: 372px; padding: 12px; }"
FILES = [
    {"name": "read_file", "arguments": {"path": "card.html"}, "result": MARKUP},
    {"name": "read_file", "arguments": {"path": "card.css"}, "result": STYLE},
    {"name": "read_file", "result": "no such file; there are card.html and card.css"},
    {"name": "write_file", "result": "written"},
]
FORECASTS = [
    {"name": "get_weather", "arguments": {"city": "Paris"}, "result": "18 °C, light rain"},
    {"name": "get_weather", "result": "21 °C, clear sky"},
]


def _listed(entries: Iterable[str]) -> str:
    return "[\n" + ",\n".join(f"  {each}" for each in entries) + "\n]"


def _line(found: Any) -> str:
    return json.dumps(found, ensure_ascii=False)


def _described(tool: Tool) -> str:
    """As JSON that can be read at a glance and edited: a line for each part."""
    parts = ",\n".join(f"    {_line(name)}: {_line(part)}" for name, part in asdict(tool).items())
    return f"{{\n{parts}\n  }}"


NO_TOOLS = Fields()
WEATHER_TOOL = Fields(_listed([_described(WEATHER)]), results=ANSWER, canned=_listed(map(_line, FORECASTS)))
FILE_TOOLS = Fields(_listed(map(_described, (READ, WRITE))), results=ANSWER, canned=_listed(map(_line, FILES)))
BUILT_IN_TOOLS = Fields(_listed(map(_described, builtin.TOOLS)), results=ANSWER, built_in=True)


@dataclass(frozen=True, slots=True)
class Preset:
    """Ready tools, and what answers their calls."""

    name: str
    fields: Fields


PRESETS = (
    Preset("Weather (canned)", WEATHER_TOOL),
    Preset("Calculator, clock, units (built-in)", BUILT_IN_TOOLS),
    Preset("Files of a project (canned)", FILE_TOOLS),
    Preset("None", NO_TOOLS),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A ready prompt; `about` says what it is in a line, `effort` which one suits it. One that `follows` is a follow-up
    of the comparison shown."""

    name: str
    about: str
    effort: str
    text: str
    images: tuple[Path, ...] = ()
    tools: Fields = NO_TOOLS
    follows: bool = False


def _text(name: str) -> str:
    return (ASSETS / "prompts" / f"{name}.txt").read_text(encoding="utf-8").strip()


def _picture(name: str) -> tuple[Path]:
    return (PICTURES / f"{name}.png",)


LIBRARY = {
    "To begin with": (
        Example("Text: a rainbow", "A plain question", "none", "How does a rainbow form?"),
        Example("Image: its colour", "A plain picture", "high", "What colour is this?", _picture("red")),
        Example(
            "Tool: the weather",
            "One call, with a canned result",
            "none",
            "What is the weather in Paris?",
            tools=WEATHER_TOOL,
        ),
    ),
    "Use cases": (
        Example(
            "Code from a screenshot",
            "A form to sign in becomes a page",
            "high",
            "Write this form as one self-contained HTML file with its CSS, as close to the picture as you can. Label"
            " every field for screen readers, and let it work with the keyboard and at a width of 360 px.",
            _picture("login"),
        ),
        Example(
            "Debug from a terminal",
            "A traceback, and the change before it",
            "high",
            "This is my terminal. In January the report still worked. What is the root cause, and what is the smallest"
            " change that mends it for every month?",
            _picture("traceback"),
        ),
        Example(
            "A diagram and its code",
            "States of an order, drawn and written",
            "high",
            _text("states"),
            _picture("states"),
        ),
        Example(
            "Specification and code",
            "Six clauses, and a function that breaks some",
            "high",
            _text("specification"),
        ),
        Example(
            "Agent, first step",
            "Look at a page, read its files, write one",
            "high",
            "This is our pricing card, as the browser draws it: the button sticks out. Read card.html and card.css with"
            " the tools, find out why, and write the corrected file. Then say in one sentence what you changed.",
            _picture("card"),
            FILE_TOOLS,
        ),
        Example(
            "Agent, next step",
            "Follows the first: look again, go on",
            "high",
            "The page after your change. Is the button mended? If so, write a test in Python with Playwright that would"
            " have found the mistake; if not, go on.",
            _picture("card-mended"),
            FILE_TOOLS,
            follows=True,
        ),
    ),
    "By type of request, with the effort that suits": (
        Example(
            "Code completion",
            "The rest of a function",
            "none",
            "Complete this function:\n\ndef median(numbers: list[float]) -> float:\n"
            '    """The middle value; the mean of the two middle ones where their number is even."""\n',
        ),
        Example(
            "Refactoring",
            "Loops that could be one line",
            "none",
            "Refactor this without changing what it does:\n\nfound = []\nfor user in users:\n    if user.active:\n"
            "        if user.email is not None:\n            found.append(user.email.lower())\nreturn sorted(found)",
        ),
        Example(
            "Quick summary",
            "Three sentences become one",
            "none",
            "Summarize in one sentence: The library opens at nine on weekdays. From June to August it closes at noon,"
            " since the reading room gets too warm. Books can be returned at any time through the flap at the gate.",
        ),
        Example("Routine question", "Short, and asked often", "none", "How many days does February have?"),
        Example(
            "Bulk work",
            "One of a thousand tickets",
            "none",
            "Classify this ticket as billing, access, defect or praise. Answer with one word.\n\n"
            "I was charged twice in May, and nobody answers the phone.",
        ),
        Example(
            "Agent step",
            "A call of a built-in tool",
            "none",
            "What is 17.5 % of 2,340? Use the calculator.",
            tools=BUILT_IN_TOOLS,
        ),
        Example(
            "Cause of a bug",
            "Wrong only sometimes",
            "high",
            "Why does this counter lose clicks when two people click at once, and what is the root cause?\n\n"
            "def click(page):\n    count = store.read(page)\n    store.write(page, count + 1)\n    return count + 1",
        ),
        Example(
            "Planning",
            "A change with several steps",
            "high",
            "Plan how to move 40 million rows from one table into two without stopping the app. Name the steps, what"
            " can go wrong at each, and how to go back.",
        ),
        Example("Repository question", "Four files, one cause", "high", _text("repository")),
        Example("Long document", "An agreement, and what follows from it", "high", _text("agreement")),
    ),
}
EXAMPLES = tuple(example for group in LIBRARY.values() for example in group)


def find(name: object) -> Example | None:
    return next((example for example in EXAMPLES if example.name == name), None)


def cards() -> list[dict[str, Any]]:
    """The library as the page shows it, without the prompts themselves."""
    return [
        {
            "name": name,
            "prompts": [
                {"name": each.name, "about": each.about, "effort": each.effort, "image": _thumbnail(each)}
                for each in group
            ],
        }
        for name, group in LIBRARY.items()
    ]


def _thumbnail(example: Example) -> str:
    return f"pictures/{example.images[0].name}" if example.images else ""
