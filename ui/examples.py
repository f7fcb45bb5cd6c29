"""What to begin with: prompts that each work with the embedded model, and tools to choose instead of writing them."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backends import builtin
from backends.prompt import Tool
from ui.toolbox import ANSWER, Fields

SYSTEM = "You are a helpful assistant."

PICTURES = Path(__file__).parent / "assets" / "pictures"

WEATHER = Tool(
    "get_weather",
    "Get the current weather for a city",
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"],
    },
)
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
BUILT_IN_TOOLS = Fields(_listed(map(_described, builtin.TOOLS)), results=ANSWER, built_in=True)


@dataclass(frozen=True, slots=True)
class Preset:
    """Ready tools, and what answers their calls."""

    name: str
    fields: Fields


PRESETS = (
    Preset("Weather (canned)", WEATHER_TOOL),
    Preset("Calculator, clock, units (built-in)", BUILT_IN_TOOLS),
    Preset("None", NO_TOOLS),
)


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    text: str
    images: tuple[Path, ...] = ()
    tools: Fields = NO_TOOLS


EXAMPLES = (
    Example("Text: a rainbow", "How does a rainbow form?"),
    Example("Image: its colour", "What colour is this?", (PICTURES / "red.png",)),
    Example("Tool: the weather", "What is the weather in Paris?", tools=WEATHER_TOOL),
)
