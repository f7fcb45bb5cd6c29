"""The page: its tabs, its theme, its keys."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from backends.discovery import Discovery
from backends.registry import Registry
from storage.recorder import Recorder
from storage.store import Store
from ui import backends, check, compare, history, keys, measure, serve

STYLES = ("page", "serve", "check", "measure", "context", "effort")
CSS = "".join((Path(__file__).parent / "assets" / f"{name}.css").read_text() for name in STYLES)

_LOCAL = gr.themes.utils.fonts.LocalFont
# the 600-weight files that Gradio 6.31 ships have no Latin letters: name the two weights that do
THEME = gr.themes.Default(
    primary_hue="indigo",
    neutral_hue="slate",
    radius_size="md",
    font=[_LOCAL("Source Sans Pro", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif"],
    font_mono=[_LOCAL("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
).set(  # white stands out on these: Gradio's own fall short of 4.5 : 1
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_cancel_background_fill="#dc2626",
    # and so are boxes not checked yet, and who has the keyboard
    checkbox_border_color="*neutral_500",
    checkbox_border_color_dark="*neutral_400",
    input_border_color_focus="*primary_600",
    input_border_color_focus_dark="*primary_400",
    input_shadow_focus="0 0 0 1px *primary_600",
    input_shadow_focus_dark="0 0 0 1px *primary_400",
)

ALIVE = (Path(__file__).parent / "assets" / "alive.js").read_text()
BEGIN = (Path(__file__).parent / "assets" / "page.js").read_text()


def build(
    registry: Registry,
    store: Store,
    recorder: Recorder,
    discovery: Discovery,
    parts: Sequence[measure.Part],
) -> gr.Blocks:
    with gr.Blocks(title="Lanewise", fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gr.HTML("<header class='brand'><b>Lanewise</b><span>one prompt, side by side</span></header>", elem_id="brand")
        keys.build(keys.COMPARE)
        with gr.Tabs(selected="compare") as tabs:
            with gr.Tab("Compare", id="compare"):
                shown = compare.build(page, registry, store, recorder, discovery)
            with gr.Tab("History", id="history"):
                history.build(store, recorder, shown, tabs)
            with gr.Tab("Backends", id="backends"):
                backends.build()
            with gr.Tab("Serve", id="serve"):
                serve.build()
            with gr.Tab("Check", id="check"):
                check.build()
            with gr.Tab("Measure", id="measure"):
                measure.build(parts)
        page.load(None, js=BEGIN)
    return page


def settings() -> dict[str, Any]:
    """What `gr.mount_gradio_app` takes beside a page."""
    return {
        "theme": THEME,
        "css": CSS,
        "js": ALIVE,
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": "20mb",
    }
