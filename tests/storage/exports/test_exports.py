"""Exports: JSONL loses nothing, CSV hides no formula, both stream, and a half file never has the final name."""

import asyncio
import base64
import csv
import io
import tracemalloc
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text

from backends import recording
from backends.answer import fold
from backends.events import Continued, Finished, Measured, Sent, TextDelta, ToolCallDelta, ToolResult, Usage, Waited
from backends.flags import Flag
from backends.prompt import Prompt, UserTurn
from storage.errors import StorageError
from storage.exports import VIEWS, export
from storage.exports.csv import line
from storage.exports.items import AT_ONCE, BATCH, Scope
from storage.plan import BLIND, Plan
from storage.prompts import body
from storage.store import Store
from tests.storage.exported import NAMED, lines, parts, rows
from tests.storage.made import BEGAN, ONE, THREE, TWO, asking, entries, judged, long_talk, png, stamped

FLAGS = (Flag("no_usage", "No counts."), Flag("unknown_tool", "It called 'weather'."))
LOOPED = (
    Sent('{"n":1}'),
    Waited(2.5),
    Sent('{"n":1}'),
    ToolCallDelta(0, "c1", "weather", '{"city":"Rome"}'),
    Usage(10, 20, image=4),
    Measured('{"draft_n":3}'),
    Continued("tool_calls"),
    ToolResult(0, "=Rain", "canned"),
    Sent('{"n":2}'),
    TextDelta("It rains."),
    Finished("stop"),
    Usage(30, 5, image=4),
    Measured('{"draft_n":1}'),
)


async def told(store: Store, prompt: Prompt, lanes: int = 2, follows: str | None = None) -> str:
    """A comparison whose lanes have all answered; the second has two flags."""
    comparison_id = await store.create(prompt, [(lane, prompt) for lane in (ONE, TWO, THREE)[:lanes]], follows=follows)
    flags = [(), FLAGS, ()][:lanes]
    for lane in range(lanes):
        await store.append(comparison_id, BEGAN, entries(lane, stamped()[:3]), {})
        await store.append(comparison_id, BEGAN, entries(lane, stamped()[3:]), {lane: fold(stamped())}, flags)
    return comparison_id


async def looped(store: Store) -> str:
    """A comparison whose lanes called a tool, and asked again with its result."""
    prompt, events = long_talk(), stamped(LOOPED)
    lane = replace(ONE, replays=False, waits=True)
    comparison_id = await store.create(prompt, [(lane, prompt), (TWO, prompt)])
    for position in range(2):
        await store.append(comparison_id, BEGAN, entries(position, events), {position: fold(events)})
    return comparison_id


def stream(view: str, store: Store) -> Iterator[bytes]:
    return export(VIEWS[view], store.engine, NAMED)


def said(line: dict[str, Any], lane: int) -> bytes:
    """A lane's recording out of an export, as a recording's bytes."""
    return b"".join(orjson.dumps(event) + b"\n" for event in line["lanes"][lane]["recording"])


async def test_a_line_of_jsonl_holds_all_that_is_kept(store: Store) -> None:
    first = await told(store, asking("one"))
    second = await told(store, long_talk(), lanes=3, follows=first)
    for ranking in ([[1], [0, 2]], [[0], [1], [2]]):
        await store.rate(second, "Ann", judged(*ranking, tags=("clear",), comment="Good."))
    one, two = lines(store)
    assert (one["id"], two["id"], two["follows_id"]) == (first, second, first)
    assert datetime.fromisoformat(two["started_at"]) == BEGAN
    assert two["prompt"] == two["lanes"][2]["prompt"] == body(long_talk())
    assert list(two["prompt"]["tools"][0]["parameters"]["properties"]) == ["z", "a"]
    assert [rating["ranking"] for rating in two["ratings"]] == [[[1], [0, 2]], [[0], [1], [2]]]
    assert two["ratings"][1]["supersedes"] == two["ratings"][0]["id"]
    for index in range(3):
        assert list(recording.load(said(two, index))) == stamped()
    lane = two["lanes"][1]
    assert (lane["backend"], lane["effort"], lane["temperature"], lane["seed"]) == ("two", "high", 0.3, 7)
    assert (lane["state"], lane["completion_tokens"], lane["first_text_us"]) == ("done", 20, 3000)
    assert lane["calls"] == [{"id": "c1", "name": "weather", "arguments": '{"z":'}]
    assert lane["flags"] == [
        {"code": "unknown_tool", "detail": "It called 'weather'."},
        {"code": "no_usage", "detail": "No counts."},
    ]
    assert two["lanes"][0]["flags"] == []


async def test_what_a_loop_of_tool_calls_and_the_server_itself_told_is_exported(store: Store) -> None:
    await store.rate(await looped(store), "Ann", judged([0], [1]))
    ((line,), (row,)) = lines(store), rows(store)
    lane = line["lanes"][0]
    assert (lane["rounds"], lane["waited"], lane["replays"], lane["waits"]) == (2, 2.5, False, True)
    assert (lane["prompt_tokens"], lane["completion_tokens"], lane["image_tokens"]) == (40, 25, 8)
    assert lane["results"] == [{"index": 0, "content": "=Rain", "source": "canned"}]
    assert lane["measured"] == '{"draft_n":3}\n{"draft_n":1}'
    assert lane["request"] == '{"n":1}\n{"n":2}'
    assert (row["rounds_a"], row["waited_a"], row["replays_a"], row["waits_a"]) == ("2", "2.5", "False", "True")
    assert (row["replays_b"], row["image_tokens_b"], row["measured_b"]) == ("True", "8", lane["measured"])
    assert orjson.loads(row["results_a"]) == lane["results"]
    assert orjson.loads(row["calls_a"]) == lane["calls"]


async def test_no_address_and_no_key_leaves(store: Store) -> None:
    await told(store, asking("one"))
    out = b"".join((*parts("jsonl", store.engine), *parts("csv", store.engine)))
    assert b"10.0.0.7" not in out
    assert b"KEY_ENV" not in out


async def test_a_lane_that_still_answers_is_exported_so_far(store: Store) -> None:
    comparison_id = await store.create(asking("?"), [(ONE, asking("?")), (TWO, asking("?"))])
    await store.append(comparison_id, BEGAN, entries(0, stamped()[:2]), {})
    (line,) = lines(store)
    assert list(recording.load(said(line, 0))) == stamped()[:2]
    assert line["lanes"][1]["recording"] == []


async def test_images_are_named_and_go_along_where_wanted(store: Store) -> None:
    image = store.images.add(png())
    await told(store, Prompt("", (UserTurn("?", (image, image)),)))
    (named,), (whole,) = lines(store), lines(store, images=True)
    (described,) = named["images"]
    assert (described["sha256"], described["mime"], described["width"]) == (image.sha256, "image/png", 4)
    assert "data" not in described
    assert base64.b64decode(whole["images"][0]["data"]) == image.data
    store.images.delete(image.sha256)
    assert "data" not in lines(store, images=True)[0]["images"][0]


async def test_csv_has_a_row_per_pair_of_each_rating_that_counts(store: Store) -> None:
    comparison_id = await told(store, asking("one"), lanes=3)
    await told(store, asking("never rated"))
    await store.rate(comparison_id, "Ann", judged([0], [1], [2]))
    await store.rate(comparison_id, "Ann", judged([1], [0, 2], tags=("clear", "short")))
    await store.rate(comparison_id, "Bob", judged(all_bad=True))
    found = rows(store)
    assert [(row["evaluator"], row["backend_a"], row["backend_b"], row["winner"]) for row in found] == [
        ("Ann", "one", "two", "model_b"),
        ("Ann", "one", "three", "tie"),
        ("Ann", "two", "three", "model_a"),
        ("Bob", "one", "two", "both_bad"),
        ("Bob", "one", "three", "both_bad"),
        ("Bob", "two", "three", "both_bad"),
    ]
    first = found[0]
    assert (first["comparison_id"], first["prompt"], first["system"]) == (comparison_id, "one", "Be brief.")
    assert (first["effort_b"], first["temperature_b"], first["seed_b"], first["tags"]) == (
        "high",
        "0.3",
        "7",
        "clear, short",
    )
    assert (first["flags_a"], first["flags_b"]) == ("", "unknown_tool no_usage")
    assert first["reasoning_a"] == "Let me think. "
    assert first["text_a"] == "'" + "=1+1 is 2\u2028🙂\nDone."


async def test_what_is_sealed_for_a_viewer_is_exported_without_its_lanes(store: Store) -> None:
    prompt = asking("Who is it?")
    asked = [(lane, prompt) for lane in (ONE, TWO)]
    blind = await store.create(prompt, asked, Plan(BLIND), "maker")
    plain = await told(store, asking("Hello"))
    await store.rate(plain, "Ada", judged([0], [1]))
    await store.rate(blind, "Ada", judged([0], [1]))

    sealed, whole = lines(store, Scope(viewer="stranger"))
    assert sealed.keys() == {"id", "created_at", "prompt", "sealed"}
    assert (sealed["id"], sealed["sealed"], whole["id"]) == (blind, True, plain)
    assert [row["comparison_id"] for row in rows(store, Scope(viewer="stranger"))] == [plain]
    assert [row["comparison_id"] for row in rows(store)] == [blind, plain]

    await store.reveal(blind, "maker", "choice")
    assert "sealed" not in lines(store, Scope(viewer="maker"))[0]
    assert [row["comparison_id"] for row in rows(store, Scope(viewer="maker"))] == [blind, plain]


async def test_a_rating_is_exported_with_how_it_was_shown_and_made(store: Store) -> None:
    prompt = asking("Who is it?")
    run = await store.create(prompt, [(lane, prompt) for lane in (ONE, TWO)], Plan(BLIND), "maker")
    seen = await store.show(run, "maker")
    assert seen
    best, worst = seen.order
    judgement = judged([best], [worst], strength=2, seconds=0.0, read=(worst,), early=True)
    await store.rate(run, "Ada", judgement, seen)
    await store.rate(run, "Grace", judged(skipped="an answer is missing"), await store.show(run, "maker"))

    (row,) = rows(store)
    told = ("blind", "early", "strength", "seconds", "showing_id", "pace", "traces_shown")
    assert [row[name] for name in told] == ["True", "True", "2", "0.0", seen.id, "together", "hidden"]
    sides = "ab" if best == 0 else "ba"
    assert [row[f"shown_as_{side}"] for side in sides] == ["1", "2"]
    assert [row[f"read_{side}"] for side in sides] == ["False", "True"]
    (line,) = lines(store)
    assert [(each["id"], each["order"], each["seed"]) for each in line["showings"]] == [
        (seen.id, [*seen.order], seen.seed)
    ]
    assert [(each["skipped"], each["showing_id"]) for each in line["ratings"]] == [
        ("", seen.id),
        ("an answer is missing", seen.id),
    ]


async def test_a_blind_rating_counts_whatever_was_said_after_the_reveal(store: Store) -> None:
    run = await told(store, asking("Who is it?"))
    again = await told(store, asking("Who is it?"))
    await store.enqueue([run, again], 3)

    async def rate(run: str, who: str, *ranking: list[int], **rest: Any) -> None:
        await store.rate(run, who, judged(*ranking, **rest), await store.show(run, who))

    skips = store.rubric.skips[0]
    await rate(run, "Ada", [0], [1])
    await rate(run, "Ada", [0], [1], tags=("clear",))  # her reasoning's turn: how she judged the answers stays
    await rate(run, "Ada", [1], [0])
    await rate(run, "Bob", [1], [0], early=True)
    await rate(run, "Bob", skipped=skips)
    await rate(again, "Ada", skipped=skips)
    await rate(again, "Ada", [1], [0])
    counted = [(row["evaluator"], row["winner"], row["blind"], row["changed_later"]) for row in rows(store)]
    assert counted == [
        ("Ada", "model_a", "True", "True"),
        ("Bob", "model_b", "True", "True"),
        ("Ada", "model_b", "False", "False"),
    ]


@given(st.text(max_size=3), st.sampled_from("=+-@\t\r＝"), st.text(alphabet=" \t\n\u00a0", max_size=3))
def test_no_cell_can_be_a_formula(rest: str, sign: str, blanks: str) -> None:
    cell = blanks + sign + rest
    (found,) = csv.reader(io.StringIO(line([cell, -1.5]).decode(), newline=""))
    assert found == ["'" + cell, "-1.5"]


async def test_a_plain_cell_stays_as_it_is() -> None:
    for cell in ("plain", "1 + 1 = 2", 'a "b", c', "", "a\r\n=b"):
        (found,) = csv.reader(io.StringIO(line([cell, "x"]).decode(), newline=""))
        assert found == [cell, "x"]


async def test_an_export_sees_one_moment(store: Store) -> None:
    for number in range(BATCH + 1):
        await told(store, asking(str(number)))
    parts = stream("jsonl", store)
    first = next(parts)
    await told(store, asking("later"))
    assert 1 + sum(1 for _ in parts) == BATCH + 1
    assert orjson.loads(first)["title"] == "0"


async def test_an_export_may_go_on_in_another_thread(store: Store) -> None:
    for number in range(2 * BATCH):
        await told(store, asking(str(number)))
    parts = stream("jsonl", store)
    found = []
    with ThreadPoolExecutor(2) as pool:
        while part := await asyncio.get_running_loop().run_in_executor(pool, next, parts, b""):
            found.append(orjson.loads(part)["title"])
    assert found == [str(number) for number in range(2 * BATCH)]


async def test_slow_exports_leave_room_for_readers_and_a_few_run_at_once(store: Store) -> None:
    await told(store, asking("one"))
    slow = [stream("jsonl", store) for _ in range(AT_ONCE)]
    for each in slow:
        next(each)
    with pytest.raises(StorageError, match="try again"):
        stream("jsonl", store)
    assert store._database.engine.pool.checkedout() == 0
    slow[0].close()  # as when a browser goes away
    assert len(lines(store)) == 1


@pytest.mark.sqlite
async def test_an_export_whose_database_fails_never_looks_complete(store: Store) -> None:
    for number in range(BATCH + 1):
        await told(store, asking(str(number)))
    with store.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE recording_chunks SET data = x'00' WHERE answer_id IN"
                " (SELECT answers.id FROM answers JOIN comparisons ON comparison_id = comparisons.id"
                " ORDER BY comparisons.created_at DESC LIMIT 2)"
            )
        )
    parts = stream("jsonl", store)
    assert len([next(parts) for _ in range(BATCH)]) == BATCH
    with pytest.raises(zlib.error):  # through a web server, this breaks the download off
        next(parts)


@pytest.mark.sqlite
async def test_memory_does_not_grow_with_the_data(store: Store) -> None:
    async def peak(comparisons: int) -> int:
        for number in range(comparisons):
            await told(store, asking(f"{number} {'x' * 5000}"))
        tracemalloc.start()
        for part in (*map(len, stream("jsonl", store)), *map(len, stream("csv", store))):
            assert part
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    await peak(BATCH)  # warms caches
    small = await peak(2 * BATCH)  # one batch is read while another is written
    assert await peak(8 * BATCH) < 1.5 * small


@pytest.mark.sqlite
async def test_every_batch_seeks(store: Store) -> None:
    await told(store, asking("one"))
    asked: list[tuple[str, Any]] = []
    event.listen(store.engine, "before_cursor_execute", lambda c, cursor, sql, values, *_: asked.append((sql, values)))
    for view in VIEWS:
        parts(view, store.engine)
    selects = [(sql, values) for sql, values in asked if sql.startswith("SELECT")]
    with store.engine.connect() as connection:
        plans = [
            str(row.detail)
            for sql, values in selects
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]
    assert not [plan for plan in plans if plan.startswith("SCAN") and "USING INDEX" not in plan]
