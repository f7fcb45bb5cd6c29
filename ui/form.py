"""What the forms of the Measure tab have in common. Every `Problem` says what to do."""

import re
from collections.abc import Mapping
from typing import Any

from backends.lane import Backend
from backends.prompt import Prompt
from backends.registry import Registry
from storage.images import ImageStore
from ui import asking, examples
from ui.toolbox import Problem

Form = Mapping[str, Any]
"""What was sent, unchecked."""

_BETWEEN = re.compile(r"^\s*---\s*$", re.MULTILINE)


def about(backend: Backend) -> str:
    return " · ".join(filter(None, (backend.model, backend.artifact)))


def with_key(registry: Registry, backend: Backend) -> None:
    """Raises Problem where its key is missing: every request would fail."""
    if missing := registry.missing_key(backend):
        raise Problem(f"{backend.name} needs a key: set {missing} and restart.")


def whole(form: Form, name: str, least: int, most: int, what: str) -> int:
    """A number of the form. Raises Problem."""
    value = form.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most or value % 1:
        raise Problem(f"{what} must be a whole number from {least:,} to {most:,}.")
    return int(value)


def example(images: ImageStore, name: str) -> Prompt | None:
    """A prompt of the library. Blocking: it reads pictures."""
    found = examples.find(name)
    if found is None:
        return None
    pictures = asking.images(images, [str(path) for path in found.images], asking.REDUCED)
    return asking.prompt(examples.SYSTEM, found.text, pictures, found.tools)


def typed(text: str) -> list[Prompt]:
    """Prompts written into one field, with a line of `---` between each two."""
    parts = (part.strip() for part in _BETWEEN.split(text))
    return [asking.prompt(examples.SYSTEM, part, (), examples.NO_TOOLS) for part in parts if part]
