"""Presets of lanes: chosen, saved under a name, deleted, shared by a link."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr

from backends.registry import Registry
from storage.errors import PresetError, StorageError
from storage.store import Store
from ui import asking, link, standard
from ui.asking import Settings
from ui.component import PRIVATE, Drawn


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the bar does, named for the person's acts; `line_up` gives the updates that put lanes on the page."""

    registry: Registry
    store: Store
    line_up: Callable[[Sequence[Settings]], list[Any]]

    async def offer(self, **said: Any) -> dict[str, Any]:
        """What the bar shows: the presets, and what was just done."""
        ready = [{"name": each.name, "missing": each.missing} for each in standard.presets(self.registry)]
        return {"standard": ready, "own": [each.name for each in await self.store.presets()], **said}

    async def choose(self, event: gr.EventData) -> list[Any]:
        """The notice, then what `line_up` updates."""
        chosen = await self._found(event._data)
        return ["\n".join(asking.problems(self.registry, chosen)), *self.line_up(chosen)]

    async def _found(self, sent: dict[str, Any]) -> list[Settings]:
        name = sent.get("name")
        if not sent.get("own"):
            return [one for each in standard.presets(self.registry) if each.name == name for one in each.lanes]
        kept = [lane for each in await self.store.presets() if each.name == name for lane in each.lanes]
        return [Settings(**{key: value for key, value in lane.items() if key in Settings.__slots__}) for lane in kept]

    async def keep(self, event: gr.EventData, count: float, *fields: Any) -> dict[str, Any]:
        lanes = [asdict(one) for one in asking.settings_of(fields, int(count))]
        try:
            kept = await self.store.keep_preset(asking.clean(str(event._data.get("name", ""))), lanes)
        except (PresetError, StorageError) as error:
            return await self.offer(said=str(error))
        return await self.offer(said="Saved.", chosen=kept.name)

    async def drop(self, event: gr.EventData) -> dict[str, Any]:
        await self.store.drop_preset(str(event._data.get("name", "")))
        return await self.offer(said="Deleted.")

    async def tell(self, event: gr.EventData, count: float, *fields: Any) -> dict[str, Any]:
        """`asked` tells the bar which of its clicks this answers."""
        address = link.address(self.registry, asking.settings_of(fields, int(count)))
        return await self.offer(link=address, asked=event._data.get("asked"), chosen=event._data.get("chosen"))


def build() -> Drawn:
    return Drawn("presets", elem_id="presets")


def wire(page: gr.Blocks, bar: Drawn, does: Handlers, lanes: list[Any], notice: Drawn, shown: list[Any]) -> None:
    """`lanes` are the number of lanes and their fields; `shown` is what `line_up` updates."""
    page.load(does.offer, None, bar, **PRIVATE)
    bar.choose(does.choose, None, [notice, *shown], **PRIVATE)
    bar.keep(does.keep, lanes, bar, **PRIVATE)
    bar.drop(does.drop, None, bar, **PRIVATE)
    bar.tell(does.tell, lanes, bar, **PRIVATE)
