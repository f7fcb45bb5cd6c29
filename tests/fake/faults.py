"""How frames travel, and how they go wrong on their way: at the script's pace, or as its fault says."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence

import orjson

from tests.fake.script import UNSTAMPED, Script

BURST = 32
SPREAD = 0.0025
TICK = 0.05
HUGE = 64_000
_HOLE = UNSTAMPED.encode()


class Cut(Exception):
    """Ends a connection in the middle of an answer."""


async def travelling(frames: Sequence[bytes], broken: bytes, script: Script, number: int) -> AsyncGenerator[bytes]:
    """What is written, piece by piece. `broken` is how the server says that it broke off; `number` counts requests."""
    before = frames[: script.after]
    match script.fault:
        case "burst":
            await asyncio.sleep(script.first / 1000)
            yield b"".join(frames)
        case "split":
            async for frame in paced(frames, script, number):
                for at in range(len(frame)):
                    yield frame[at : at + 1]
                    await asyncio.sleep(0)
        case "crlf":
            async for frame in paced(frames, script, number):
                yield frame.replace(b"\n", b"\r\n")
        case "stall" | "drip" | "reset" | "error_after" | "wrong_json" | "huge_line" | "endless":
            async for frame in paced(before, script, number):
                yield frame
            async for frame in _wrong(script.fault, frames[min(script.after, len(frames) - 1)], broken):
                yield frame
        case _:
            async for frame in paced(frames, script, number):
                yield frame
            if script.fault == "stays":
                await asyncio.Event().wait()


async def paced(frames: Sequence[bytes], script: Script, number: int) -> AsyncGenerator[bytes]:
    """Frames at the script's rate; at once, they leave in bursts that others may come between."""
    loop = asyncio.get_running_loop()
    # real servers never tick together
    start = loop.time() + script.first / 1000 + (number % 4 * SPREAD if script.rate else 0)
    for position, frame in enumerate(frames):
        if script.rate:
            await asyncio.sleep(max(0, start + position / script.rate - loop.time()))
        elif position % BURST == 0:
            await asyncio.sleep(max(0, start - loop.time()))
        yield frame.replace(_HOLE, b"%d" % (time.time_ns() // 1000)) if _HOLE in frame else frame


async def _wrong(fault: str, frame: bytes, broken: bytes) -> AsyncGenerator[bytes]:
    match fault:
        case "stall":
            await asyncio.Event().wait()
        case "drip":
            while True:
                yield b": still here\n\n"
                await asyncio.sleep(TICK)
        case "reset":
            yield frame[: len(frame) // 2]
            await asyncio.sleep(TICK)
            raise Cut
        case "error_after":
            yield broken
        case "wrong_json":
            yield b'data: {"choices": oops\n\n' + frame
        case "huge_line":
            yield b'data: {"choices":[{"delta":{"content":"'
            async for piece in _without_end(b"x" * HUGE):
                yield piece
        case "endless":
            said = {"choices": [{"index": 0, "delta": {"content": "on and on " * 1000}, "finish_reason": None}]}
            async for piece in _without_end(b"data: %b\n\n" % orjson.dumps(said)):
                yield piece


async def _without_end(piece: bytes) -> AsyncGenerator[bytes]:
    while True:
        yield piece
        await asyncio.sleep(0)
