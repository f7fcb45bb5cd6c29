"""Comparisons kept while they run, by scripted backends: whoever watches, and whatever the database does."""

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace

import pytest
from sqlalchemy import text

from backends.answer import State, fold
from backends.declaration import kinds
from backends.errors import BackendError
from backends.events import Event, Failed, Finished, ReasoningDelta, TextDelta, Usage
from backends.lane import Lane
from backends.prompt import Prompt
from backends.schedule import Schedule
from storage.changes import LOST
from storage.comparison import NONE_KEPT, Comparison, Place
from storage.errors import StorageError
from storage.plan import Plan
from storage.ratings import Judgement
from storage.recorder import Recorder
from storage.store import OPENLY, Store
from tests.storage.exported import lines, rows
from tests.storage.made import DECLARED, ONE, SAID, THREE, TWO, Disk, Gated, asking, scripted

ASKED = asking("What is 1+1?")
LANES = [(ONE, ASKED), (TWO, ASKED)]


async def read(store: Store, comparison_id: str) -> Comparison:
    found = await store.read(comparison_id)
    assert found is not None
    return found


async def until_kept(store: Store, comparison_id: str, events: int) -> Comparison:
    """Waits until every lane has at least so many events in the database."""
    async with asyncio.timeout(60):
        while True:
            found = await read(store, comparison_id)
            if all(len(lane.recording) >= events for lane in found.lanes):
                return found
            await asyncio.sleep(0.02)


async def first_in(store: Store) -> str:
    async with asyncio.timeout(60):
        while True:
            if rows := (await store.page()).rows:
                return rows[0].id
            await asyncio.sleep(0.01)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - nothing tells when it becomes true
            await asyncio.sleep(0.01)


@pytest.fixture
async def gated(store: Store) -> AsyncIterator[tuple[Recorder, Gated]]:
    backend = Gated()
    recorder = Recorder(store, backend)
    yield recorder, backend
    await recorder.aclose()


async def test_a_comparison_is_kept_as_it_ran(store: Store) -> None:
    recorder = Recorder(store, scripted(*SAID))
    comparison_id = await recorder.compare(ASKED, LANES)
    run = recorder.live(comparison_id)
    assert run is not None
    await recorder.saved(comparison_id)
    assert recorder.live(comparison_id) is None
    found = await read(store, comparison_id)
    assert found.started_at == run.started > found.created_at
    for index, lane in enumerate(found.lanes):
        assert lane.recording == tuple(entry.stamped for entry in run.log if entry.lane == index)
        assert [stamped.event for stamped in lane.recording] == list(SAID)
        assert lane.answer == run.answers()[index]
        assert lane.answer.usage == Usage(10, 20, 5, None)


async def test_the_saved_columns_are_the_fold_of_the_saved_recording(store: Store) -> None:
    recorder = Recorder(store, scripted(*SAID))
    comparison_id = await recorder.compare(ASKED, LANES)
    await recorder.saved(comparison_id)
    answer = fold((await read(store, comparison_id)).lanes[0].recording)
    with store.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM answers JOIN texts ON id = answer_id WHERE position = 0")).one()
    assert (row.text, row.reasoning, row.request) == (answer.text, answer.reasoning, answer.request)
    assert (row.state, row.end_us, row.pieces) == (answer.state, answer.times.end, answer.pieces)
    assert row.completion_tokens == 20  # it came after the finish


async def test_events_are_in_the_database_while_lanes_still_answer(store: Store, gated: tuple[Recorder, Gated]) -> None:
    recorder, backend = gated
    comparison_id = await recorder.compare(ASKED, LANES)
    found = await until_kept(store, comparison_id, 4)
    assert recorder.live(comparison_id) is not None
    assert [lane.answer.state for lane in found.lanes] == [State.ANSWERING] * 2
    backend.go.set()
    await recorder.saved(comparison_id)
    assert [lane.answer.state for lane in (await read(store, comparison_id)).lanes] == [State.DONE] * 2


async def test_lanes_are_flagged_when_all_of_them_have_ended_and_told_their_usage(store: Store) -> None:
    async def stream(lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        yield ReasoningDelta("Hm.")
        yield TextDelta("[/THINK] 2" if lane is TWO else "2")
        yield Finished("stop")
        await asyncio.sleep(0)
        yield Usage(10, 20)

    recorder = Recorder(store, stream)
    comparison_id = await recorder.compare(ASKED, LANES)
    await recorder.saved(comparison_id)
    one, two = await store.answered(comparison_id)
    assert (one.flags, [flag.code for flag in two.flags]) == ((), ["marker_leak"])


async def test_a_lane_that_still_answers_leaves_all_without_flags(store: Store, gated: tuple[Recorder, Gated]) -> None:
    recorder, backend = gated
    comparison_id = await recorder.compare(ASKED, LANES)
    await until_kept(store, comparison_id, 4)
    recorder.stop(comparison_id, 0)
    async with asyncio.timeout(60):
        while (await store.page()).rows[0].lanes[0].state != State.STOPPED:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)
    assert (await store.choices())["flag"] == ()
    backend.go.set()
    await recorder.saved(comparison_id)
    assert [[flag.code for flag in lane.flags] for lane in await store.answered(comparison_id)] == [
        [],
        ["unknown_tool", "other_model"],
    ]


async def test_the_end_is_kept_at_once(
    store: Store, gated: tuple[Recorder, Gated], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.recorder.PACE", 3600)
    recorder, backend = gated
    comparison_id = await recorder.compare(ASKED, LANES)
    await until_kept(store, comparison_id, 1)  # now it waits for its pace, or the end
    backend.go.set()
    async with asyncio.timeout(60):
        await recorder.saved(comparison_id)
    assert [lane.answer.state for lane in (await read(store, comparison_id)).lanes] == [State.DONE] * 2


async def test_what_can_not_be_stored_ends_the_run_and_leaves_the_rest(store: Store) -> None:
    async def stream(lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        yield TextDelta("Well")
        if lane is ONE:
            yield Usage(prompt=2**64)
        yield Finished("length")

    recorder = Recorder(store, stream)
    comparison_id = await recorder.compare(ASKED, LANES)
    async with asyncio.timeout(60):
        await recorder.saved(comparison_id)
    assert (recorder.live(comparison_id), recorder.problem) == (None, "")
    one, two = (await read(store, comparison_id)).lanes
    assert [stamped.event for stamped in one.recording] == [TextDelta("Well"), LOST]
    assert (one.answer.state, two.answer.state) == (State.FAILED, State.DONE)
    assert [[flag.code for flag in lane.flags] for lane in (one, two)] == [
        [],
        ["no_reasoning", "out_of_tokens", "no_usage"],
    ]
    assert [lane.state for lane in (await store.page()).rows[0].lanes] == [State.FAILED, State.DONE]


async def test_a_mistake_in_flagging_costs_no_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    for place in ("storage.recorder.flagged", "storage.changes.flagged"):
        monkeypatch.setattr(place, broken)
    recorder = Recorder(store, scripted(*SAID))
    comparison_id = await recorder.compare(ASKED, LANES)
    await recorder.saved(comparison_id)
    kept = (await read(store, comparison_id)).lanes
    assert [(lane.answer.state, len(lane.recording)) for lane in kept] == [(State.DONE, len(SAID))] * 2


async def test_a_number_too_large_for_its_column_stays_in_the_recording(store: Store) -> None:
    recorder = Recorder(store, scripted(Usage(prompt=2**63), Finished("stop")))
    comparison_id = await recorder.compare(ASKED, LANES)
    await recorder.saved(comparison_id)
    answer = (await read(store, comparison_id)).lanes[0].answer
    assert (answer.state, answer.usage.prompt) == (State.DONE, 2**63)


async def test_one_lane_is_stopped_and_the_other_goes_on(store: Store, gated: tuple[Recorder, Gated]) -> None:
    recorder, backend = gated
    comparison_id = await recorder.compare(ASKED, LANES)
    await until_kept(store, comparison_id, 4)
    recorder.stop(comparison_id, 0)
    run = recorder.live(comparison_id)
    assert run is not None
    async with asyncio.timeout(60):
        while run.answers()[0].state != State.STOPPED:
            await run.changed(len(run.log))
    backend.go.set()
    await recorder.saved(comparison_id)
    states = [lane.answer.state for lane in (await read(store, comparison_id)).lanes]
    assert states == [State.STOPPED, State.DONE]
    recorder.stop(comparison_id)  # too late, and harmless
    recorder.stop("nothing")


async def test_a_failing_lane_is_kept_beside_a_good_one(store: Store) -> None:
    async def stream(lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        yield TextDelta("Well")
        if lane is TWO:
            raise BackendError("midstream", "two broke off.")
        yield Finished("stop")

    recorder = Recorder(store, stream)
    comparison_id = await recorder.compare(ASKED, [*LANES, (THREE, ASKED)])
    await recorder.saved(comparison_id)
    one, two, three = (lane.answer for lane in (await read(store, comparison_id)).lanes)
    assert (one.state, two.state, three.state) == (State.DONE, State.FAILED, State.DONE)
    assert (two.text, two.failure) == ("Well", Failed("midstream", "two broke off."))


async def test_who_asks_may_go_away(store: Store, gated: tuple[Recorder, Gated]) -> None:
    recorder, backend = gated
    asking = asyncio.create_task(recorder.compare(ASKED, LANES))
    await asyncio.sleep(0)  # it has begun
    asking.cancel()
    comparison_id = await first_in(store)
    await until(lambda: recorder.live(comparison_id) is not None)
    backend.go.set()
    await recorder.saved(comparison_id)
    assert [lane.state for lane in (await store.page()).rows[0].lanes] == [State.DONE] * 2


async def test_closing_marks_live_lanes_as_interrupted(store: Store) -> None:
    recorder = Recorder(store, Gated())
    comparison_id = await recorder.compare(ASKED, LANES)
    await until_kept(store, comparison_id, 4)
    await recorder.aclose()
    answers = [lane.answer for lane in (await read(store, comparison_id)).lanes]
    assert [answer.state for answer in answers] == [State.INTERRUPTED] * 2
    assert [answer.text for answer in answers] == ["=1+1 is 2\u2028"] * 2
    with pytest.raises(StorageError, match="closing"):
        await recorder.compare(ASKED, LANES)


@pytest.mark.sqlite
async def test_a_full_disk_ends_no_lane_and_is_made_up_for(store: Store) -> None:
    disk, go = Disk(store._database._engine), asyncio.Event()
    long = TextDelta(random.Random(1).randbytes(100_000).hex())

    async def stream(_lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        yield TextDelta("Well, ")
        await go.wait()
        yield long
        yield Finished("stop")

    recorder = Recorder(store, stream)
    comparison_id = await recorder.compare(ASKED, LANES)
    run = recorder.live(comparison_id)
    assert run is not None
    await until_kept(store, comparison_id, 1)
    disk.full = True
    go.set()
    await run.ended()
    await until(lambda: recorder.problem != "")
    assert "disk is full" in recorder.problem
    assert [answer.state for answer in run.answers()] == [State.DONE] * 2
    disk.full = False
    await recorder.saved(comparison_id)
    assert recorder.problem == ""
    found = await read(store, comparison_id)
    assert [lane.answer.text for lane in found.lanes] == ["Well, " + long.text] * 2


async def test_closing_with_a_database_that_takes_nothing_gives_up_in_time(store: Store) -> None:
    recorder = Recorder(store, Gated())
    comparison_id = await recorder.compare(ASKED, LANES)
    await until_kept(store, comparison_id, 4)
    store.close()  # nothing can be written any more
    async with asyncio.timeout(60):
        await recorder.aclose()
    assert recorder.live(comparison_id) is None


async def test_keeping_a_long_answer_writes_each_event_once(store: Store) -> None:
    """Linear cost: what the batches hold together is what the lane said, however many batches there were."""
    going = asyncio.Event()

    async def stream(_lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        for number in range(3000):
            yield TextDelta(f" word{number}")
            if number == 1000:
                await going.wait()
        yield Finished("stop")

    recorder = Recorder(store, stream)
    comparison_id = await recorder.compare(ASKED, LANES[:1])
    await until_kept(store, comparison_id, 1001)
    going.set()
    await recorder.saved(comparison_id)
    (lane,) = (await read(store, comparison_id)).lanes
    assert len(lane.recording) == 3001
    assert lane.answer.text.endswith(" word2999")


async def test_a_kept_lane_is_taken_over_as_it_was_asked_and_came(store: Store) -> None:
    asked: list[Lane] = []

    async def stream(lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        asked.append(lane)
        for event in SAID:
            yield event

    recorder = Recorder(store, stream)
    first = await recorder.compare(ASKED, LANES)
    await recorder.saved(first)
    again = await recorder.compare(ASKED, [(THREE, ASKED), (THREE, ASKED)], kept={1: Place(first, 0)}, remakes=first)
    await recorder.saved(again)
    assert asked == [ONE, TWO, THREE]
    (was, _), (new, taken) = (await read(store, first)).lanes, (await read(store, again)).lanes
    assert taken == was
    assert new.lane.label == THREE.label
    question = await store.question(again)
    assert question is not None
    assert [lane.taken_from for lane in question.lanes] == ["", first]


async def test_nothing_but_kept_lanes_is_a_comparison_too(store: Store) -> None:
    recorder = Recorder(store, scripted(*SAID))
    runs = [await recorder.compare(ASKED, LANES) for _ in range(2)]
    for run in runs:
        await recorder.saved(run)
    kept = {0: Place(runs[0], 1), 1: Place(runs[1], 1)}
    both = await recorder.compare(ASKED, LANES, kept=kept)
    await recorder.saved(both)
    assert [lane.recording for lane in (await read(store, both)).lanes] == [
        (await read(store, run)).lanes[1].recording for run in runs
    ]


async def test_what_is_not_over_can_not_be_taken_over(store: Store, gated: tuple[Recorder, Gated]) -> None:
    recorder, _ = gated
    live = await recorder.compare(ASKED, LANES)
    with pytest.raises(StorageError, match="not over yet"):
        await recorder.compare(ASKED, LANES, kept={0: Place(live, 0)})


async def test_further_samples_are_kept_apart_from_the_lanes(store: Store) -> None:
    counted = itertools.count(1)

    async def stream(_lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
        yield TextDelta(str(next(counted)))
        yield Finished("stop")

    recorder = Recorder(store, stream)
    plan = Plan(schedule=Schedule.SEQUENTIAL, samples=3)
    comparison_id = await recorder.compare(ASKED, LANES, plan, "me")
    await recorder.saved(comparison_id)
    assert [lane.answer.text for lane in (await read(store, comparison_id)).lanes] == ["1", "2"]
    assert [[each.text for each in again] for again in await store.samples(comparison_id)] == [["3", "5"], ["4", "6"]]
    question, showing = await store.question(comparison_id), await store.show(comparison_id, "me")
    assert question is not None
    assert (len(question.lanes), question.plan) == (2, plan)
    assert showing is not None
    assert showing.order == (0, 1)
    assert len(await store.answered(comparison_id)) == 2
    assert [lane.label for lane in (await store.page()).rows[0].lanes] == [ONE.label, TWO.label]
    await store.rate(comparison_id, "Ada", Judgement(((0,), (1,))))
    (line,) = lines(store)
    assert [lane["text"] for lane in line["lanes"]] == ["1", "2"]
    assert [(each["sample"], each["text"]) for each in line["further_samples"]] == [
        (1, "3"),
        (1, "4"),
        (2, "5"),
        (2, "6"),
    ]
    (told,) = rows(store)
    assert (told["samples"], told["schedule"], told["text_a"], told["text_b"]) == ("3", "one after another", "1", "2")


async def test_lanes_are_taken_over_with_their_samples(store: Store) -> None:
    recorder, plan = Recorder(store, scripted(*SAID)), Plan(samples=2)
    first = await recorder.compare(ASKED, LANES, plan)
    await recorder.saved(first)
    again = await recorder.compare(ASKED, LANES, plan, kept={1: Place(first, 1), 3: Place(first, 3)})
    await recorder.saved(again)
    assert (await store.samples(again))[1] == (await store.samples(first))[1]
    assert (await store.samples(again))[0] != (await store.samples(first))[0]


async def test_lanes_that_ask_one_server_at_once_are_marked(store: Store) -> None:
    beside = replace(ONE, effort="high")
    recorder = Recorder(store, scripted(*SAID))

    async def crowded(
        *lanes: Lane, plan: Plan = OPENLY, kept: Mapping[int, Place] = NONE_KEPT
    ) -> tuple[str, list[bool]]:
        comparison_id = await recorder.compare(ASKED, [(lane, ASKED) for lane in lanes], plan, kept=kept)
        await recorder.saved(comparison_id)
        question = await store.question(comparison_id)
        assert question is not None
        return comparison_id, [lane.crowded for lane in question.lanes]

    run, marked = await crowded(ONE, beside, TWO)
    assert marked == [True, True, False]
    assert (await crowded(ONE, beside, TWO, plan=Plan(schedule=Schedule.SEQUENTIAL)))[1] == [False] * 3
    service = replace(ONE, backend=replace(DECLARED, kind="mistral", base_url=kinds()["mistral"].base_url))
    assert (await crowded(service, service, TWO))[1] == [False] * 3
    # what was taken over had company when it was asked; who is asked anew has none
    assert (await crowded(ONE, beside, TWO, kept={1: Place(run, 1), 2: Place(run, 2)}))[1] == [False, True, False]
