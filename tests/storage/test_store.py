"""What is created, appended and rated is read back: in full, as a conversation, and as pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from backends.answer import State, fold
from backends.events import Failed
from backends.flags import Flag
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from storage.comparison import Comparison, Filter, Rating, Row, current, evidence
from storage.errors import RatingError, StorageError
from storage.lanes import address_hash
from storage.plan import BLIND, Plan
from storage.ratings import Judgement, Reasoned
from storage.showing import Step
from storage.store import Store
from tests import s3
from tests.storage.made import BEGAN, ONE, SAID, THREE, TWO, asking, entries, judged, long_talk, png, stamped

LEAK, NO_USAGE = Flag("marker_leak", "[THINK] in line 1."), Flag("no_usage", "No counts.")


async def created(store: Store, question: str = "What is 1+1?", lanes: int = 2, follows: str | None = None) -> str:
    prompt = asking(question)
    return await store.create(prompt, [(lane, prompt) for lane in (ONE, TWO, THREE)[:lanes]], follows=follows)


async def flagged(store: Store, *found: Flag | tuple[()]) -> str:
    """A comparison whose lanes have ended, each with that flag or none."""
    comparison_id = await created(store, lanes=len(found))
    ended = {position: fold(stamped()) for position in range(len(found))}
    flags = [(each,) if each else () for each in found]
    await store.append(comparison_id, BEGAN, [], ended, flags)
    return comparison_id


async def read(store: Store, comparison_id: str) -> Comparison:
    found = await store.read(comparison_id)
    assert found is not None
    return found


async def history(store: Store, limit: int) -> AsyncIterator[tuple[Row, ...]]:
    cursor = None
    while True:
        page = await store.page(cursor, limit)
        yield page.rows
        if (cursor := page.next) is None:
            return


async def test_a_comparison_is_there_before_any_lane_answers(store: Store) -> None:
    own = long_talk("What is 1+1?")
    comparison_id = await store.create(asking("What is 1+1?"), [(ONE, asking("What is 1+1?")), (TWO, own)])
    found = await read(store, comparison_id)
    assert found.prompt == asking("What is 1+1?")
    assert [lane.prompt for lane in found.lanes] == [asking("What is 1+1?"), own]
    assert [lane.answer.state for lane in found.lanes] == [State.WAITING, State.WAITING]
    assert found.ratings == ()
    assert found.started_at is None


async def test_a_lane_is_kept_as_it_was_sent_without_its_address_or_key(store: Store) -> None:
    one, two = (await read(store, await created(store))).lanes
    kept = Backend("one", "openai", model="m-1", artifact="FP8", price_in=0.5, price_out=1.5)
    assert one.lane == Lane(kept, model="m-1", artifact="FP8")
    assert len(one.address_hash) == 12
    assert (two.lane.effort, two.lane.temperature, two.lane.max_tokens, two.lane.seed) == ("high", 0.3, 99, 7)
    assert two.address_hash == ""


async def test_another_model_takes_neither_artifact_nor_prices_from_the_declared_one(store: Store) -> None:
    lane = Lane(ONE.backend, model="another", artifact="")
    found = await read(store, await store.create(asking("?"), [(lane, asking("?"))]))
    kept = found.lanes[0].lane
    assert (kept.model, kept.artifact, kept.prices) == ("another", "", (None, None))
    assert (kept.backend.price_in, kept.backend.price_out) == (None, None)


async def test_what_was_appended_is_the_recording_and_folds_to_the_answer(store: Store) -> None:
    comparison_id = await created(store)
    events = stamped()
    await store.append(comparison_id, BEGAN, entries(1, events[:3]), {})
    await store.append(comparison_id, BEGAN, [*entries(0, events[:1]), *entries(1, events[3:])], {1: fold(events)})
    first, second = (await read(store, comparison_id)).lanes
    assert first.recording == tuple(events[:1])
    assert second.recording == tuple(events)
    assert second.answer == fold(events)
    assert (await read(store, comparison_id)).started_at == BEGAN


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, len(SAID) - 1), max_size=4))
def test_batches_of_any_size_are_one_recording(store: Store, cuts: list[int]) -> None:
    events = stamped()
    edges = [0, *sorted(set(cuts)), len(events)]

    async def kept() -> Comparison:
        comparison_id = await created(store, lanes=1)
        for start, end in pairwise(edges):
            await store.append(comparison_id, BEGAN, entries(0, events[start:end]), {})
        return await read(store, comparison_id)

    assert asyncio.run(kept()).lanes[0].recording == tuple(events)


async def test_the_figures_of_an_ended_lane_are_columns(store: Store) -> None:
    comparison_id = await created(store)
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    with store.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM answers JOIN texts ON id = answer_id WHERE position = 0")).one()
    assert (row.state, row.reported_model, row.server, row.finish_reason) == ("done", "m-1-2512", "v1.2", "tool_calls")
    assert (row.prompt_tokens, row.completion_tokens, row.reasoning_tokens, row.cached_tokens) == (10, 20, 5, None)
    assert (row.sent_us, row.first_reasoning_us, row.first_text_us, row.end_us) == (0, 2000, 3000, 6000)
    assert (row.reasoning, row.text) == ("Let me think. ", "=1+1 is 2\u2028🙂\nDone.")


async def test_equal_prompts_are_stored_once(store: Store) -> None:
    await created(store)
    await created(store)
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM prompts")) == 1


async def test_images_come_back_in_their_turns_and_show_in_lists(store: Store) -> None:
    red, blue = (store.images.add(png(color=color)) for color in ((255, 0, 0), (0, 0, 255)))
    prompt = Prompt("", (UserTurn("Which colours?", (blue, red, blue)),))
    found = await read(store, await store.create(prompt, [(ONE, prompt)]))
    (turn,) = found.prompt.turns
    assert isinstance(turn, UserTurn)
    assert [image.data for image in turn.images] == [blue.data, red.data, blue.data]
    assert (await store.page()).rows[0].images == (blue.sha256, red.sha256)


async def test_a_comparison_whose_image_file_is_gone_still_opens(store: Store) -> None:
    image = store.images.add(png())
    prompt = Prompt("", (UserTurn("What is this?", (image,)),))
    comparison_id = await store.create(prompt, [(ONE, prompt)])
    store.images.delete(image.sha256)
    found = await read(store, comparison_id)
    assert found.prompt == prompt
    assert found.prompt.turns[0].images[0].data == b""


async def test_a_comparison_whose_images_are_out_of_reach_is_not_read_without_them(
    url: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3.serving() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        store = Store.open(url, bucket)
        image = store.images.add(png())
        prompt = Prompt("", (UserTurn("What is this?", (image,)),))
        comparison_id = await store.create(prompt, [(ONE, prompt)])
        assert (await read(store, comparison_id)).prompt.turns[0].images[0].data == image.data
    with pytest.raises(StorageError, match="can't be used now"):
        await store.read(comparison_id)
    assert await store.question(comparison_id) is not None
    store.close()


async def test_what_is_not_here_is_none(store: Store) -> None:
    assert await store.read("nothing") is None
    assert await store.question("nothing") is None
    assert await store.answered("nothing") == ()
    assert await store.answer_text("nothing", 0) is None


async def test_a_question_is_what_was_asked_of_whom_with_the_ratings_that_count(store: Store) -> None:
    image = store.images.add(png())
    prompt = Prompt("Be brief.", (UserTurn("What is this?", (image,)),))
    first = await created(store, "one")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], follows=first)
    await store.rate(comparison_id, "Ann", judged([0], [1]))
    last = await store.rate(comparison_id, "Ann", judged([1], [0]))
    whole = await read(store, comparison_id)
    asked: list[str] = []
    event.listen(store._database.engine, "before_cursor_execute", lambda c, cursor, sql, *_: asked.append(sql))
    store.images.delete(image.sha256)  # its bytes are not read
    found = await store.question(comparison_id)
    assert found is not None
    assert (found.id, found.prompt, found.ratings) == (comparison_id, whole.prompt, (last,))
    assert [link.title for link in found.links] == ["one", "What is this?"]
    assert [each.lane for each in found.lanes] == [lane.lane for lane in whole.lanes]
    assert [each.address_hash for each in found.lanes] == [address_hash(ONE.backend), ""]
    assert [each.prompt for each in found.lanes] == [prompt, prompt]
    assert found.sizes == {image.sha256: len(image.data)}
    assert not [sql for sql in asked if "texts" in sql or "recording_chunks" in sql]


async def test_answers_are_read_without_prompts_and_to_the_letter(store: Store) -> None:
    comparison_id = await created(store)
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    await store.append(comparison_id, BEGAN, entries(1, stamped()[:4]), {})
    whole = await read(store, comparison_id)
    assert await store.answered(comparison_id) == tuple((lane.lane, lane.answer, lane.flags) for lane in whole.lanes)
    assert [await store.answer_text(comparison_id, position) for position in (0, 1, 2, -1)] == [
        "=1+1 is 2\u2028🙂\nDone.",
        "",
        None,
        None,
    ]


async def test_a_conversation_is_found_from_each_of_its_steps(store: Store) -> None:
    first = await created(store, "one")
    second = await created(store, "two", follows=first)
    third, other = [await created(store, question, follows=second) for question in ("three", "other")]
    for last, titles in (
        (first, ["one"]),
        (second, ["one", "two"]),
        (third, ["one", "two", "three"]),
        (other, ["one", "two", "other"]),
    ):
        found = await store.question(last)
        assert found is not None
        assert [link.title for link in found.links] == titles
        assert (found.links[0].id, found.links[-1].id) == (first, last)


async def test_following_what_is_not_here_is_refused(store: Store) -> None:
    with pytest.raises(StorageError, match="not here any more"):
        await created(store, follows="nothing")


@pytest.mark.parametrize("limit", [1, 3, 7, 50])
async def test_pages_are_the_whole_history_newest_first(store: Store, limit: int) -> None:
    ids = [await created(store, str(number)) for number in range(7)]
    pages = [rows async for rows in history(store, limit)]
    assert [row.id for rows in pages for row in rows] == ids[::-1]
    assert all(len(rows) == limit for rows in pages[:-1])


async def test_comparisons_of_the_same_moment_are_paged_without_loss(store: Store) -> None:
    ids = {await created(store, str(number)) for number in range(5)}
    moved = text("UPDATE comparisons SET created_at = '2026-01-01 00:00:00.000000'")
    store._database.writer.submit(lambda connection: connection.execute(moved)).result()
    pages = [rows async for rows in history(store, 2)]
    assert [len(rows) for rows in pages] == [2, 2, 1]
    assert {row.id for rows in pages for row in rows} == ids


async def test_what_is_new_meanwhile_does_not_shift_the_next_page(store: Store) -> None:
    ids = [await created(store, str(number)) for number in range(4)]
    first = await store.page(limit=2)
    await created(store, "newer")
    second = await store.page(first.next, limit=2)
    assert [row.id for row in (*first.rows, *second.rows)] == ids[::-1]


async def test_a_row_tells_what_a_list_needs(store: Store) -> None:
    comparison_id = await created(store, "What   is\n1+1?")
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    await store.rate(comparison_id, "Ann", judged([0], [1]))
    await store.rate(comparison_id, "Ann", judged([1], [0]))
    (row,) = (await store.page()).rows
    assert row.title == "What is 1+1?"
    assert [lane[:3] for lane in row.lanes] == [
        ("one · m-1 · FP8", State.DONE, ()),
        ("two · m-2 · effort high", State.WAITING, ()),
    ]
    assert [rating.ranking for rating in row.ratings] == [((1,), (0,))]


async def test_flags_come_with_the_last_end_and_with_what_follows_it(store: Store) -> None:
    comparison_id = await created(store)
    await store.append(comparison_id, BEGAN, entries(0, stamped()[:-1]), {0: fold(stamped()[:-1])})
    assert [lane.flags for lane in await store.answered(comparison_id)] == [(), ()]
    await store.append(comparison_id, BEGAN, entries(1, stamped()), {1: fold(stamped())}, [(NO_USAGE, LEAK), (LEAK,)])
    assert [lane.flags for lane in await store.answered(comparison_id)] == [(LEAK, NO_USAGE), (LEAK,)]
    await store.append(comparison_id, BEGAN, entries(0, stamped()[-1:]), {0: fold(stamped())}, [(), (LEAK,)])
    assert [lane.flags for lane in await store.answered(comparison_id)] == [(), (LEAK,)]
    assert [lane.flags for lane in (await read(store, comparison_id)).lanes] == [(), (LEAK,)]
    assert [lane.flags for lane in (await store.page()).rows[0].lanes] == [(), ("marker_leak",)]


async def test_comparisons_are_found_by_the_flags_of_their_lanes(store: Store) -> None:
    ids = [await flagged(store, *found) for found in ([LEAK, LEAK], [(), NO_USAGE], [()], [NO_USAGE, LEAK], [LEAK])]
    leaking = Filter(flag="marker_leak")
    assert (await store.choices())["flag"] == ("marker_leak", "no_usage")
    first = await store.page(limit=2, wanted=leaking)
    rest = await store.page(first.next, limit=2, wanted=leaking)
    assert [row.id for row in (*first.rows, *rest.rows)] == [ids[4], ids[3], ids[0]]
    assert rest.next is None
    assert (await store.page(wanted=Filter(flag="truncated"))).rows == ()


async def test_a_flag_of_another_version_is_shown_by_its_code(store: Store) -> None:
    await flagged(store, Flag("new", "Not known here."))
    assert (await store.choices())["flag"] == ("new",)
    assert (await store.page(wanted=Filter(flag="new"))).rows[0].lanes[0].flags == ("new",)


async def test_what_only_sealed_comparisons_have_is_no_choice(store: Store) -> None:
    prompt = asking("Who?")
    run = await store.create(prompt, [(lane, prompt) for lane in (ONE, TWO)], Plan(BLIND), "maker")
    assert (await store.choices("stranger"))["backend"] == ()
    await store.reveal(run, "maker", "choice")
    assert (await store.choices("maker"))["backend"] == ("one", "two")
    assert (await store.choices("stranger"))["backend"] == ()


async def test_an_empty_history_is_one_empty_page(store: Store) -> None:
    page = await store.page()
    assert (page.rows, page.next) == ((), None)


@pytest.mark.sqlite
async def test_a_page_seeks_and_reads_no_text_and_no_recording(store: Store) -> None:
    for _ in range(3):
        await flagged(store, NO_USAGE)
    asked: list[tuple[str, object]] = []
    event.listen(
        store._database.engine, "before_cursor_execute", lambda c, cursor, sql, values, *_: asked.append((sql, values))
    )
    first = await store.page(limit=1)
    await store.page(first.next, limit=1)
    await store.page(wanted=Filter(flag="no_usage", rated="no"))
    await store.choices()
    selects = [(sql, values) for sql, values in asked if sql.startswith("SELECT")]
    with store.engine.connect() as connection:
        plans = [
            str(row.detail)
            for sql, values in selects
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]
    assert any("comparisons USING INDEX ix_comparisons_number" in plan for plan in plans)
    assert not [plan for plan in plans if "TEMP B-TREE" in plan and "ratings" in plan]
    assert any(plan.startswith("SEARCH facets USING PRIMARY KEY (kind=? AND value=?)") for plan in plans)
    assert not [plan for plan in plans if plan.startswith("SCAN") and " INDEX " not in plan]
    assert not [sql for sql, _ in selects if "texts" in sql or "recording_chunks" in sql or "body" in sql]


async def test_a_new_rating_supersedes_only_that_evaluator_s(store: Store) -> None:
    comparison_id = await created(store, lanes=3)
    first = await store.rate(comparison_id, " Ann ", judged([1], [0, 2], tags=("clear",), comment="Good."))
    other = await store.rate(comparison_id, "Bob", judged(all_bad=True))
    second = await store.rate(comparison_id, "Ann", judged([2], [1], [0]))
    found = await read(store, comparison_id)
    assert found.ratings == (first, other, second)
    assert current(found.ratings) == (other, second)
    assert (second.supersedes, first.supersedes, other.supersedes) == (first.id, None, None)
    assert (first.evaluator, first.tags, first.comment) == ("Ann", ("clear",), "Good.")
    assert other.ranking == ((0, 1, 2),)


async def test_many_ratings_at_once_make_one_line_of_succession(store: Store) -> None:
    comparison_id = await created(store)
    await asyncio.gather(*(store.rate(comparison_id, "Ann", judged([0], [1])) for _ in range(20)))
    found = await read(store, comparison_id)
    assert len(found.ratings) == 20
    assert len(current(found.ratings)) == 1


async def test_a_rating_that_makes_no_sense_is_refused_and_leaves_nothing(store: Store) -> None:
    comparison_id = await created(store)
    for evaluator, ranking in (("", [[0], [1]]), ("Ann", [[0]]), ("Ann", [[0], [1], [2]])):
        with pytest.raises(RatingError):
            await store.rate(comparison_id, evaluator, judged(*ranking))
    with pytest.raises(RatingError, match="not here"):
        await store.rate("nothing", "Ann", judged([0]))
    assert (await read(store, comparison_id)).ratings == ()


async def test_what_a_crash_left_open_is_interrupted_at_the_next_start(url: str) -> None:
    store = Store.open(url)
    comparison_id = await created(store, lanes=3)
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    await store.append(comparison_id, BEGAN, entries(1, stamped()[:4]), {})
    store.close()  # without an end for lanes 1 and 2, as after a crash
    for _ in range(2):  # and opening once more adds nothing
        store = Store.open(url)
        done, begun, silent = (await read(store, comparison_id)).lanes
        store.close()
    assert done.recording == tuple(stamped())
    assert begun.recording[:-1] == tuple(stamped()[:4])
    assert begun.recording[-1].at == 3000
    assert isinstance(begun.recording[-1].event, Failed)
    assert (begun.answer.state, begun.answer.text) == (State.INTERRUPTED, "=1+1 is 2\u2028")
    assert (silent.answer.state, len(silent.recording)) == (State.INTERRUPTED, 1)
    assert [[flag.code for flag in lane.flags] for lane in (done, begun, silent)] == [
        ["unknown_tool"],
        ["other_model"],
        [],
    ]


async def test_rows_show_what_was_interrupted(url: str) -> None:
    store = Store.open(url)
    await created(store)
    store.close()
    store = Store.open(url)
    assert [lane.state for lane in (await store.page()).rows[0].lanes] == [State.INTERRUPTED] * 2
    store.close()


@pytest.mark.sqlite
async def test_a_second_app_is_refused_and_disturbs_nothing(store: Store, url: str) -> None:
    comparison_id = await created(store)
    with pytest.raises(StorageError, match="in use by another Lanewise"):
        Store.open(url)
    assert (await read(store, comparison_id)).lanes[0].answer.state == State.WAITING


@pytest.mark.sqlite
async def test_a_database_that_goes_bad_while_reading_is_told(store: Store, tmp_path: Path) -> None:
    await created(store)
    with store.engine.begin() as connection:
        connection.execute(text("DROP TABLE ratings"))
    with pytest.raises(StorageError, match="no such table"):
        await store.page()


async def test_a_busy_pool_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = store._database.engine.pool
    monkeypatch.setattr(pool, "_timeout", 0.01)
    with ExitStack() as held:
        for _ in range(pool.size() + pool._max_overflow):
            held.enter_context(store._database.engine.connect())
        with pytest.raises(StorageError, match="busy"):
            await store.page()


async def test_a_blind_rating_leads_to_the_reasoning_that_was_hidden_then_to_the_reveal(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    steps = []

    async def rate(judgement: Judgement) -> Rating:
        kept = await store.rate(comparison_id, "Ann", judgement, await store.show(comparison_id, "ann"))
        seen = await store.show(comparison_id, "ann")
        steps.append((kept.blind, seen and seen.step))
        return kept

    first = await rate(judged([0], [1], strength=2))
    second = await rate(judged([1], [0], traces=Reasoned(marks={"faithful": (0,)})))
    third = await rate(judged([0, 1]))
    assert steps == [(True, Step.REASONING), (True, Step.OPEN), (False, Step.OPEN)]
    assert (second.supersedes, second.ranking, second.strength) == (first.id, ((0,), (1,)), 2)  # as judged without it
    assert second.traces.marks == {"faithful": (0,)}
    assert third.supersedes == second.id


async def test_of_two_presses_the_second_is_no_rating_of_its_own(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    seen = await store.show(comparison_id, "ann")
    rating = partial(store.rate, comparison_id, "Ann", judged([0], [1]), seen)
    first, second = await asyncio.gather(rating(), rating(), return_exceptions=True)
    assert isinstance(first, Rating)
    assert first.blind
    assert isinstance(second, RatingError)


async def test_who_has_rated_at_another_browser_does_not_rate_blind_again(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    kept = [
        await store.rate(comparison_id, "Ann", judged([0], [1], early=True), await store.show(comparison_id, browser))
        for browser in ("desk", "phone")
    ]
    assert [each.blind for each in kept] == [True, False]
    assert evidence(reversed(kept)) == (kept[0],)


async def test_who_judges_the_reasoning_has_judged_the_answers(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    for browser, evaluator in (("desk", "Ann"), ("phone", "Bob")):
        await store.rate(comparison_id, evaluator, judged([0], [1]), await store.show(comparison_id, browser))
    for evaluator in ("Cat", "Bob"):  # who has judged nothing, or somewhere else
        with pytest.raises(RatingError, match="another name"):
            await store.rate(comparison_id, evaluator, judged([1], [0]), await store.show(comparison_id, "desk"))


async def test_a_rating_that_comes_after_the_reveal_is_not_blind(store: Store) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    before = await store.show(comparison_id, "ann")
    reveal = store.reveal(comparison_id, "ann", "choice")
    _, late = await asyncio.gather(
        reveal, store.rate(comparison_id, "Ann", judged([0], [1]), before), return_exceptions=True
    )
    assert isinstance(late, RatingError)
    assert not (await store.rate(comparison_id, "Ann", judged([0], [1]), await store.show(comparison_id, "ann"))).blind


@pytest.mark.parametrize("seconds", [-1.0, 1e300])
async def test_a_time_that_can_not_be_is_not_kept(store: Store, seconds: float) -> None:
    comparison_id = await created(store)
    seen = await store.show(comparison_id, "ann")
    assert (await store.rate(comparison_id, "Ann", judged([0], [1], seconds=seconds), seen)).seconds is None


@pytest.mark.parametrize("judgement", [judged([0], [1], early=True), Judgement(skipped="I can't judge this")])
async def test_an_early_rating_or_a_skip_reveals_at_once(store: Store, judgement: Judgement) -> None:
    prompt = asking("What is 1+1?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "ann")
    await store.append(comparison_id, BEGAN, entries(0, stamped()), {0: fold(stamped())})
    rating = await store.rate(comparison_id, "Ann", judgement, await store.show(comparison_id, "ann"))
    seen = await store.show(comparison_id, "ann")
    assert seen is not None
    assert (rating.blind, rating.showing_id, seen.step, seen.revealed_by) == (True, seen.id, Step.OPEN, "rating")
