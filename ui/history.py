"""The History tab: what was compared, newest first, found by words and filters that the address keeps.

A row opens on the Compare tab; lanes of two rows make a new comparison; the whole list can go to the rating queue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import gradio as gr

from storage.comparison import Filter, Place, Question
from storage.errors import RatingError, StorageError
from storage.recorder import Recorder
from storage.store import Store
from ui import asking, view, viewer
from ui.asking import MOST, Problem
from ui.compare import Compare
from ui.component import PRIVATE, Drawn

ROWS = 25
FIELDS = {
    "q": "words",
    "backend": "backend",
    "artifact": "artifact",
    "effort": "effort",
    "flag": "flag",
    "by": "evaluator",
    "tag": "tag",
    "rated": "rated",
    "origin": "origin",
}
"""What the address calls the fields of a filter; its days come apart, as moments by the viewer's clock."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the tab does, named for the person's acts."""

    store: Store
    recorder: Recorder

    async def find(self, event: gr.EventData, request: gr.Request) -> dict[str, Any]:
        """The page that the list asked for; the newest where it named none that can be read."""
        sent = _sent(event)
        before = int(sent["before"]) if str(sent.get("before", "")).isdecimal() else None
        page = await self.store.page(before, ROWS, wanted(sent), viewer.of(request))
        return {
            "number": sent.get("number"),
            "filter": _texts(sent.get("filter")),
            "choices": _choices(await self.store.choices(viewer.of(request))),
            "rows": [view.history_row(row) for row in page.rows],
            "next": str(page.next or ""),
            "first": before is None,
        }

    async def count(self, event: gr.EventData, shown: Any, request: gr.Request) -> Any:
        """Before all that is found goes to the rating queue: how much that is."""
        found = await self.store.found(wanted(_sent(event)), viewer.of(request))
        return {**shown, "queue": {"count": len(found)}}

    async def enqueue(self, event: gr.EventData, shown: Any, request: gr.Request) -> Any:
        """Asks for so many ratings of each."""
        sent = _sent(event)
        try:
            overlap = int(sent.get("overlap") or 0)
            found = await self.store.found(wanted(sent), viewer.of(request))
            await self.store.enqueue(found, overlap)
            return {**shown, "queue": {"count": len(found), "overlap": overlap}}
        except (RatingError, StorageError, ValueError) as error:
            return {**shown, "queue": {"problem": str(error)}}

    async def combine(self, event: gr.EventData, request: gr.Request) -> Any:
        """A new comparison of lanes of stored ones, none of which is asked again."""
        try:
            run = await self._combined(_sent(event).get("lanes"), viewer.of(request))
            return run, run, gr.update(selected="compare")
        except (Problem, StorageError) as problem:
            gr.Warning(str(problem))
            return gr.skip(), gr.skip(), gr.skip()

    async def _combined(self, lanes: Any, who: str) -> str:
        places = [Place(str(run), int(position)) for run, position in lanes or ()]
        if not 2 <= len(places) <= MOST:
            raise Problem(f"Choose 2 to {MOST} lanes.")
        kept = {run: await self._told(run, who) for run in {place.comparison_id for place in places}}
        if len({each.prompt for each in kept.values()}) > 1:
            raise Problem("These comparisons ask different prompts: only lanes of one prompt can stand side by side.")
        asked = [kept[run].lanes[position] for run, position in places]
        return await self.recorder.compare(
            next(iter(kept.values())).prompt,
            [(each.lane, each.prompt) for each in asked],
            maker=who,
            kept=dict(enumerate(places)),
        )

    async def _told(self, run: str, who: str) -> Question:
        showing = await self.store.show(run, who)
        question = await self.store.question(run)
        if showing is None or question is None:
            raise Problem("A comparison to take lanes from is not here any more.")
        if showing.sealed:
            raise Problem("Rate the blind comparison first: until then its lanes stay hidden.")
        return question


def wanted(sent: Mapping[str, Any]) -> Filter:
    """The filter that the list sent; what can't be read of it is left out."""
    texts = _texts(sent.get("filter"))
    fields = {field: asking.clean(texts[name]) for name, field in FIELDS.items() if name in texts}
    return Filter(**fields, since=_moment(sent.get("since")), before=_moment(sent.get("until")))


def _texts(sent: Any) -> dict[str, str]:
    return (
        {str(name): value for name, value in sent.items() if isinstance(value, str)} if isinstance(sent, dict) else {}
    )


def _moment(sent: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(sent))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _sent(event: gr.EventData) -> dict[str, Any]:
    return event._data if isinstance(event._data, dict) else {}


def _choices(kept: Mapping[str, tuple[str, ...]]) -> dict[str, list[dict[str, str]]]:
    titles = {"flag": view.titled, "origin": {"shipped": "shipped recordings", "imported": "answered elsewhere"}.get}
    return {
        name: [{"value": value, "title": titles.get(field, str)(value) or value} for value in kept.get(field, ())]
        for name, field in FIELDS.items()
    }


def open_run(event: gr.EventData) -> tuple[str, str, Any]:
    run = str(event._data["run"])
    return run, run, gr.update(selected="compare")


def build(store: Store, recorder: Recorder, compare: Compare, tabs: gr.Tabs) -> None:
    does = Handlers(store, recorder)
    rows = Drawn("history", needs=("ask", "tab", "export"), elem_id="history")
    opened = [compare.run, compare.source, tabs]
    rows.find(does.find, None, rows, trigger_mode="multiple", **PRIVATE)  # of what waits, Gradio would lose the data
    rows.count(does.count, rows, rows, **PRIVATE)
    rows.enqueue(does.enqueue, rows, rows, **PRIVATE)
    rows.combine(does.combine, None, opened, **PRIVATE)
    rows.open(open_run, None, opened, **PRIVATE)
