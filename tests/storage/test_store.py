"""What is created and appended is read back, in full and as a conversation, whatever happened meanwhile."""

import asyncio
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from backends.answer import State, fold
from backends.events import Failed
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from storage.comparison import Comparison
from storage.errors import StorageError
from storage.lanes import address_hash
from storage.store import Store
from tests import s3
from tests.storage.made import (
    BEGAN,
    ONE,
    SAID,
    TWO,
    asking,
    created,
    entries,
    judged,
    long_talk,
    png,
    read,
    stamped,
)


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
