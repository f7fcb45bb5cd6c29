"""How a check goes on: in order, past what breaks, and not at all where nobody answers."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from backends.check import suite
from backends.check.probe import Probe, Subject, passed, question
from backends.check.result import Verdict
from backends.lane import Backend
from backends.registry import Registry, load
from backends.status import Status
from tests.fake.serving import Fake


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    found = load(None, {})
    yield found
    await found.aclose()


def test_names_of_probes_are_their_own() -> None:
    names = [probe.name for probe in suite.probes()]
    assert len(set(names)) == len(names)


async def test_where_nobody_answers_nothing_more_is_asked(registry: Registry) -> None:
    gone = Backend("gone", "vllm", "http://127.0.0.1:9/v1", "m")
    found = await suite.check(registry, gone)
    assert [finding.probe for finding in found.findings] == [probe.name for probe in suite.probes()]
    first, *others = found.findings
    assert (first.verdict, "can't be reached" in first.said) == (Verdict.FAILED, True)
    assert {finding.verdict for finding in others} == {Verdict.SKIPPED}


async def test_findings_come_in_order_with_what_was_sent_and_what_came(registry: Registry, fake: Fake) -> None:
    wanted = ["image", "usage", "streaming"]
    found = await suite.check(registry, fake.backend("vllm"), wanted=wanted, done=lambda finding: None)
    assert [finding.probe for finding in found.findings] == ["usage", "streaming", "image"]
    assert (found.version, found.model) == ("0.0-simulated", "simulated")
    usage, streaming, image = found.findings
    assert {finding.verdict for finding in found.findings} == {Verdict.PASSED}, found.findings
    assert '"What is the capital of France?"' in usage.exchanges[0].sent
    assert "tokens: 15 prompt, 40 completion" in usage.exchanges[0].came
    assert "30 pieces came over 0." in streaming.said
    assert "sha256:" in image.exchanges[0].sent
    assert all(len(exchange.sent) < 5_000 for exchange in image.exchanges)


async def test_what_breaks_in_a_probe_is_its_own_failure(
    registry: Registry, fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    backend = fake.backend("vllm", model="quick")
    subject = Subject(registry.kind(backend), backend, ("none",), Status())
    broken = Probe("broken", "", lambda subject: [(subject.lane(), question("Hi"))], lambda subject, heard: 1 / 0)
    finding = await suite._probed(registry, broken, subject, asyncio.Semaphore())
    assert finding.verdict is Verdict.FAILED
    assert "could not be judged: something broke inside Lanewise (ZeroDivisionError)" in finding.said
    assert finding.exchanges  # what it had heard is kept
    assert "the probe 'broken' broke" in caplog.text


async def test_a_server_that_asks_to_wait_is_no_failure(registry: Registry, fake: Fake) -> None:
    backend = fake.backend("mistral", model="rate-limited")
    subject = Subject(registry.kind(backend), backend, ("none",), Status())
    asks = Probe("asks", "", lambda subject: [(subject.lane(), question("Hi"))], lambda subject, heard: passed("Fine."))
    finding = await suite._probed(registry, asks, subject, asyncio.Semaphore())
    assert (finding.verdict, finding.advice) == (Verdict.DOUBTFUL, "Check again later.")


async def test_who_stops_looking_ends_the_questions(registry: Registry, fake: Fake) -> None:
    before = asyncio.all_tasks()
    findings = suite.checked(registry, fake.backend("vllm"))
    await anext(findings)
    await anext(findings)
    await findings.aclose()
    assert asyncio.all_tasks() == before
