"""Warms a server up: a small request before the first lane there, seen by nobody, whose failure is no lane's."""

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import replace

from backends.errors import BackendError
from backends.events import Warmed
from backends.kind import Stream
from backends.lane import Lane
from backends.prompt import Prompt, UserTurn

log = logging.getLogger(__name__)

LONGEST = 120.0  # seconds: a server may load its model now
SMALL = Prompt("", (UserTurn("Hi"),))


def first_there(lanes: Iterable[tuple[int, Lane]]) -> list[int]:
    """Of the numbered lanes, the first of each server and model."""
    first: dict[tuple[str, str, str], int] = {}
    for index, lane in lanes:
        backend = lane.backend
        first.setdefault((backend.kind, backend.base_url, lane.model or backend.model), index)
    return list(first.values())


async def warmed(stream: Stream, lane: Lane, longest: float = LONGEST) -> Warmed:
    """How long it took, and why it failed where it did."""
    began, failure = time.monotonic(), ""
    try:
        async with asyncio.timeout(longest), aclosing(stream(replace(lane, max_tokens=1), SMALL)) as events:
            async for _ in events:
                pass
    except BackendError as error:
        failure = str(error)
    except TimeoutError:
        failure = f"{lane.backend.name} did not answer within {longest:g} s."
    except Exception as error:
        log.exception("the warm-up of %r broke", lane.label)
        failure = f"Something broke inside Lanewise ({type(error).__name__})."
    return Warmed(time.monotonic() - began, failure)
