"""Battles of arenas, and answers made elsewhere, become comparisons that say where they come from."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from backends.answer import State
from backends.prompt import AssistantTurn, UserTurn
from storage import imports
from storage.comparison import Comparison, Filter
from storage.errors import TransferError
from storage.store import Store
from tests.storage.exported import lines, rows
from tests.storage.imports.conftest import Bring
from tests.storage.made import judged, png


def said(role: str, text: str, image: str | None = None) -> dict[str, Any]:
    """A message as arena-human-preference-140k has it."""
    parts = [{"type": "text", "text": text, "image": None, "mimeType": None}]
    shown = [{"type": "image", "text": None, "image": image, "mimeType": "image/png"}] if image else []
    return {"role": role, "content": parts + shown}


BATTLE: dict[str, Any] = {
    "id": "b1",
    "model_a": "alpha-1",
    "model_b": "beta-2",
    "winner": "model_b",
    "evaluation_session_id": "s1",
    "evaluation_order": 1,
    "conversation_a": [said("user", "Hello"), said("assistant", "Hi!"), said("user", "1+1?"), said("assistant", "2")],
    "conversation_b": [
        said("user", "Hello"),
        said("assistant", "Hey"),
        said("user", "1+1?"),
        said("assistant", "Two"),
    ],
    "language": "en",
    "is_code": False,
    "timestamp": "2026-05-06T07:08:09+00:00",
}
OLDER: dict[str, Any] = {  # as arena-human-preference-100k and FastChat's clean_battle_data.py have it
    "question_id": "q1",
    "model_a": "alpha-1",
    "model_b": "beta-2",
    "winner": "tie (bothbad)",
    "judge": "arena_user_7",
    "conversation_a": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "A", "num_tokens": 1}],
    "conversation_b": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "B", "num_tokens": 1}],
    "turn": 1,
    "anony": False,
    "tstamp": 1778051289.5,
}


async def kept(store: Store) -> list[Comparison]:
    """All of them, oldest first."""
    found = [await store.read(run) for run in reversed(await store.found(Filter()))]
    return [each for each in found if each]


async def test_each_turn_of_a_battle_is_a_comparison_and_the_vote_rates_the_last(bring: Bring, store: Store) -> None:
    bring([BATTLE])
    first, second = await kept(store)
    assert [[lane.answer.text for lane in each.lanes] for each in (first, second)] == [["Hi!", "Hey"], ["2", "Two"]]
    assert (second.follows, second.prompt.turns) == (first.id, (UserTurn("1+1?"),))
    assert second.lanes[1].prompt.turns == (UserTurn("Hello"), AssistantTurn("Hey"), UserTurn("1+1?"))
    assert [lane.lane.label for lane in second.lanes] == ["imported · alpha-1", "imported · beta-2"]
    (rating,) = second.ratings
    assert (rating.evaluator, rating.ranking, rating.all_bad, rating.blind) == ("s1", ((1,), (0,)), False, True)
    assert first.ratings == ()
    assert first.created_at == datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    (row,) = rows(store)
    assert (row["origin"], row["winner"], row["text_b"], row["kind_a"]) == ("imported", "model_b", "Two", "imported")


@pytest.mark.parametrize(
    ("winner", "ranking", "bad"),
    [("model_a", ((0,), (1,)), False), ("tie", ((0, 1),), False), ("both_bad", ((0, 1),), True)],
)
async def test_every_vote_is_read(
    bring: Bring, store: Store, winner: str, ranking: tuple[tuple[int, ...], ...], bad: bool
) -> None:
    bring([OLDER | {"winner": winner}])
    ((rating,),) = [each.ratings for each in await kept(store)]
    assert (rating.ranking, rating.all_bad) == (ranking, bad)


async def test_an_older_battle_is_read_too(bring: Bring, store: Store) -> None:
    bring([OLDER])
    (only,) = await kept(store)
    (rating,) = only.ratings
    assert (rating.evaluator, rating.all_bad, rating.blind) == ("arena_user_7", True, False)
    assert only.created_at == datetime(2026, 5, 6, 7, 8, 9, 500_000, tzinfo=UTC)


async def test_a_battle_is_imported_once_and_two_of_one_moment_both(bring: Bring, store: Store) -> None:
    other = OLDER | {"question_id": "q2"}
    bring([OLDER, other])
    assert bring([OLDER, other]).there == 2
    assert len(await kept(store)) == 2


async def test_battles_come_as_parquet_with_their_images(store: Store, tmp_path: Path) -> None:
    image = base64.b64encode(png()).decode()
    talk = {side: [said("user", "What is it?", image), said("assistant", side)] for side in "ab"}
    battle = BATTLE | {f"conversation_{side}": talk[side] for side in "ab"} | {"timestamp": datetime(2026, 5, 6)}
    parquet.write_table(pyarrow.Table.from_pylist([battle]), tmp_path / "battles.parquet")
    store.bring(imports.found(tmp_path / "battles.parquet", store.images))
    (only,) = await kept(store)
    (turn,) = only.prompt.turns
    assert isinstance(turn, UserTurn)
    assert [(each.width, each.height) for each in turn.images] == [(4, 3)]
    assert turn.images[0].data
    (line,) = lines(store)
    assert [each["sha256"] for each in line["images"]] == [turn.images[0].sha256]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"winner": "left"}, "winner must be one of model_a, model_b, tie, both_bad"),
        ({"model_a": None}, "model_a is missing"),
        ({"conversation_a": "Hi"}, "conversation_a must be a list of messages"),
        ({"conversation_b": BATTLE["conversation_b"][:3]}, "conversation_b must be turns of user and assistant"),
        ({"conversation_b": BATTLE["conversation_b"][:2]}, "conversation_a has 2 answers, and conversation_b 1"),
        ({"conversation_a": [{"role": "user", "content": 3}]}, r"conversation_a\[0\].content must be text"),
        (
            {"conversation_a": [said("user", "?", "https://example.com/x.png")]},
            r"conversation_a\[0\].content has an image that is",
        ),
        ({"timestamp": "yesterday"}, "timestamp must be a time"),
    ],
)
def test_what_is_wrong_with_a_battle_is_told(bring: Bring, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(TransferError, match=f"^line 2: {words}"):
        bring([BATTLE, BATTLE | wrong])


WIDE = b'prompt,answer_a,answer_b,answer_c,model_b,system\n"Hi,\nyou",Hello.,=1+1,,beta,Be brief.\nBye,x,y,z,,\n'
LONG = b"prompt,lane,answer,reasoning\nHi,alpha,Hello.,Hm.\nBye,alpha,Ciao.,\nHi,beta,Hey.,\nBye,beta,So long.,\n"


async def test_a_row_has_the_answers_to_a_prompt(bring: Bring, store: Store) -> None:
    assert bring(WIDE, ".csv").brought == 2
    first, second = await kept(store)
    assert (first.prompt.system, first.prompt.turns) == ("Be brief.", (UserTurn("Hi,\nyou"),))
    assert [(lane.lane.model, lane.answer.text) for lane in first.lanes] == [("a", "Hello."), ("beta", "=1+1")]
    assert [lane.lane.model for lane in second.lanes] == ["a", "b", "c"]


async def test_or_a_row_has_one_answer(bring: Bring, store: Store) -> None:
    bring(LONG, ".csv")
    first, second = await kept(store)
    assert [(lane.lane.model, lane.answer.text, lane.answer.reasoning) for lane in first.lanes] == [
        ("alpha", "Hello.", "Hm."),
        ("beta", "Hey.", ""),
    ]
    assert [lane.answer.text for lane in second.lanes] == ["Ciao.", "So long."]
    assert bring(LONG, ".csv").there == 2


async def test_an_imported_answer_says_so_and_has_no_times(bring: Bring, store: Store) -> None:
    bring(LONG, ".csv")
    first, _ = await kept(store)
    assert first.started_at is None
    for lane in first.lanes:
        assert [flag.code for flag in lane.flags] == ["imported"]
        assert (lane.answer.state, lane.answer.finish_reason) == (State.DONE, "imported")
        assert (lane.answer.times.sent, lane.answer.request, lane.answer.usage.completion) == (None, "", None)
    assert await store.found(Filter(origin="imported", flag="imported")) == await store.found(Filter())


async def test_imported_answers_are_rated_here_and_can_go_to_the_queue(store: Store, tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_bytes(LONG)
    store.bring(imports.found(tmp_path / "answers.csv", store.images), overlap=2)
    run = await store.next_item("ann", "Ann")
    assert run
    seen = await store.show(run, "ann")
    assert (await store.rate(run, "Ann", judged([1], [0]), seen)).blind


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"prompt,answer_a,answer_b\nHi,a,b\nHi,a\n", "line 3: it must have 3 cells"),
        (b"prompt,answer_a,answer_b\nHi,a,b\n,a,b\n", "line 3: prompt is missing"),
        (
            b'prompt,answer_a,answer_b\n"Hi\n",a,b\nBye,a,\n',
            "line 4: it needs 2 to 6 answers to one prompt",
        ),
        (b"prompt,lane,answer\nHi,x,1\nHi,x,2\n", "line 3: lane 'x' has answered this prompt before, at line 2"),
        (b"prompt,lane,answer\nHi,x,1\nHi,,2\n", "line 3: lane is missing"),
        (b"prompt,answer\nHi,x\n", "none of the columns"),
        ("prompt,answer_a,answer_b\nH\xe4,a,b\n".encode("latin-1"), "not in UTF-8"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_line_and_column(bring: Bring, given: bytes, words: str) -> None:
    with pytest.raises(TransferError, match=words):
        bring(given, ".csv")
