"""The Backends tab: what each server tells of itself. Its list is JSON that the page asks for; no address, no key."""

from collections.abc import Mapping
from typing import Any

from backends.discovery import Discovery
from backends.lane import Backend
from backends.registry import Registry
from backends.status import Status
from ui.component import Drawn

Marks = Mapping[str, dict[str, Any]]
"""By name, how the last check of a backend has failed."""


def listed(registry: Registry, discovery: Discovery, marks: Marks) -> list[dict[str, Any]]:
    """All backends as they are known to be now."""
    return [shown(registry, backend, discovery.status(backend.name), marks) for backend in registry.backends]


def shown(registry: Registry, backend: Backend, status: Status, marks: Marks) -> dict[str, Any]:
    server, model = status.server, status.model(backend.model)
    return {
        "name": backend.name,
        "kind": backend.kind,
        "title": registry.kind(backend).title,
        "model": backend.model or (model.id if model else ""),
        "artifact": backend.artifact,
        "note": backend.note,
        "efforts": registry.efforts(backend),
        "reach": status.reach,
        "problem": status.problem,
        "version": server.version,
        "context": backend.context or (model.context if model else None),
        "vision": model.vision if model else None,
        "parsers": server.parsers,
        "models": [each.id for each in server.models],
        "latency_ms": None if status.latency is None else status.latency / 1000,
        "load": server.load,
        "asked_at": status.at,
        "trouble": status.trouble and {"problem": status.trouble.problem, "at": status.trouble.at},
        "checked": marks.get(backend.name),
    }


def build() -> None:
    Drawn("backends", needs=("tab",), elem_id="backends")
