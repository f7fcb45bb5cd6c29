"""The History tab: what was compared, newest first, page by page; a row opens on the Compare tab."""

from typing import Any

import gradio as gr

from storage.comparison import Filter
from storage.store import Store
from ui import view
from ui.compare import Compare
from ui.component import PRIVATE, Drawn

ROWS = 25


class Handlers:
    def __init__(self, store: Store) -> None:
        self.store = store

    async def newest(self, shown: Any) -> dict[str, Any]:
        """The first page, still filtered as `shown`."""
        return await self._page(None, _flag(shown))

    async def turn(self, event: gr.EventData) -> dict[str, Any]:
        """The page after the cursor that the list sent; the newest where it sent none that can be read."""
        try:
            before = int(event._data["before"])
        except (KeyError, TypeError, ValueError):
            before = None
        return await self._page(before, _flag(event._data))

    async def _page(self, before: int | None, flag: str) -> dict[str, Any]:
        flags = (await self.store.choices())["flag"]
        chosen = flag if flag in flags else ""
        page = await self.store.page(before, ROWS, Filter(flag=chosen))
        return view.history(page, flags, chosen, first=before is None)


def _flag(sent: Any) -> str:
    """The filter that the list sent; "" is none."""
    return str(sent.get("flag", "")) if isinstance(sent, dict) else ""


def open_run(event: gr.EventData) -> tuple[str, str, Any]:
    run = str(event._data["run"])
    return run, run, gr.Tabs(selected="compare")


def build(store: Store, compare: Compare, tabs: gr.Tabs, tab: gr.Tab) -> None:
    does = Handlers(store)
    rows = Drawn("history", elem_id="history")
    tab.select(does.newest, rows, rows, **PRIVATE)
    rows.turn(does.turn, None, rows, **PRIVATE)
    rows.open(open_run, None, [compare.run, compare.source, tabs], **PRIVATE)
