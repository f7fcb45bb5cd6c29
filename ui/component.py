"""Gradio's components as this page needs them, and how its events are wired."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import state_holder
from gradio.blocks import Block

from ui import markdown

ASSETS = Path(__file__).parent / "assets"

# The page shows its own progress. Naming nothing to show it on also spares the browser: at every frame Gradio's page
# tells all outputs of all events there ever were their progress, hidden or not.
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}


class Drawn(gr.HTML):
    """A component drawn by its own few lines of script, `assets/<name>.html` and `.js`, which may need other scripts
    there; its value is any JSON."""

    def __init__(self, name: str, value: Any = None, *, needs: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(
            value,
            html_template=(ASSETS / f"{name}.html").read_text(),
            js_on_load="".join((ASSETS / f"{each}.js").read_text() for each in ("dom", *needs, name)),
            apply_default_css=False,
            **settings,
        )

    def postprocess(self, value: Any) -> Any:
        return value

    def preprocess(self, payload: Any) -> Any:
        return payload

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}


class AnswerText(gr.Markdown):
    """Markdown that shows what came: no re-indenting, no HTML."""

    def postprocess(self, value: str | None) -> str | None:
        return value and markdown.shown(value)

    def get_block_name(self) -> str:
        return "markdown"


class Choice(gr.Dropdown):
    """A dropdown whose value is checked where it is read, with better words; so a page outlives its session."""

    def postprocess(self, value: Any) -> Any:
        return value

    def preprocess(self, payload: Any) -> Any:
        return payload

    def get_block_name(self) -> str:
        return "dropdown"


class Figure(gr.Number):
    """A number that may be left empty: Gradio's own becomes 0 as soon as it is shown."""

    def postprocess(self, value: float | None) -> Any:
        return "" if value is None else float(value)  # whole or not: what is sent has no integers beyond 64 bits

    def preprocess(self, payload: Any) -> float | None:
        return None if payload == "" else super().preprocess(payload)

    def get_block_name(self) -> str:
        return "number"


class Options(gr.Radio):
    """As `Choice`."""

    def preprocess(self, payload: Any) -> Any:
        return payload

    def get_block_name(self) -> str:
        return "radio"


class Session(state_holder.SessionState):
    """What a page has changed of its components. Gradio gives a changed one another id, and keeps it under both: a page
    that stays open would grow with every event."""

    def __setitem__(self, key: int, value: Any) -> None:
        if isinstance(value, Block):
            value._id = key
        super().__setitem__(key, value)


state_holder.SessionState = Session  # type: ignore[misc]
