"""One lane of the Compare page: its settings, its card, its answer; six of them stand ready in fixed places."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

import gradio as gr

from backends.discovery import Discovery
from backends.lane import Backend
from backends.registry import Registry
from backends.status import Reach
from ui import about, asking, cards, markdown, view
from ui.asking import Settings
from ui.component import PRIVATE, AnswerText, Choice, Drawn, Figure, Options
from ui.stage import Place

LATEX = [{"left": left, "right": right, "display": left in ("$$", "\\[")} for left, right in markdown.LATEX.items()]

TEMPERATURE = 3  # its place among a lane's fields
UNSET = "server's own"
REPLAYS, NO_REPLAY = "Send its own reasoning back when following up", "This server takes no reasoning back"


@dataclass(frozen=True, slots=True)
class Slot:
    """The components of one lane; `fields` are in the order of `Settings`."""

    column: gr.Column
    fields: tuple[gr.components.Component, ...]
    about: Drawn
    card: Drawn
    answer: AnswerText

    @property
    def place(self) -> Place:
        return Place(self.card, self.answer)

    @property
    def changes(self) -> list[Any]:
        """The events after which a prompt may meet something else here; `edit` is an `about` that was begun anew."""
        _, effort, model, _, limit, _, replays, _ = self.fields
        return [effort.input, model.input, limit.blur, replays.input, self.about.edit]


def build(registry: Registry, index: int, settings: Settings | None) -> Slot:
    letter = view.LETTERS[index]
    shown = settings or Settings()
    backend = registry.find(shown.backend)
    with gr.Column(
        visible=settings is not None, min_width=280, elem_id=f"lane-{letter}", elem_classes="lane"
    ) as column:
        with gr.Column(min_width=0, elem_classes="choice"):
            name = Choice(
                choices(registry),
                value=shown.backend,
                label=f"Lane {letter}",
                elem_id=f"backend-{letter}",
                elem_classes="backend",
                filterable=False,
            )
            with gr.Row(elem_classes="settings"):
                effort = Options(
                    efforts(registry, backend),
                    value=shown.effort,
                    label="Effort",
                    elem_id=f"effort-{letter}",
                    elem_classes="inline",
                )
                with gr.Accordion("Settings", open=False, elem_classes="unfolds"):
                    rest = _settings(registry, letter, shown, backend)
            said = Drawn("about", about.known(registry, backend), elem_id=f"about-{letter}")
        with gr.Column(min_width=0, elem_classes="said"):
            card = Drawn("lane", cards.idle(), elem_id=f"card-{letter}")
            answer = AnswerText(elem_id=f"answer-{letter}", elem_classes="answer", latex_delimiters=LATEX)
    model, temperature, limit, _, replays, _ = rest
    chosen = [name, effort, temperature, limit, said]
    changed = [effort, model, temperature, limit, replays, said, card]
    # who chooses again while the first choice is on its way means the second
    name.input(partial(chosen_backend, registry), chosen, changed, trigger_mode="always_last", **PRIVATE)
    return Slot(column, (name, effort, *rest), said, card, answer)


def offer(registry: Registry, discovery: Discovery, slots: Sequence[Slot]) -> None:
    """Keeps lists as servers now are: a few events for all lanes, since each one costs every page."""
    names, models = [slot.fields[0] for slot in slots], [slot.fields[2] for slot in slots]
    opened, closed = [name.focus for name in names], [name.blur for name in names]
    # how each backend is stands in the list only while it is open: what was chosen would go on saying it
    gr.on(opened, lambda: [gr.Dropdown(choices=choices(registry, discovery))] * len(names), None, names, **PRIVATE)
    gr.on(closed, lambda: [gr.Dropdown(choices=choices(registry))] * len(names), None, names, **PRIVATE)
    gr.on([model.focus for model in models], partial(offered_models, registry, discovery), names, models, **PRIVATE)


def _settings(
    registry: Registry, letter: str, shown: Settings, backend: Backend | None
) -> tuple[gr.components.Component, ...]:
    """The fields after the first two."""
    model = Choice(
        models(backend, ()),
        value=shown.model,
        label="Model id",
        allow_custom_value=True,
        elem_id=f"model-{letter}",
    )
    with gr.Row():
        empty = {"placeholder": UNSET, "min_width": 110}
        temperature = Figure(shown.temperature, label="Temperature", step=0.1, elem_id=f"temperature-{letter}", **empty)
        limit = Figure(shown.max_tokens, label="Max tokens", precision=0, elem_id=f"limit-{letter}", **empty)
        seed = Figure(shown.seed, label="Seed", precision=0, elem_id=f"seed-{letter}", **empty)
    replays = gr.Checkbox(**goes_back(registry, backend, shown.replays), elem_id=f"replays-{letter}")
    waits = gr.Checkbox(shown.waits, label="If the server asks to wait: wait, ask again", elem_id=f"waits-{letter}")
    return model, temperature, limit, seed, replays, waits


def choices(registry: Registry, discovery: Discovery | None = None) -> list[tuple[str, str]]:
    """Every backend; with `discovery`, how it is, where that is known."""
    found = []
    for each in registry.backends:
        reach = discovery.status(each.name).reach if discovery else Reach.UNKNOWN
        parts = [each.name, each.model.split("/")[-1], each.artifact, "" if reach is Reach.UNKNOWN else reach]
        found.append((" · ".join(dict.fromkeys(part for part in parts if part)), each.name))
    return found


def models(backend: Backend | None, found: Sequence[str]) -> list[str]:
    """The declared model first, then those that the server offers."""
    return list(dict.fromkeys(model for model in (backend and backend.model, *found) if model))


def efforts(registry: Registry, backend: Backend | None) -> list[tuple[str, str]]:
    return [(effort or "not sent", effort) for effort in (registry.efforts(backend) if backend else ())]


def goes_back(registry: Registry, backend: Backend | None, wanted: bool | None) -> dict[str, Any]:
    """The checkbox of the lane's own reasoning: where its kind takes none, it only says so."""
    able = backend is None or asking.can_replay(registry, backend)
    return {"value": able and bool(wanted), "label": REPLAYS if able else NO_REPLAY, "interactive": able}


def weighed_parts(slots: Sequence[Slot]) -> list[Any]:
    """The components that weighing a prompt updates, in the order of `weighed`."""
    return [component for slot in slots for component in (slot.about, slot.fields[TEMPERATURE])]


def weighed(said: dict[str, Any], advised: float | None) -> list[Any]:
    """Of one lane: what is said of it, and what an empty temperature stands for."""
    return [said, gr.Number(placeholder=UNSET if advised is None else f"{advised:g} advised")]


def chosen_backend(
    registry: Registry,
    name: str,
    effort: str | None,
    temperature: float | None,
    limit: float | None,
    said: dict[str, Any] | None,
) -> Any:
    """The effort stays where the new backend has it too; what the backend before had begun with does not. A list that
    is only left by the keyboard sends what was chosen already."""
    before = (said or {}).get("backend", "")
    if name == before:
        return gr.skip()
    backend, starts = registry.find(name), asking.first_settings(registry, name)
    began = asking.first_settings(registry, before)
    offered = efforts(registry, backend)
    kept = effort if effort in [value for _, value in offered] else offered[0][1]
    return (
        gr.Radio(choices=offered, value=kept),
        backend and backend.model,
        starts.temperature if temperature == began.temperature else temperature,
        starts.max_tokens if limit == began.max_tokens else limit,
        gr.Checkbox(**goes_back(registry, backend, True)),
        about.known(registry, backend),
        cards.idle(again=True),
    )


def offered_models(registry: Registry, discovery: Discovery, *names: str) -> list[gr.Dropdown]:
    found = [[model.id for model in discovery.status(name).server.models] for name in names]
    return [gr.Dropdown(choices=models(registry.find(name), ids)) for name, ids in zip(names, found, strict=True)]


def fill(registry: Registry, slots: Sequence[Slot], chosen: Sequence[Settings]) -> list[Any]:
    """Updates for `filled(slots)`: the chosen lanes shown, the others hidden."""
    updates: list[Any] = []
    for index in range(len(slots)):
        settings = chosen[index] if index < len(chosen) else None
        updates.append(gr.update(visible=settings is not None))
        if settings is None:
            updates += [gr.skip()] * (asking.FIELDS + 1)
            continue
        name, effort, *rest, replays, waits = astuple(settings)
        backend = registry.find(name)  # an old comparison may name one that is not declared any more
        shown = gr.Dropdown(choices=choices(registry), value=name)  # one may have been declared since the page was made
        updates += [shown, gr.Radio(choices=efforts(registry, backend), value=backend and effort), *rest]
        said = about.known(registry, backend) if backend else about.undeclared(name)
        updates += [gr.Checkbox(**goes_back(registry, backend, replays)), waits, said]
    return updates


def filled(slots: Sequence[Slot]) -> list[Any]:
    """The components that `fill` updates: of every slot its column, its fields, what is said about it."""
    return [component for slot in slots for component in (slot.column, *slot.fields, slot.about)]
