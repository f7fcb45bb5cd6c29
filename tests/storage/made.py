"""Small real things for the tests of storage: prompts, lanes, recordings and scripted backends."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import PIL.Image
from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.event import listen

from backends.check.result import Check, Exchange, Finding, Verdict
from backends.events import Event, Finished, ReasoningDelta, Reported, Sent, Stamped, TextDelta, ToolCallDelta, Usage
from backends.kind import Stream
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Prompt, Tool, ToolCall, ToolTurn, UserTurn
from backends.runner import Entry
from storage.comparison import Comparison
from storage.ratings import Judgement
from storage.store import Store

DECLARED = Backend("one", "openai", "http://10.0.0.7:8000/v1", "m-1", "FP8", "KEY_ENV", price_in=0.5, price_out=1.5)
ONE = Lane(DECLARED, "m-1", "FP8")
TWO = Lane(Backend("two", "vllm", model="m-2"), "m-2", effort="high", temperature=0.3, max_tokens=99, seed=7)
THREE = Lane(Backend("three", "mistral"), model="m-3", artifact="NVFP4")
TOOL = Tool("weather", "Looks outside", {"type": "object", "properties": {"z": {}, "a": {}}})

BEGAN = datetime(2026, 1, 2, 3, 4, 5, 678900, UTC)
SAID: tuple[Event, ...] = (
    Sent('{"model":"m"}'),
    Reported("m-1-2512", "v1.2"),
    ReasoningDelta("Let me think. "),
    TextDelta("=1+1 is 2\u2028"),
    TextDelta("🙂\nDone."),
    ToolCallDelta(0, "c1", "weather", '{"z":'),
    Finished("tool_calls"),
    Usage(10, 20, 5, None),
)


def asking(text: str) -> Prompt:
    return Prompt("Be brief.", (UserTurn(text),))


def long_talk(text: str = "And now?") -> Prompt:
    turns = (
        UserTurn("What is the weather?"),
        AssistantTurn("", "I must look.", (ToolCall("c1", "weather", "{}"),)),
        ToolTurn("c1", "weather", "Rain."),
        AssistantTurn("It rains."),
        UserTurn(text),
    )
    return Prompt("Be brief.", turns, (TOOL,))


def stamped(events: Sequence[Event] = SAID) -> list[Stamped]:
    return [Stamped(1000 * number, event) for number, event in enumerate(events)]


def entries(lane: int, events: Sequence[Stamped]) -> list[Entry]:
    return [Entry(lane, event) for event in events]


def judged(*ranking: Sequence[int], **rest: Any) -> Judgement:
    """`judged([1], [0, 2])`: lane 1 is best, the others tie."""
    return Judgement(tuple(map(tuple, ranking)), **rest)


def scripted(*events: Event) -> Stream:
    async def stream(_lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        for event in events:
            yield event

    return stream


class Gated:
    """A backend whose lanes say `SAID` up to the text, then wait for `go` before the rest."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def __call__(self, _lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        for event in SAID[:4]:
            yield event
        await self.go.wait()
        for event in SAID[4:]:
            yield event


class Disk:
    """The room that a database has. When it is full, SQLite says the same as on a full disk."""

    def __init__(self, engine: Engine) -> None:
        self.full = False
        listen(engine, "checkout", self._limit)

    def _limit(self, connection: DBAPIConnection, *_: object) -> None:
        connection.cursor().execute(f"PRAGMA max_page_count={1 if self.full else 1_000_000}")


def png(mode: str = "RGB", size: tuple[int, int] = (4, 3), color: object = 0) -> bytes:
    out = BytesIO()
    PIL.Image.new(mode, size, color).save(out, "PNG")  # type: ignore[arg-type]
    return out.getvalue()


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSED = Finding("stream", "Streams", Verdict.PASSED, "It streams.", seconds=0.4)
FAILED = Finding(
    "tools", "Calls a tool", Verdict.FAILED, "No call.", "Choose a parser.", (Exchange('{"a": 1}', "Hi <b>"),), 1.5
)


def checked(backend: str = "one", hour: int = 0, findings: Sequence[Finding] = (PASSED, FAILED)) -> Check:
    return Check(backend, "vllm", "m-1", "FP8", "0.19", NOON + timedelta(hours=hour), tuple(findings))


async def created(store: Store, question: str = "What is 1+1?", lanes: int = 2, follows: str | None = None) -> str:
    prompt = asking(question)
    return await store.create(prompt, [(lane, prompt) for lane in (ONE, TWO, THREE)[:lanes]], follows=follows)


async def read(store: Store, comparison_id: str) -> Comparison:
    found = await store.read(comparison_id)
    assert found is not None
    return found
