"""The History tab: what was compared, newest first, page by page; a row opens on the Compare tab."""

from datetime import datetime
from typing import Any

import gradio as gr

from storage.comparison import Cursor
from storage.store import Store
from ui import view
from ui.compare import PRIVATE, Compare
from ui.lane import Drawn

ROWS = 25


class Handlers:
    def __init__(self, store: Store) -> None:
        self.store = store

    async def newest(self) -> dict[str, Any]:
        return view.history(await self.store.page(limit=ROWS), first=True)

    async def turn(self, event: gr.EventData) -> dict[str, Any]:
        """The page after the cursor that the list sent; the newest where it sent none that can be read."""
        try:
            at, _, run = event._data["before"].partition("/")
            before = Cursor(datetime.fromisoformat(at), run)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            return await self.newest()
        return view.history(await self.store.page(before, ROWS), first=False)


def open_run(event: gr.EventData) -> tuple[str, str, Any]:
    run = str(event._data["run"])
    return run, run, gr.Tabs(selected="compare")


def build(store: Store, compare: Compare, tabs: gr.Tabs, tab: gr.Tab) -> None:
    does = Handlers(store)
    rows = Drawn("history", elem_id="history")
    tab.select(does.newest, None, rows, **PRIVATE)
    rows.turn(does.turn, None, rows, **PRIVATE)
    rows.open(open_run, None, [compare.run, compare.source, tabs], **PRIVATE)
