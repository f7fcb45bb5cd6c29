"""One lane of the Compare page: its settings, its card, its answer; six of them stand ready in fixed places."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from backends.lane import Backend
from backends.registry import Registry
from ui import cards, markdown, view
from ui.asking import Settings

ASSETS = Path(__file__).parent / "assets"

LATEX = [{"left": left, "right": right, "display": left in ("$$", "\\[")} for left, right in markdown.LATEX.items()]


class Drawn(gr.HTML):
    """A component drawn by its own few lines of script, `assets/<name>.html` and `.js`; its value is any JSON."""

    DOM = (ASSETS / "dom.js").read_text()

    def __init__(self, name: str, value: Any = None, **settings: Any) -> None:
        super().__init__(
            value,
            html_template=(ASSETS / f"{name}.html").read_text(),
            js_on_load=self.DOM + (ASSETS / f"{name}.js").read_text(),
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
    """A dropdown whose value is checked where lanes are made, with better words; so a page outlives its session."""

    def preprocess(self, payload: Any) -> Any:
        return payload

    def get_block_name(self) -> str:
        return "dropdown"


class Effort(gr.Radio):
    """As `Choice`."""

    def preprocess(self, payload: Any) -> Any:
        return payload

    def get_block_name(self) -> str:
        return "radio"


@dataclass(frozen=True, slots=True)
class Slot:
    """The components of one lane; `fields` are in the order of `Settings`."""

    column: gr.Column
    fields: tuple[gr.components.Component, ...]
    card: Drawn
    answer: AnswerText


def build(registry: Registry, index: int, settings: Settings | None) -> Slot:
    letter = view.LETTERS[index]
    shown = settings or Settings()
    backend = registry.find(shown.backend)
    with gr.Column(
        visible=settings is not None, min_width=280, elem_id=f"lane-{letter}", elem_classes="lane"
    ) as column:
        name = Choice(
            choices(registry),
            value=shown.backend,
            label=f"Lane {letter}",
            elem_id=f"backend-{letter}",
            elem_classes="backend",
            filterable=False,
        )
        with gr.Row(elem_classes="settings"):
            effort = Effort(
                efforts(registry, backend),
                value=shown.effort,
                label="Effort",
                elem_id=f"effort-{letter}",
                elem_classes="effort",
            )
            with gr.Accordion("Sampling", open=False, elem_classes="unfolds"):
                model = gr.Textbox(shown.model, label="Model id", placeholder="as declared", elem_id=f"model-{letter}")
                with gr.Row():
                    empty = {"placeholder": "server's own", "min_width": 110}
                    temperature = gr.Number(
                        shown.temperature, label="Temperature", step=0.1, elem_id=f"temperature-{letter}", **empty
                    )
                    limit = gr.Number(
                        shown.max_tokens, label="Max tokens", precision=0, elem_id=f"limit-{letter}", **empty
                    )
                    seed = gr.Number(shown.seed, label="Seed", precision=0, elem_id=f"seed-{letter}", **empty)
        card = Drawn("lane", cards.idle(note(registry, backend)), elem_id=f"card-{letter}")
        answer = AnswerText(elem_id=f"answer-{letter}", elem_classes="answer", latex_delimiters=LATEX)
    name.input(
        partial(chosen_backend, registry),
        [name, effort],
        [effort, model, card],
        show_progress="hidden",
        api_visibility="private",
    )
    return Slot(column, (name, effort, model, temperature, limit, seed), card, answer)


def choices(registry: Registry) -> list[tuple[str, str]]:
    return [
        (
            " · ".join(dict.fromkeys(part for part in (each.name, each.model.split("/")[-1], each.artifact) if part)),
            each.name,
        )
        for each in registry.backends
    ]


def note(registry: Registry, backend: Backend | None) -> str:
    """What a person should know before asking this backend."""
    if backend is None:
        return ""
    missing = registry.missing_key(backend)
    return " ".join(filter(None, [missing and f"Needs a key: set {missing} and restart.", backend.note]))


def efforts(registry: Registry, backend: Backend | None) -> list[tuple[str, str]]:
    return [(effort or "not sent", effort) for effort in (registry.efforts(backend) if backend else ())]


def chosen_backend(registry: Registry, name: str, effort: str | None) -> tuple[Any, ...]:
    """The effort stays where the new backend has it too."""
    backend = registry.find(name)
    offered = efforts(registry, backend)
    kept = effort if effort in [value for _, value in offered] else offered[0][1]
    return (
        gr.Radio(choices=offered, value=kept),
        backend and backend.model,
        cards.idle(note(registry, backend)),
    )


def fill(registry: Registry, slots: Sequence[Slot], chosen: Sequence[Settings]) -> list[Any]:
    """Updates for every slot's column and fields, in that order: the chosen lanes shown, the others hidden."""
    updates: list[Any] = []
    for index in range(len(slots)):
        settings = chosen[index] if index < len(chosen) else None
        updates.append(gr.Column(visible=settings is not None))
        if settings is None:
            updates += [gr.skip()] * len(Settings.__slots__)
        else:
            name, effort, *rest = astuple(settings)
            backend = registry.find(name)  # an old comparison may name one that is not declared any more
            updates += [backend and name, gr.Radio(choices=efforts(registry, backend), value=backend and effort), *rest]
    return updates


def filled(slots: Sequence[Slot]) -> list[Any]:
    """The components that `fill` updates."""
    return [component for slot in slots for component in (slot.column, *slot.fields)]
