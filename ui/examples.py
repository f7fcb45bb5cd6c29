"""Prompts to begin with: each works with the embedded model."""

import json
from dataclasses import dataclass
from pathlib import Path

SYSTEM = "You are a helpful assistant."

PICTURES = Path(__file__).parent / "assets" / "pictures"

WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather for a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"],
    },
}


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    text: str
    images: tuple[Path, ...] = ()
    tools: str = ""


EXAMPLES = (
    Example("Text: a rainbow", "How does a rainbow form?"),
    Example("Image: its colour", "What colour is this?", (PICTURES / "red.png",)),
    Example("Tool: the weather", "What is the weather in Paris?", tools=json.dumps([WEATHER], indent=2)),
)
