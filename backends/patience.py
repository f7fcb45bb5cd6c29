"""Waits for a server that says when to try again, where the person wants it. Nothing else is ever asked twice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from backends.errors import BackendError
from backends.events import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta, Waited
from backends.kind import Stream
from backends.lane import Lane
from backends.prompt import Prompt

LONGEST = 120.0  # seconds


def patient(stream: Stream) -> Stream:
    """The stream, but a lane that `waits` does so once, where the server asks for it before it said anything."""
    return lambda lane, prompt: _waiting(stream, lane, prompt) if lane.waits else stream(lane, prompt)


async def _waiting(stream: Stream, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
    spoke = False
    try:
        async with aclosing(stream(lane, prompt)) as events:
            async for event in events:
                spoke = spoke or isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta | Finished)
                yield event
        return
    except BackendError as error:
        if spoke or error.retry_after is None or error.retry_after > LONGEST:
            raise
        seconds = error.retry_after
    yield Waited(seconds)  # before it waits, so that who watches knows why nothing comes
    await asyncio.sleep(seconds)
    async with aclosing(stream(lane, prompt)) as events:
        async for event in events:
            yield event
