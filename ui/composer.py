"""The box that asks: the prompt and its images, the system prompt, tools. It only lays out; `asking` reads."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from backends.schedule import Schedule
from storage.plan import BLIND, Pace, Plan, Traces
from ui import asking, examples, toolbox
from ui.component import PRIVATE, Choice, Drawn, Figure, Options
from ui.examples import PRESETS, SYSTEM
from ui.toolbox import Fields, Problem

TOOLS = "Tools"
RUNS = "How it runs"
PANELS = 4  # unfold below the prompt
HELP = {
    "blind": "Lanes are shuffled, and nothing tells which is which before you rate.",
    "schedule": "At once, lanes on one server slow each other down. One after another, times are fair.",
    "warm-up": "A small request to each server and model, so that loading a model is no lane's latency.",
    "samples": "More than one shows how far times and texts vary; the first is shown and rated.",
}
CHOICE_NAMES = {"": "the server's own"}


@dataclass(frozen=True, slots=True)
class Tools:
    """The Tools part: `fields` are in the order of `toolbox.Fields`; a problem stands under each of the two editors."""

    part: gr.Accordion
    fields: tuple[Component, ...]
    problems: tuple[Drawn, Drawn]
    presets: tuple[gr.Button, ...]

    @property
    def filled(self) -> list[Any]:
        """What `fill` updates."""
        return [*self.fields, self.part, *self.problems]


@dataclass(frozen=True, slots=True)
class Composer:
    """`panels` unfold below the prompt; `settled` is clicked by the page's script when the prompt is written; `chosen`
    are the events of something ready having been filled in."""

    prompt: gr.MultimodalTextbox
    system: gr.Textbox
    sizes: Options
    plan: tuple[Component, ...]
    tools: Tools
    panels: tuple[gr.Accordion, ...]
    follow: gr.Checkbox
    stop: gr.Button
    add: gr.Button
    settled: gr.Button
    chosen: tuple[Any, ...]

    @property
    def changes(self) -> list[Any]:
        """The events after which what is asked may be another, and nobody is writing at it."""
        functions, *_ = self.tools.fields
        return [self.settled.click, self.system.blur, functions.blur, self.sizes.input]


def build() -> Composer:
    with gr.Group(elem_id="composer"):
        prompt = gr.MultimodalTextbox(
            show_label=False,
            label="Prompt",
            placeholder="Ask all lanes at once. Drop, paste or choose images.",
            file_count="multiple",
            file_types=["image"],
            max_plain_text_length=1_000_000,
            max_lines=8,
            submit_btn="Run",
            elem_id="prompt",
        )
        sizes = Options(
            [asking.REDUCED, asking.AS_THEY_ARE],
            value=asking.REDUCED,
            label="Images",
            **_inline("sizes"),
        )
        with gr.Row(elem_id="acts"):
            with gr.Accordion("Prompts", open=False, elem_classes="unfolds", elem_id="library-part") as part:
                library = Drawn("library", examples.cards(), elem_id="library")
            with gr.Accordion("System prompt", open=False, elem_classes="unfolds") as before:
                system = gr.Textbox(SYSTEM, show_label=False, label="System prompt", lines=2, elem_id="system")
            tools = _tools()
            running, plan = _plan()
            follow = gr.Checkbox(label="Follow up, each lane with its own history", visible=False, elem_id="follow")
            stop = gr.Button("Stop all", size="sm", variant="stop", visible=False, elem_id="stop")
            add = gr.Button("Add lane", size="sm", elem_id="add")
        settled = gr.Button(visible="hidden", elem_id="settled")
    chosen = [library.pick(pick, None, [prompt, system, follow, part, *tools.filled], **PRIVATE)]
    chosen += [
        button.click(partial(fill, each.fields), None, tools.filled, **PRIVATE)
        for button, each in zip(tools.presets, PRESETS, strict=True)
    ]
    panels = (part, before, tools.part, running)
    return Composer(prompt, system, sizes, plan, tools, panels, follow, stop, add, settled, tuple(chosen))


def _plan() -> tuple[gr.Accordion, tuple[Component, ...]]:
    """How it runs and is shown: the panel, and the fields of `asking.plan` in their order."""
    usual = Plan()
    with gr.Accordion(RUNS, open=False, elem_classes="unfolds", elem_id="plan-part") as part:
        blind = gr.Checkbox(False, label="Blind, until it is rated", info=HELP["blind"], elem_id="blind")
        with gr.Row(elem_classes="settings", visible=False) as hidden:
            pace = Options(
                [str(each) for each in Pace], value=str(BLIND.pace), label="Answers appear", **_inline("pace")
            )
            traces = Options(
                [str(each) for each in Traces], value=str(BLIND.traces), label="Reasoning", **_inline("traces")
            )
        schedule = Options(
            [str(each) for each in Schedule],
            value=str(usual.schedule),
            label="Lanes are asked",
            info=HELP["schedule"],
            elem_id="schedule",
        )
        warm_up = gr.Checkbox(usual.warm_up, label="Warm-up request first", info=HELP["warm-up"], elem_id="warm-up")
        samples = Figure(
            usual.samples, label="Samples per lane", info=HELP["samples"], precision=0, minimum=1, elem_id="samples"
        )
    fields = (blind, pace, traces, schedule, warm_up, samples)
    blind.change(lambda on: gr.update(visible=bool(on)), blind, hidden, **PRIVATE)
    changes = [blind.change, schedule.change, warm_up.change, samples.change]
    gr.on(changes, planned, [blind, schedule, warm_up, samples], part, **PRIVATE)
    return part, fields


def planned(blind: bool | None, schedule: str | None, warm_up: bool | None, samples: float | None) -> Any:
    """The part's label says what is not as usual."""
    odd = [
        "blind" if blind else "",
        schedule if schedule == Schedule.SEQUENTIAL else "",
        "warm-up" if warm_up else "",
        f"{samples:g} samples" if samples and samples != 1 else "",
    ]
    said = ", ".join(filter(None, odd))
    return gr.update(label=f"{RUNS} ({said})" if said else RUNS)


def _tools() -> Tools:
    start = Fields()
    json: dict[str, Any] = {"language": "json", "lines": 3, "max_lines": 14, "wrap_lines": True}
    with gr.Accordion(TOOLS, open=False, elem_classes="unfolds", elem_id="tools-part") as part:
        with gr.Row(elem_classes="presets"):
            presets = tuple(gr.Button(each.name, size="sm", elem_classes="example") for each in PRESETS)
        functions = gr.Code(start.tools, label="Tools as JSON", elem_id="tools", **json)
        problem = Drawn("notice", elem_id="tools-problem")
        with gr.Row(elem_classes="settings"):
            choice = Choice(
                _choices(()), value=start.choice, label="Tool choice", filterable=False, **_inline("choice")
            )
            results = Options(
                [toolbox.STOP, toolbox.ANSWER], value=start.results, label="When a tool is called", **_inline("results")
            )
        with gr.Column(visible=False, elem_id="answering") as answering:
            canned = gr.Code(start.canned, label="Canned results as JSON", elem_id="canned", **json)
            canned_problem = Drawn("notice", elem_id="canned-problem")
            with gr.Row(elem_classes="settings"):
                built_in = gr.Checkbox(start.built_in, label="built-in tools", **_inline("built-in"))
                by_hand = gr.Checkbox(start.by_hand, label="ask me (type results by hand)", **_inline("by-hand"))
                rounds = Figure(start.rounds, label="rounds at most", precision=0, **_inline("rounds"))
    fields = (functions, choice, results, canned, built_in, by_hand, rounds)
    results.change(answering_shown, results, answering, **PRIVATE)
    for editor in (functions, canned):
        editor.blur(checked, fields, [part, choice, problem, canned_problem], trigger_mode="always_last", **PRIVATE)
    return Tools(part, fields, (problem, canned_problem), presets)


def _inline(name: str) -> dict[str, str]:
    return {"elem_id": name, "elem_classes": "inline"}


def answering_shown(results: str | None) -> Any:
    return gr.update(visible=results == toolbox.ANSWER)


def checked(*fields: Any) -> list[Any]:
    """The number of tools, the choice among them, and what is wrong with either editor."""
    given = Fields(*fields)
    try:
        functions = toolbox.tools(given.tools)
    except Problem as problem:
        return [gr.skip(), gr.skip(), str(problem), gr.skip()]
    offered = toolbox.choices(functions)
    choice = gr.Dropdown(choices=_choices(functions), value=given.choice if given.choice in offered else "auto")
    try:
        toolbox.canned(given.canned, functions)
    except Problem as problem:
        return [_part(len(functions)), choice, "", str(problem)]
    return [_part(len(functions)), choice, "", ""]


def fill(fields: Fields) -> list[Any]:
    """Ready tools in place of what was there; nothing is wrong with them."""
    functions = toolbox.tools(fields.tools)
    tools, choice, *rest = astuple(fields)
    return [tools, gr.Dropdown(choices=_choices(functions), value=choice), *rest, _part(len(functions)), "", ""]


def _part(count: int) -> Any:
    return gr.update(label=f"{TOOLS} ({count})" if count else TOOLS)


def _choices(functions: Sequence[Any]) -> list[tuple[str, str]]:
    return [(CHOICE_NAMES.get(choice, choice), choice) for choice in toolbox.choices(functions)]


def pick(event: gr.EventData) -> list[Any]:
    """The prompt, the system prompt, the follow-up box, the library (closed), and the tools."""
    chosen = examples.find(event._data.get("name"))
    if chosen is None:
        raise ValueError("The library has no such prompt.")
    prompt = {"text": chosen.text, "files": [str(path) for path in chosen.images]}
    return [prompt, SYSTEM, chosen.follows, gr.update(open=False), *fill(chosen.tools)]
