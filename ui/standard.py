"""The presets of lanes that every app offers, made of what is declared. Knows no gradio."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from backends.declaration import kinds
from backends.lane import Backend
from backends.model import family
from backends.registry import Registry
from ui import asking
from ui.asking import Settings
from ui.view import listed

ARTIFACTS = ("FP8", "NVFP4", "FP8 + eagle")
KINDS = ("mistral", "vllm", "nim")

Chosen = tuple[Backend, ...]


@dataclass(frozen=True, slots=True)
class Standard:
    """`missing` says what to do before it can be chosen; it has no lanes then."""

    name: str
    lanes: tuple[Settings, ...] = ()
    missing: str = ""


def presets(registry: Registry) -> tuple[Standard, ...]:
    return _efforts(registry), _artifacts(registry), _backends(registry)


def _efforts(registry: Registry) -> Standard:
    name = "Effort: none against high"
    able = [backend for backend in registry.backends if {"none", "high"} <= set(registry.efforts(backend))]
    if not able:
        return Standard(name, missing="declare a backend with the efforts none and high")
    served = min(able, key=lambda backend: backend.kind == "local")
    return Standard(name, _lanes(registry, [(served, "none"), (served, "high")]))


def _artifacts(registry: Registry) -> Standard:
    name = f"Artifacts: {', '.join(ARTIFACTS)} at one effort"
    offered = {
        artifact: [backend for backend in registry.backends if _plain(backend.artifact) == _plain(artifact)]
        for artifact in ARTIFACTS
    }
    if absent := [artifact for artifact, found in offered.items() if not found]:
        what = (
            f"backends with artifacts {listed(absent)}" if len(absent) > 1 else f"a backend with artifact {absent[0]}"
        )
        return Standard(name, missing=f"declare {what}")
    lanes = _at_one_effort(registry, list(offered.values()), lambda backends: True)
    return Standard(name, lanes, "" if lanes else "declare the three for one model, with an effort in common")


def _backends(registry: Registry) -> Standard:
    name = "Backends: one artifact on API, vLLM, NIM"
    offered = {kind: [backend for backend in registry.backends if backend.kind == kind] for kind in KINDS}
    if absent := [kind for kind, found in offered.items() if not found]:
        variables = [kinds()[kind].key_env if kinds()[kind].base_url else kinds()[kind].url_env for kind in absent]
        return Standard(name, missing=f"set {listed(variables)}, or declare kind {listed(absent)}")
    lanes = _at_one_effort(registry, list(offered.values()), _of_one_artifact)
    return Standard(name, lanes, "" if lanes else "declare the three with one artifact of one model")


def _at_one_effort(
    registry: Registry, offered: Sequence[Sequence[Backend]], fits: Callable[[Chosen], bool]
) -> tuple[Settings, ...]:
    """One backend of each, the first that go together; empty where none do."""
    for backends in product(*offered):
        shared = [
            effort
            for effort in registry.efforts(backends[0])
            if all(effort in registry.efforts(other) for other in backends)
        ]
        if shared and _of_one_model(backends) and fits(backends):
            return _lanes(registry, [(backend, shared[0]) for backend in backends])
    return ()


def _of_one_model(backends: Chosen) -> bool:
    """As far as is known: a server that was declared without a model may serve any."""
    return len({family(backend.model) for backend in backends if backend.model}) <= 1


def _of_one_artifact(backends: Chosen) -> bool:
    """As far as is declared: a hosted service rarely tells."""
    return len({_plain(backend.artifact) for backend in backends if backend.artifact}) <= 1


def _lanes(registry: Registry, asked: Sequence[tuple[Backend, str]]) -> tuple[Settings, ...]:
    return tuple(replace(asking.first_settings(registry, backend.name), effort=effort) for backend, effort in asked)


def _plain(artifact: str) -> str:
    return "".join(artifact.lower().split())
