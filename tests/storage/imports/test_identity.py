"""What is exported without loss and imported elsewhere is what it was, whatever people and servers said."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Table, select

from backends.answer import fold
from backends.events import (
    Continued,
    Event,
    Failed,
    Finished,
    Measured,
    Progress,
    ReasoningDelta,
    Reported,
    Sent,
    Stamped,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
    Waited,
    Warmed,
)
from backends.flags import TITLES, Flag
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Image, Prompt, Tool, ToolCall, ToolTurn, UserTurn
from backends.schedule import Schedule
from storage import imports, schema
from storage.comparison import Place
from storage.exports.items import ALL, Scope
from storage.plan import Pace, Plan, Presentation, Traces
from storage.ratings import Judgement
from storage.rows import recorded
from storage.store import Store
from tests.storage.exported import NAMED, parts
from tests.storage.made import BEGAN, entries, png

NAMES = ("Ann", "Bob", "Ünï\0")
SKIP = "I can't judge this"
PICTURES = (png(), png(color=(9, 9, 9)), png("RGBA", (2, 2), (0, 0, 0, 128)))
TABLES = (
    "prompts",
    "images",
    "prompt_images",
    "comparisons",
    "answers",
    "flags",
    "texts",
    "showings",
    "hints",
    "ratings",
)

odd = st.sampled_from(
    ["", "\0", "\u2028\u0085\r\n\x1c", "=1+1", "\\\"'", "🙂" * 9, "x" * 70_000, "\ufeff", "\ufdd0", "null"]
)
texts = odd | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
counts = st.none() | st.integers(0, 2**63 - 1)
numbers = st.floats(0, 1e9) | st.sampled_from([1e-7, 1e16, 0.1])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
calls = st.builds(ToolCall, texts, texts, texts)
tools = st.builds(Tool, texts, texts, st.dictionaries(texts, values, max_size=3))
history = st.builds(AssistantTurn, texts, texts, st.lists(calls, max_size=2).map(tuple)) | st.builds(
    ToolTurn, texts, texts, texts
)
events = st.one_of(
    st.builds(TextDelta, texts),
    st.builds(ReasoningDelta, texts),
    st.builds(ToolCallDelta, st.integers(0, 2), texts, texts, texts),
    st.builds(ToolResult, st.integers(0, 2), texts, texts),
    st.builds(Usage, counts, counts, counts, counts, counts),
    st.builds(Measured, texts),
    st.builds(Reported, texts, texts),
    st.builds(Progress, st.integers(0, 9), st.integers(0, 9)),
    st.builds(Sent, texts),
    st.builds(Continued, texts),
    st.builds(Waited, numbers),
    st.builds(Warmed, numbers, texts),
)
ends = st.builds(Finished, texts) | st.builds(Failed, texts, texts, st.none() | numbers)
lanes = st.builds(
    Lane,
    st.builds(Backend, texts, texts, st.sampled_from(["", "http://10.0.0.7/v1"]), texts),
    texts,
    texts,
    texts,
    st.none() | numbers,
    st.none() | st.integers(1, 2**31 - 1),
    st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    replays=st.booleans(),
    waits=st.booleans(),
)
plans = st.builds(
    Plan,
    st.builds(Presentation, st.booleans(), st.sampled_from(Pace), st.sampled_from(Traces)),
    st.sampled_from(Schedule),
    st.booleans(),
    st.integers(1, 2),
)


@dataclass(frozen=True)
class Asked:
    """What is asked, said and judged in one comparison, without what the database makes of it."""

    system: str
    before: Sequence[Any]
    text: str
    pictures: Sequence[int]
    tools: Sequence[Tool]
    lanes: Sequence[Lane]
    plan: Plan
    said: Sequence[Sequence[Event]]
    ends: Sequence[Event | None]
    flags: Sequence[str]
    follows: bool
    copies: bool
    viewer: str
    overlap: int
    judgements: Sequence[tuple[str, bool, Judgement]] = field(default_factory=list)


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    chosen = draw(st.lists(lanes, min_size=1, max_size=3))
    plan, count = draw(plans), len(chosen)
    answers = count * plan.samples
    return Asked(
        system=draw(texts),
        before=draw(st.lists(history, max_size=3)),
        text=draw(texts),
        pictures=draw(st.lists(st.integers(0, 2), max_size=3)),
        tools=draw(st.lists(tools, max_size=2)),
        lanes=chosen,
        plan=plan,
        said=draw(st.lists(st.lists(events, max_size=6), min_size=answers, max_size=answers)),
        ends=draw(st.lists(st.none() | ends, min_size=answers, max_size=answers)),
        flags=draw(st.lists(st.sampled_from(list(TITLES)), unique=True, max_size=3)),
        follows=draw(st.booleans()),
        copies=draw(st.booleans()),
        viewer=draw(st.sampled_from(["", "ann", "bob"])),
        overlap=draw(st.sampled_from([0, 0, 2])),
        judgements=draw(
            st.lists(st.tuples(st.sampled_from(["Ann", "Bob", "Ünï\0"]), st.booleans(), judgement(count)), max_size=3)
        ),
    )


@st.composite
def judgement(draw: st.DrawFn, count: int) -> Judgement:
    comment, tags = draw(texts)[:4000], tuple(draw(st.lists(texts.map(lambda text: text[:40]), max_size=2)))
    if draw(st.integers(0, 5)) == 0:
        return Judgement(skipped=SKIP, comment=comment)
    order = draw(st.permutations(range(count)))
    cut = draw(st.integers(0, count - 1))
    ranking = tuple(group for group in (tuple(order[: cut + 1]), tuple(order[cut + 1 :])) if group)
    return Judgement(
        ranking,
        all_bad=draw(st.booleans()) and len(ranking) == 1,
        tags=tags,
        comment=comment,
        early=draw(st.booleans()),
        seconds=draw(st.none() | st.floats(0, 1e-9)),
        read=tuple(draw(st.lists(st.integers(0, count - 1), max_size=2))),
    )


async def keep(store: Store, everything: Sequence[Asked]) -> None:
    """Through the same doors as the app."""
    pictures: list[Image] = [store.images.add(each) for each in PICTURES]
    earlier: list[tuple[str, Asked]] = []
    for number, each in enumerate(everything):
        turn = UserTurn(each.text, tuple(pictures[place] for place in each.pictures))
        own = Prompt(each.system, (*each.before, turn), tuple(each.tools))
        prompt = Prompt(each.system, (turn,), tuple(each.tools))
        copied = {0: Place(earlier[-1][0], 0)} if each.copies and earlier and earlier[-1][1].ends[0] else {}
        follows = earlier[0][0] if each.follows and earlier else None
        remakes = earlier[-1][0] if copied else None
        sent = [(lane, own) for lane in each.lanes]
        run = await store.create(prompt, sent, each.plan, each.viewer, follows, copied, remakes)
        earlier.append((run, each))
        for position, (said, end) in enumerate(zip(each.said, each.ends, strict=True)):
            whole = [Stamped(7 * at, event) for at, event in enumerate([*said, *([end] if end else [])])]
            ended = {position: fold(whole)} if end else {}
            await store.append(run, BEGAN + timedelta(days=number), entries(position, whole), ended)
        await store.append(
            run, BEGAN, [], {}, [[Flag(code, each.text) for code in each.flags], *[()] * (len(each.lanes) - 1)]
        )
        if each.overlap:
            await store.enqueue([run], each.overlap)
        for name, shown, judged in each.judgements:
            await store.rate(run, name, judged, await store.show(run, name) if shown else None)


def here(table: Table) -> list[Column[Any]]:
    """All but which app runs it: elsewhere, none does."""
    return [column for column in table.columns if column is not schema.comparisons.c.replica]


def dumped(store: Store) -> dict[str, list[Any]]:
    """Every row of every table that an export has, but prompts that nobody was asked (a lane that was taken over)."""
    tables = schema.metadata.tables
    with store.engine.connect() as connection:
        rows = {
            name: sorted((tuple(row) for row in connection.execute(select(*here(tables[name])))), key=repr)
            for name in TABLES
        }
        asked = {*connection.scalars(select(tables["comparisons"].c.prompt_id))}
        asked |= {*connection.scalars(select(tables["answers"].c.prompt_id))}
        for name in ("prompts", "prompt_images"):
            rows[name] = [row for row in rows[name] if row[0] in asked]
        return {**rows, "recordings": sorted(recorded(connection, [row[0] for row in rows["answers"]]).items())}


@pytest.fixture(scope="module")
def empty() -> Iterator[Path]:
    """A database that is only to be copied: making one takes longer than an example."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "empty.db")
        Store.open(f"sqlite:///{path}").close()
        yield path


def opened(empty: Path, folder: str) -> Store:
    Path(folder).mkdir()
    shutil.copy(empty, f"{folder}/lanewise.db")
    return Store.open(f"sqlite:///{folder}/lanewise.db")


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(asked(), max_size=4), st.sampled_from(["jsonl", "parquet"]), st.sampled_from([ALL, NAMED]))
def test_an_import_gives_back_what_was_exported(
    empty: Path, everything: Sequence[Asked], view: str, scope: Scope
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        here, there = opened(empty, f"{folder}/here"), opened(empty, f"{folder}/there")
        asyncio.run(keep(here, everything))
        path = Path(folder, f"out.{view}")
        path.write_bytes(b"".join(parts(view, here.engine, scope, here.images)))
        if everything:
            for brought in (len(everything), 0):
                bringing = there.bring(imports.found(path, there.images))
                assert (bringing.brought, bringing.there) == (brought, len(everything) - brought)
        for each in ("jsonl", "parquet"):
            assert parts(each, there.engine, scope, there.images) == parts(each, here.engine, scope, here.images)
        if scope is NAMED:
            assert dumped(there) == dumped(here)
        here.close()
        there.close()
