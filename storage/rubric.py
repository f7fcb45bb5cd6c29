"""What evaluators may say beside which answer is better: a file of words, the same for all comparisons."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import RubricError

DEFAULT = Path(__file__).with_name("rubric.toml")

MAX_WORD, MAX_HELP, MAX_WORDS, MAX_STEPS = 40, 400, 20, 10


@dataclass(frozen=True, slots=True)
class Dimension:
    """A score is the place of its word in `scale`, from 1, the worst."""

    name: str
    scale: tuple[str, ...]
    help: str = ""


@dataclass(frozen=True, slots=True)
class Rubric:
    """`skips` are the reasons for judging nothing, `marks` what may be said of a lane's reasoning."""

    dimensions: tuple[Dimension, ...] = ()
    tags: tuple[str, ...] = ()
    skips: tuple[str, ...] = ("I can't judge this",)
    marks: tuple[str, ...] = ()


def _is_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= MAX_WORD


def _is_help(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_HELP


def _is_words(value: object, least: int = 0, most: int = MAX_WORDS) -> bool:
    return isinstance(value, list) and least <= len(value) <= most and all(map(_is_word, value)) and _differ(value)


def _is_scale(value: object) -> bool:
    return _is_words(value, 2, MAX_STEPS)


def _differ(words: list[str]) -> bool:
    return len({word.strip() for word in words}) == len(words)


_WORDS = (_is_words, f"a list of up to {MAX_WORDS} different words of up to {MAX_WORD} letters")
_TOP: dict[str, tuple[Callable[[object], bool], str]] = {
    "tags": _WORDS,
    "marks": _WORDS,
    "skips": (lambda value: _is_words(value, 1), f"a list of 1 to {MAX_WORDS} different reasons to skip"),
    "dimension": (
        lambda value: isinstance(value, list) and len(value) <= MAX_WORDS,
        f"up to {MAX_WORDS} tables, each under a line [[dimension]]",
    ),
}
_OF_A_DIMENSION: dict[str, tuple[Callable[[object], bool], str]] = {
    "name": (_is_word, f"a name of up to {MAX_WORD} letters"),
    "scale": (_is_scale, f"a list of 2 to {MAX_STEPS} different words, from worst to best"),
    "help": (_is_help, f"text of up to {MAX_HELP} letters"),
}


def load(path: Path) -> Rubric:
    """The rubric in `path`; the project's own where there is no such file. Raises RubricError."""
    try:
        found = tomllib.loads((path if path.exists() else DEFAULT).read_text(encoding="utf-8"))
        _check(found, _TOP)
        dimensions = tuple(_dimension(entry) for entry in found.get("dimension", []))
        if not _differ([each.name for each in dimensions]):
            raise ValueError("two dimensions have one name: give each its own")
    except (OSError, ValueError) as error:  # a TOML error names its line
        raise RubricError(f"{path.name}: {getattr(error, 'strerror', None) or error}.") from error
    words = {key: tuple(word.strip() for word in found[key]) for key in ("tags", "skips", "marks") if key in found}
    return Rubric(dimensions, **words)


def _dimension(entry: Any) -> Dimension:
    if not isinstance(entry, dict):
        raise ValueError("write [[dimension]], with two brackets, above each dimension")
    _check(entry, _OF_A_DIMENSION)
    for key in ("name", "scale"):
        if key not in entry:
            raise ValueError(f"a dimension has no `{key}`: {_OF_A_DIMENSION[key][1]}")
    scale = tuple(word.strip() for word in entry["scale"])
    return Dimension(entry["name"].strip(), scale, entry.get("help", "").strip())


def _check(entry: dict[str, Any], rules: dict[str, tuple[Callable[[object], bool], str]]) -> None:
    for key, value in entry.items():
        if key not in rules:
            raise ValueError(f"unknown key `{key}`; allowed are {', '.join(rules)}")
        fits, allowed = rules[key]
        if not fits(value):
            raise ValueError(f"`{key}` must be {allowed}")
