"""Every known fault is found by its probe, and an honest server has none; on simulated servers of every kind."""

import asyncio
from typing import Any

import pytest

from backends.check.result import Check, Verdict
from backends.check.suite import check
from backends.lane import Backend
from backends.registry import load
from tests.fake.faulty import FAULTY, QUICK
from tests.fake.server import KINDS
from tests.fake.serving import Fake

KNOWN = {"sglang": {"brackets"}}  # its parser for Mistral's calls loses each ] to this day


def declared(fake: Fake, server: str, **settings: Any) -> Backend:
    told = {"name": server, "kind": server, "base_url": f"{fake.url}/{server}/v1", "model": QUICK}
    return Backend(**(told | settings))


async def found(backend: Backend, *wanted: str, reference: Backend | None = None) -> Check:
    registry = load(None, {})
    try:
        return await check(registry, backend, reference, wanted)
    finally:
        await registry.aclose()


@pytest.mark.parametrize("model", FAULTY)
async def test_a_fault_is_found_by_its_probe(fake: Fake, model: str) -> None:
    faulty = FAULTY[model]
    backend = declared(fake, faulty.kind, model=model, **faulty.settings)
    reference = declared(fake, "nim", name="reference", model="simulated") if faulty.probe == "parity" else None
    (finding,) = (await found(backend, faulty.probe, reference=reference)).findings
    assert (finding.probe, finding.verdict) == (faulty.probe, faulty.verdict), finding
    assert faulty.word.lower() in finding.said.lower()


async def test_an_honest_server_of_any_kind_fails_nothing_but_what_its_kind_is_known_for(fake: Fake) -> None:
    backends = [declared(fake, kind, artifact="FP8 + eagle" if kind == "nim" else "") for kind in KINDS]
    reference = declared(fake, "openai", name="reference")
    checks = await asyncio.gather(*(found(each, reference=reference) for each in backends))
    failed = {each.kind: {finding.probe for finding in each.failed} for each in checks}
    assert failed == {kind: KNOWN.get(kind, set()) for kind in KINDS}, [each.failed for each in checks]
    doubts = {
        (each.kind, finding.probe)
        for each in checks
        for finding in each.findings
        if finding.verdict is Verdict.DOUBTFUL
    }
    assert doubts == set()
