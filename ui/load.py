"""The part "Load" of the Measure tab."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backends.registry import Registry
from storage.store import Store
from suites.measuring import Measurable
from ui.toolbox import Problem

if TYPE_CHECKING:
    from ui.measure import Found


class Load:
    kind, name = "load", "Load"

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry, self._store = registry, store

    async def choices(self, who: str) -> dict[str, Any]:
        return {}

    async def planned(self, form: Mapping[str, Any], who: str) -> Measurable:
        raise Problem("This can't be measured yet.")

    def result(self, found: "Found") -> dict[str, Any]:
        return {}

    def beside(self, found: "Found", other: "Found") -> dict[str, Any]:
        raise Problem("These can't be compared yet.")

    def rows(self, found: "Found") -> Sequence[Mapping[str, Any]]:
        return []
