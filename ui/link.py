"""Lanes as the words of a link, and back. Knows no gradio.

`vllm;effort=high,mistral;effort=none;temperature=0.7`: commas between lanes; each names its backend, then what it has
otherwise than a new lane there. An empty value empties a field; `%2C` and the like stand for marks inside a value.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote, unquote

from backends.registry import Registry
from ui import asking
from ui.asking import MOST, Settings
from ui.view import LETTERS


def _number(text: str) -> float | None:
    number = float(text) if text else None
    if number is not None and not math.isfinite(number):
        raise ValueError(text)
    return number


def _truth(text: str) -> bool:
    return {"yes": True, "no": False}[text]


# how the value of each setting is read, and what it has to be
SETTINGS: dict[str, tuple[Callable[[str], Any], str]] = {
    "effort": (str, "text"),
    "model": (str, "text"),
    "temperature": (_number, "a number"),
    "max_tokens": (_number, "a number"),
    "seed": (_number, "a number"),
    "replays": (_truth, "yes or no"),
    "waits": (_truth, "yes or no"),
}


def address(registry: Registry, chosen: Sequence[Settings]) -> str:
    """The query of a link to the Compare page with these lanes."""
    return "?lanes=" + quote(written(registry, chosen), safe=",;=/:@")


def written(registry: Registry, chosen: Sequence[Settings]) -> str:
    return ",".join(_written(one, asking.first_settings(registry, one.backend or "")) for one in chosen)


def _written(one: Settings, usual: Settings) -> str:
    ordinary = asdict(usual)
    told = [
        f"{key}={_escaped(_value(value))}"
        for key, value in asdict(one).items()
        if key in SETTINGS and (value != ordinary[key] or (key == "effort" and value))
    ]
    return ";".join([_escaped(one.backend or ""), *told])


def _value(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value == int(value):
            return str(int(value))
        case _:
            return str(value)


def _escaped(text: str) -> str:
    return re.sub(r"[,;=%]", lambda mark: f"%{ord(mark[0]):02X}", text)


def read(registry: Registry, text: str) -> tuple[list[Settings], list[str]]:
    """The lanes, and what is wrong with the link; what is wrong is left out."""
    lanes, problems = text.split(","), []
    if len(lanes) > MOST:
        problems.append(f"The link has {len(lanes)} lanes: the first {MOST} are shown.")
    chosen = []
    for letter, lane in zip(LETTERS, lanes, strict=False):
        name, *told = lane.split(";")
        one = asking.first_settings(registry, unquote(name.strip()))
        for setting in told:
            try:
                one = replace(one, **_read(setting))
            except ValueError as error:
                problems.append(f"Lane {letter} of the link: {error}.")
        chosen.append(one)
    return chosen, problems


def _read(setting: str) -> dict[str, Any]:
    key, _, value = setting.partition("=")
    key, value = key.strip(), unquote(value.strip())
    if key not in SETTINGS:
        raise ValueError(f"there is no setting {key!r}; known are {', '.join(SETTINGS)}")
    read, allowed = SETTINGS[key]
    try:
        return {key: read(value)}
    except (ValueError, KeyError):
        raise ValueError(f"{key} must be {allowed}, not {value!r}") from None
