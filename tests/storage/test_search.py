"""What people look for is found, whatever they type; what is sealed for them is not found by what would tell of it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from backends.answer import fold
from backends.events import Event, Finished, ReasoningDelta, Stamped, TextDelta
from backends.flags import Flag
from backends.prompt import Prompt, UserTurn
from storage import search
from storage.comparison import Filter, Piece, Row, Snippet
from storage.plan import BLIND, Plan
from storage.ratings import Judgement
from storage.store import OPENLY, Store
from tests.storage.made import BEGAN, ONE, THREE, TWO, asking

LANES = (ONE, TWO, THREE)
LEAK = Flag("marker_leak", "In line 1.")


def said(answer: str, reasoning: str = "") -> tuple[Stamped, ...]:
    events: tuple[Event, ...] = (ReasoningDelta(reasoning), TextDelta(answer), Finished("stop"))
    return tuple(Stamped(number, each) for number, each in enumerate(events))


async def kept(
    store: Store,
    question: str = "What is it?",
    answers: Sequence[str] = ("An answer.", "Another."),
    reasoning: str = "",
    flags: Sequence[Sequence[Flag]] = (),
    plan: Plan = OPENLY,
    maker: str = "",
) -> str:
    """A comparison whose lanes have ended, one after another; the last of them has reasoning."""
    prompt = Prompt("", (UserTurn(question),))
    comparison_id = await store.create(prompt, [(lane, prompt) for lane in LANES[: len(answers)]], plan, maker)
    for position, answer in enumerate(answers):
        last = position == len(answers) - 1
        ended = {position: fold(said(answer, reasoning if last else ""))}
        await store.append(comparison_id, BEGAN, [], ended, flags if last else ())
    return comparison_id


async def found(store: Store, words: str = "", viewer: str = "", **filters: Any) -> list[str]:
    return [row.id for row in (await rows(store, words, viewer, **filters))]


async def rows(store: Store, words: str = "", viewer: str = "", **filters: Any) -> tuple[Row, ...]:
    return (await store.page(wanted=Filter(words, **filters), viewer=viewer)).rows


async def test_words_are_found_in_prompts_answers_and_reasoning_newest_first(store: Store) -> None:
    asked = await kept(store, "Where is the lighthouse?")
    answered = await kept(store, answers=("On the cliff.", "The LIGHTHOUSE is old."))
    thought = await kept(store, reasoning="They mean the lighthouse.")
    await kept(store)
    assert await found(store, "lighthouse") == [thought, answered, asked]
    assert [[(each.source, each.position) for each in row.snippets] for row in await rows(store, "lighthouse")] == [
        [("reasoning", 1)],
        [("answer", 1)],
        [("prompt", 0)],
    ]


async def test_all_words_are_wanted_wherever_in_the_comparison_they_stand(store: Store) -> None:
    both = await kept(store, "A red apple", answers=("Pears.", "And plums."))
    await kept(store, "A red car")
    assert await found(store, "plums apple") == [both]
    assert await found(store, '"red apple"') == [both]
    assert await found(store, '"apple red"') == []
    assert await found(store, "app*") == [both]
    assert len(await found(store, "red")) == 2


async def test_accents_and_case_do_not_matter(store: Store) -> None:
    comparison_id = await kept(store, "Où est la Forêt?")
    assert await found(store, "OU foret") == [comparison_id]


async def test_no_phrase_reaches_from_one_answer_into_the_next(store: Store) -> None:
    await kept(store, answers=("It ends here", "and begins there"))
    assert await found(store, '"here and"') == []


async def test_a_snippet_marks_the_hits_and_leaves_the_text_as_it_is(store: Store) -> None:
    await kept(store, "Hello", answers=("word " * 40 + "<b>needle</b>\n and " + "more " * 60, "No."))
    ((snippet,),) = [row.snippets for row in await rows(store, "needle")]
    assert (snippet.source, snippet.position) == ("answer", 0)
    before, hit, after = snippet.pieces
    assert before.text.startswith("… ")
    assert before.text.endswith("word <b>")
    assert hit == Piece("needle", hit=True)
    assert after.text.startswith("</b> and more")
    assert after.text.endswith(" …")
    assert sum(len(piece.text) for piece in snippet.pieces) <= search.LENGTH + 4


async def test_what_has_no_answer_yet_is_found_by_its_prompt(store: Store) -> None:
    prompt = asking("Where is the lighthouse?")
    comparison_id = await store.create(prompt, [(ONE, prompt), (TWO, prompt)])
    assert await found(store, "lighthouse") == [comparison_id]


async def test_an_answer_that_ends_again_is_found_by_its_last_words_only(store: Store) -> None:
    comparison_id = await kept(store, answers=("The first words.", "Others."))
    await store.append(comparison_id, BEGAN, [], {0: fold(said("The last ones."))})
    assert await found(store, "first") == []
    assert await found(store, "last others") == [comparison_id]
    assert not damaged(store)


@pytest.mark.parametrize("words", ['"', '""', "!!", "-", "*", "^", "(((", "\0", "\ud800"])
async def test_where_there_is_no_word_nothing_is_found(store: Store, words: str) -> None:
    await kept(store)
    assert await found(store, words) == []


@pytest.mark.parametrize(
    "words", ["what AND (it", '"what is', "NEAR(what it, 3", "prompt:what", "what*it", "what NOT it", "{what} : is"]
)
async def test_what_looks_like_syntax_is_searched_as_words(store: Store, words: str) -> None:
    comparison_id = await kept(store, f"Here: {words}, as it was typed")
    assert await found(store, words) == [comparison_id]


@given(words=st.text(max_size=60) | st.text('ab"*():^-+{} ', max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_nothing_that_is_typed_is_refused(store: Store, words: str) -> None:
    asyncio.run(rows(store, words, rated="no"))


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
def test_what_was_asked_is_found_by_its_own_words(store: Store, text: str) -> None:
    comparison_id = asyncio.run(kept(store, f"lighthouse {text}", answers=("Yes.",)))
    words = " ".join(each for each in text.replace('"', " ").split() if each.isalnum() and each.isascii())
    assert comparison_id in asyncio.run(found(store, f"lighthouse {words}"))


async def test_filters_combine_with_each_other_and_with_words(store: Store) -> None:
    two = await kept(store, "One")
    three = await kept(store, "Two", answers=("A", "B", "C"), flags=[(LEAK,), (), ()])
    await store.rate(three, "Ann", Judgement(((0,), (1, 2)), tags=("clear", "wrong")))
    assert await found(store, backend="two") == [three, two]
    assert await found(store, backend="three") == [three]
    assert await found(store, artifact="NVFP4", effort="high") == [three]
    assert await found(store, flag="marker_leak", evaluator="Ann", tag="clear", rated="yes") == [three]
    assert await found(store, rated="no") == [two]
    assert await found(store, rated="no", backend="three") == []
    assert await found(store, "two", backend="three") == [three]
    assert await found(store, "one", backend="three") == []
    assert await found(store, origin="shipped") == []


async def test_days_bound_the_list(store: Store) -> None:
    ids = [await kept(store, str(number)) for number in range(3)]
    at = [row.created_at for row in reversed((await store.page()).rows)]
    assert await found(store, since=at[1]) == ids[:0:-1]
    assert await found(store, before=at[1]) == ids[:1]
    assert await found(store, since=at[0] + timedelta(days=1)) == []
    half_typed, far = at[0].replace(year=202), at[0].replace(year=9999)
    assert await found(store, since=half_typed, before=far) == ids[::-1]
    assert await found(store, before=half_typed) == await found(store, since=far) == []


async def test_only_ratings_that_count_are_filtered_by(store: Store) -> None:
    comparison_id = await kept(store)
    await store.rate(comparison_id, "Ann", Judgement(((0,), (1,)), tags=("clear",)))
    await store.rate(comparison_id, "Bob", Judgement(((0,), (1,)), tags=("wrong",)))
    await store.rate(comparison_id, "Ann", Judgement(((1,), (0,)), tags=("too long",)))
    assert (await store.choices())["tag"] == ("too long", "wrong")
    await store.rate(comparison_id, "Bob", Judgement((), skipped=store.rubric.skips[0]))
    assert (await store.choices())["evaluator"] == ("Ann",)
    await store.rate(comparison_id, "Ann", Judgement((), skipped=store.rubric.skips[0]))
    assert await found(store, rated="no") == [comparison_id]


async def test_a_flag_that_is_taken_back_is_not_filtered_by(store: Store) -> None:
    comparison_id = await kept(store, flags=[(LEAK,), (LEAK,)])
    ended = {0: fold(said("Again."))}
    await store.append(comparison_id, BEGAN, [], ended, [(), (LEAK,)])
    assert await found(store, flag="marker_leak") == [comparison_id]
    await store.append(comparison_id, BEGAN, [], ended, [(), ()])
    assert await found(store, flag="marker_leak") == []


async def test_of_a_sealed_comparison_only_its_prompt_is_found(store: Store) -> None:
    comparison_id = await kept(store, "Hello there", ("lighthouse", "Other."), flags=[(LEAK,), ()], plan=Plan(BLIND))
    for words in ("lighthouse", "hello lighthouse"):
        assert await found(store, words) == []
    telling: Sequence[dict[str, str]] = (
        {"backend": "two"},
        {"artifact": "FP8"},
        {"effort": "high"},
        {"flag": LEAK.code},
    )
    for filters in telling:
        assert await found(store, **filters) == []
        assert await found(store, "hello", **filters) == []
    (row,) = await rows(store, "hello", rated="no")
    assert (row.id, row.sealed, row.lanes, row.ratings) == (comparison_id, True, (), ())
    assert row.snippets == (Snippet("prompt", 0, (Piece("Hello", hit=True), Piece(" there", hit=False))),)

    await store.reveal(comparison_id, "", "choice")
    assert await found(store, "lighthouse", backend="two") == [comparison_id]
    assert await found(store, "lighthouse", viewer="another") == []
    (row,) = await rows(store)
    assert (row.sealed, len(row.lanes), sorted(row.order)) == (False, 2, [0, 1])


async def test_what_is_being_judged_stays_sealed_when_the_queue_no_longer_wants_it(store: Store) -> None:
    comparison_id = await kept(store, answers=("lighthouse", "Other."))
    await store.enqueue([comparison_id], 1)
    await store.show(comparison_id, "ann")
    await store.enqueue([comparison_id], 0)
    assert await found(store, "lighthouse", viewer="ann") == []
    assert await found(store, "lighthouse", viewer="another") == [comparison_id]


async def test_what_can_be_chosen_is_what_is_stored(store: Store) -> None:
    assert set((await store.choices()).values()) == {()}
    await kept(store, answers=("A", "B", "C"), flags=[(LEAK,), (), ()])
    chosen = await store.choices()
    assert (chosen["backend"], chosen["artifact"]) == (("one", "three", "two"), ("FP8", "NVFP4"))
    assert (chosen["effort"], chosen["flag"], chosen["rated"]) == (("high",), ("marker_leak",), ("no",))


@pytest.mark.sqlite
async def test_a_search_walks_through_its_hits_and_sorts_nothing(store: Store) -> None:
    await kept(store)
    asked: list[tuple[str, Any]] = []
    event.listen(
        store._database.engine, "before_cursor_execute", lambda c, cursor, sql, values, *_: asked.append((sql, values))
    )
    await found(store, "answer", backend="one", rated="no")
    await found(store, backend="one", rated="no")
    lists = [(sql, values) for sql, values in asked if "comparisons.title" in sql]
    with store.engine.connect() as connection:
        plans = [
            [str(row.detail) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
            for sql, values in lists
        ]
    searched, filtered = plans
    assert searched[0].startswith("SCAN searchable_fts VIRTUAL TABLE INDEX")
    assert filtered[0].startswith("SEARCH facets USING PRIMARY KEY")
    assert not [plan for plan in searched + filtered if "TEMP B-TREE" in plan or plan.startswith("SCAN comparisons")]


def damaged(store: Store) -> bool:
    """Does the index differ from the texts that it is of?"""
    return store._database.writer.submit(_differs).result()


def _differs(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        try:
            connection.exec_driver_sql(
                "INSERT INTO searchable_fts (searchable_fts, rank) VALUES ('integrity-check', 1)"
            )
        except DBAPIError:
            return True
        return False
    kept = connection.exec_driver_sql("SELECT * FROM searchable_fts ORDER BY rowid").all()
    connection.exec_driver_sql("DELETE FROM searchable_fts")
    connection.exec_driver_sql("SELECT index_texts(rowid) FROM searchable")
    return kept != connection.exec_driver_sql("SELECT * FROM searchable_fts ORDER BY rowid").all()
