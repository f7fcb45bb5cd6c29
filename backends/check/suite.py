"""Asks a backend one probe after another, through the app's own runner, and says what was found.

Nothing is repaired or asked twice. What breaks inside a probe is that probe's failure; the others go on.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

from backends.check import delivery, facts, reasoning, sight, system, tools
from backends.check.advice import of_error
from backends.check.probe import Ask, Heard, Probe, Said, Subject, doubtful, failed, skipped
from backends.check.reach import REACH, reached, small_talk
from backends.check.result import Check, Exchange, Finding
from backends.check.transcript import exchange
from backends.errors import BackendError
from backends.events import Failed
from backends.lane import Backend
from backends.registry import Registry
from backends.runner import Run
from backends.schedule import Schedule
from backends.status import Reach, Status

log = logging.getLogger(__name__)

AT_ONCE = 4  # probes, each of which asks one question after another
LONGEST = 180.0  # seconds for all the questions of one probe
LATER = ("rate_limit", "overloaded", "loading")  # errors that say nothing of how the backend is set up

PROBES = (REACH, *facts.PROBES, *delivery.PROBES, *system.PROBES, *reasoning.PROBES, *tools.PROBES, *sight.PROBES)


def probes() -> tuple[Probe, ...]:
    """All of them, in the order in which they are asked and told."""
    return PROBES


async def check(
    registry: Registry,
    backend: Backend,
    reference: Backend | None = None,
    wanted: Collection[str] = (),
    done: Callable[[Finding], object] = lambda finding: None,
) -> Check:
    """A whole check; `done` is told each finding as it is there. For the rest, see `checked`."""
    at, findings = datetime.now(UTC), []
    async for finding in checked(registry, backend, reference, wanted):
        findings.append(finding)
        done(finding)
    status = await _status(registry, backend)
    told, version = status.model(backend.model), status.server.version
    model = backend.model or (told.id if told else "")
    return Check(backend.name, backend.kind, model, backend.artifact, version, at, tuple(findings))


async def checked(
    registry: Registry, backend: Backend, reference: Backend | None = None, wanted: Collection[str] = ()
) -> AsyncGenerator[Finding]:
    """The findings, one by one as they are there, in the order of `probes()`; those of `wanted` alone, where it names
    any. `reference` is another backend that serves the same model. Raises BackendError for an unknown kind."""
    began, kind = time.monotonic(), registry.kind(backend)
    subject = Subject(kind, backend, registry.efforts(backend), Status(), reference)
    heard = await _heard(registry, subject, small_talk(subject))  # first, since it may start the server
    subject = replace(subject, status=await _status(registry, backend))
    finding = _found(REACH, reached(subject, heard), heard, began)
    asked = [probe for probe in PROBES if not wanted or probe.name in wanted]
    if REACH in asked:
        yield finding
    rest = [probe for probe in asked if probe is not REACH]
    if heard[0].answer.failure:
        for probe in rest:
            yield _found(probe, skipped("Not asked: see whether it can be reached."), (), time.monotonic())
        return
    for alone, group in groupby(rest, key=lambda probe: probe.alone):
        together = asyncio.Semaphore(1 if alone else AT_ONCE)
        tasks = [asyncio.create_task(_probed(registry, probe, subject, together)) for probe in group]
        try:
            for task in tasks:
                yield await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _probed(registry: Registry, probe: Probe, subject: Subject, together: asyncio.Semaphore) -> Finding:
    async with together:
        began = time.monotonic()
        heard: tuple[Heard, ...] = ()
        try:
            asks = probe.asks(subject)
            if isinstance(asks, Said):
                return _found(probe, asks, (), began)
            heard = await _heard(registry, subject, asks)
            if probe.looks_again:
                subject = replace(subject, after=await _status(registry, subject.backend))
            if failure := _unanswered(subject, probe, heard):
                return _found(probe, failure, heard, began)
            # in a thread: to count tokens takes a second
            return _found(probe, await asyncio.to_thread(probe.judge, subject, heard), heard, began)
        except Exception as error:
            log.exception("the probe %r broke", probe.name)
            broken = failed(
                f"It could not be judged: something broke inside Lanewise ({type(error).__name__}).",
                "Please report it with the log.",
            )
            return _found(probe, broken, heard, began)


async def _heard(registry: Registry, subject: Subject, asks: Sequence[Ask]) -> tuple[Heard, ...]:
    """The answers, asked for one after another; those that took too long are failures as any other."""
    if not asks:
        return ()
    run = Run(registry.stream, asks, schedule=Schedule.SEQUENTIAL)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST):
                await run.ended()
    finally:
        run.stop(end=Failed("timeout", f"{subject.backend.name} was not done after {LONGEST:g} s."))
        await run.ended()
    recordings = [[entry.stamped for entry in run.log if entry.lane == place] for place in range(len(asks))]
    return tuple(
        Heard(lane, prompt, answer, recording)
        for (lane, prompt), answer, recording in zip(asks, run.answers(), recordings, strict=True)
    )


async def _status(registry: Registry, backend: Backend) -> Status:
    try:
        return await registry.client(backend).discover()
    except BackendError as error:
        return Status(Reach.REFUSED, problem=str(error), at=datetime.now(UTC))


def _unanswered(subject: Subject, probe: Probe, heard: Sequence[Heard]) -> Said | None:
    """What is said where an answer is missing, unless the probe has its own words for that."""
    failures = [each.answer.failure for each in heard if each.answer.failure]
    if later := [failure for failure in failures if failure.kind in LATER]:
        return doubtful(f"It could not be asked now. {later[0].message}", "Check again later.")
    if not failures or probe.takes_failures:
        return None
    return failed(failures[0].message, of_error(failures[0].kind, subject.kind))


def _found(probe: Probe, said: Said, heard: Sequence[Heard], began: float) -> Finding:
    exchanges: tuple[Exchange, ...] = tuple(map(exchange, heard))
    took = round(time.monotonic() - began, 3)
    return Finding(probe.name, probe.title, said.verdict, said.words, said.advice, exchanges, took)
