"""Battles in LMArena's columns, whole rankings, and the answers that somebody called good or bad."""

from collections import Counter
from dataclasses import replace
from io import BytesIO
from itertools import chain
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backends.events import Failed, Sent, TextDelta
from backends.prompt import AssistantTurn, Prompt, UserTurn
from backends.tokens import text_tokens
from storage.comparison import evidence
from storage.exports import VIEWS, export
from storage.exports.items import Scope
from storage.exports.view import Left
from storage.ratings import pairs
from storage.rubric import Dimension, Rubric
from storage.store import Store
from tests.storage.answered import LANES, answered, call, text
from tests.storage.exported import NAMED
from tests.storage.made import ONE, asking, judged, long_talk, png

FAILED = (Sent("{}"), TextDelta("half"), Failed("truncated", "It broke off."))
RUBRIC = Rubric((Dimension("Right", ("1", "2", "3", "4")), Dimension("Clear", ("1", "2", "3"))))
STYLED = """# One
## Two
## Two more
1. first
- point
* point
**bold** and **bold again** and __this__
```
# no header
- no point **not bold**
```
"""


def _struct(kind: pa.DataType, *names: str) -> pa.StructType:
    return pa.struct([(name, kind) for name in names])


_CONTENT = ("content", pa.list_(_struct(pa.string(), "type", "text", "image", "mimeType")))
_MESSAGE = [("role", pa.string()), _CONTENT]
_SIDES = [
    [
        (f"sum_assistant_{side}_tokens", pa.int32()),
        (f"header_count_{side}", _struct(pa.int64(), "h1", "h2", "h3", "h4", "h5", "h6")),
        (f"list_count_{side}", _struct(pa.int64(), "ordered", "unordered")),
        (f"bold_count_{side}", _struct(pa.int64(), "**", "__")),
        (f"context_{side}_tokens", pa.int32()),
    ]
    for side in "ab"
]
_CRITERIA = ("complexity", "creativity", "domain_knowledge", "problem_solving", "real_world", "specificity")
_CATEGORIES = [
    ("creative_writing_v0.1", pa.struct([("creative_writing", pa.bool_()), ("score", pa.string())])),
    ("criteria_v0.1", _struct(pa.bool_(), *_CRITERIA, "technical_accuracy")),
    ("if_v0.1", pa.struct([("if", pa.bool_()), ("score", pa.int32())])),
    ("math_v0.1", _struct(pa.bool_(), "math")),
]
PUBLISHED = [
    ("id", pa.string()),
    ("model_a", pa.string()),
    ("model_b", pa.string()),
    ("winner", pa.string()),
    ("evaluation_session_id", pa.string()),
    ("evaluation_order", pa.int32()),
    ("conversation_a", pa.list_(pa.struct(_MESSAGE))),
    ("conversation_b", pa.list_(pa.struct([*_MESSAGE, ("num_tokens", pa.int32())]))),
    ("full_conversation", pa.list_(_struct(pa.struct(_MESSAGE), "user", "model_side_a", "model_side_b"))),
    ("conv_metadata", pa.struct([*_SIDES[0], *_SIDES[1], ("sum_user_tokens", pa.int32()), ("turns", pa.int32())])),
    ("category_tag", pa.struct(_CATEGORIES)),
    ("language", pa.string()),
    ("is_code", pa.bool_()),
    ("timestamp", pa.timestamp("ns")),
]


def fought(store: Store, scope: Scope = NAMED, left: Left | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table(store, scope, left).to_pylist()
    return rows


def table(store: Store, scope: Scope = NAMED, left: Left | None = None) -> pa.Table:
    return pq.read_table(BytesIO(b"".join(export(VIEWS["battles"], store.engine, scope, None, left))))


def lines(store: Store, view: str, scope: Scope = NAMED, left: Left | None = None) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in chain(export(VIEWS[view], store.engine, scope, store.images, left))]


async def test_the_columns_are_lmarenas_with_their_types_and_ours_after_them(store: Store) -> None:
    await store.rate(await answered(store, asking("?"), text("a"), text("b")), "Ann", judged([0], [1]))
    schema = table(store).schema
    assert [(each.name, each.type) for each in schema][: len(PUBLISHED)] == PUBLISHED
    assert set(schema.names) == {each.name for each in VIEWS["battles"].fields}
    assert {"backend_a", "artifact_b", "effort_a", "model_id_b", "temperature_a", "blind", "pace"} < set(schema.names)


async def test_a_battle_says_who_met_whom_and_who_won(store: Store) -> None:
    run = await answered(store, asking("2+2?"), text("4", "Hm."), text("5"))
    rating = await store.rate(run, "Ann", judged([1], [0], tags=("clear",)))
    (row,) = fought(store)
    assert (row["model_a"], row["model_b"], row["winner"]) == ("one · m-1 · FP8", "two · m-2 · effort high", "model_b")
    assert (row["id"], row["evaluation_session_id"], row["evaluation_order"]) == (f"{rating.id}-0-1", rating.id, 1)
    assert row["timestamp"].isoformat() == rating.created_at.replace(tzinfo=None).isoformat()
    user = {"role": "user", "content": [{"type": "text", "text": "2+2?", "image": None, "mimeType": None}]}
    four = {"role": "assistant", "content": [{"type": "text", "text": "4", "image": None, "mimeType": None}]}
    five = {"role": "assistant", "content": [{"type": "text", "text": "5", "image": None, "mimeType": None}]}
    assert row["conversation_a"] == [user, four]
    assert row["conversation_b"] == [user | {"num_tokens": 1}, five | {"num_tokens": 1}]
    assert row["full_conversation"] == [{"user": user, "model_side_a": four, "model_side_b": five}]
    assert (row["system"], row["tags"], row["model_id_a"], row["temperature_b"]) == ("Be brief.", ["clear"], "m-1", 0.3)
    assert (row["category_tag"], row["language"], row["is_code"]) == (None, None, None)


@pytest.mark.parametrize(
    ("judgement", "winner"),
    [
        (judged([0], [1]), "model_a"),
        (judged([1], [0]), "model_b"),
        (judged([0, 1]), "tie"),
        (judged(all_bad=True), "both_bad"),
        (judged([0], [1], all_bad=True), "both_bad"),
    ],
)
async def test_a_winner_has_one_of_four_names(store: Store, judgement: Any, winner: str) -> None:
    # arena-rank takes any other word for a tie
    await store.rate(await answered(store, asking("?"), text("a"), text("b")), "Ann", judgement)
    assert [row["winner"] for row in fought(store)] == [winner]


async def test_battles_are_the_pairs_of_all_ratings_that_count(store: Store) -> None:
    first = await answered(store, asking("1"), text("a"), text("b"), text("c"))
    second = await answered(store, asking("2"), text("a"), text("b"))
    await store.rate(first, "Ann", judged([0], [1, 2]))
    await store.rate(first, "Ann", judged([2], [0], [1]))
    await store.rate(first, "Bob", judged(all_bad=True))
    await store.rate(second, "Bob", judged([0, 1]))
    await store.rate(second, "Cem", judged(skipped=store.rubric.skips[0]))
    kept = [await store.read(run) for run in (first, second)]
    own = Counter(
        (run.id, run.lanes[a].lane.label, run.lanes[b].lane.label, winner)
        for run in kept
        if run
        for rating in evidence(run.ratings)
        for a, b, winner in pairs(rating.ranking, rating.all_bad)
    )
    rows = fought(store)
    assert Counter((row["comparison_id"], row["model_a"], row["model_b"], row["winner"]) for row in rows) == own
    assert len({row["id"] for row in rows}) == len(rows) == 7
    assert [row["evaluation_order"] for row in rows[:3]] == [1, 2, 3]


async def test_style_is_counted_outside_of_code(store: Store) -> None:
    await store.rate(await answered(store, asking("Hello?"), text(STYLED), text("plain")), "Ann", judged([0], [1]))
    (row,) = fought(store)
    counts = row["conv_metadata"]
    assert counts["header_count_a"] == {"h1": 1, "h2": 2, "h3": 0, "h4": 0, "h5": 0, "h6": 0}
    assert counts["list_count_a"] == {"ordered": 1, "unordered": 2}
    assert counts["bold_count_a"] == {"**": 2, "__": 1}
    assert (counts["bold_count_b"], counts["list_count_b"]) == ({"**": 0, "__": 0}, {"ordered": 0, "unordered": 0})
    assert counts["sum_assistant_a_tokens"] == text_tokens(STYLED)
    assert (counts["sum_assistant_b_tokens"], counts["sum_user_tokens"], counts["turns"]) == (2, 2, 1)
    assert counts["context_a_tokens"] == counts["context_b_tokens"] == text_tokens("Be brief.") + text_tokens("Hello?")


async def test_a_conversation_has_what_is_judged_now_and_the_full_one_each_lanes_history(store: Store) -> None:
    image = store.images.add(png())
    own = [
        Prompt("", (UserTurn("Hi", (image,)), AssistantTurn(said), UserTurn("And?"))) for said in ("I am A.", "I am B.")
    ]
    run = await answered(store, asking("And?"), call("weather", '{"z":1}'), text("b"), own=own)
    await store.rate(run, "Ann", judged([0], [1]))
    (row,) = fought(store)
    assert [message["role"] for message in row["conversation_a"]] == ["user", "assistant"]
    assert [part["type"] for part in row["conversation_a"][1]["content"]] == ["text", "tool_call"]
    first, last = row["full_conversation"]
    assert [part["type"] for part in first["user"]["content"]] == ["image", "text"]
    assert first["user"]["content"][0]["image"] == image.sha256
    assert first["model_side_a"]["content"][0]["text"] == "I am A."
    assert first["model_side_b"]["content"][0]["text"] == "I am B."
    assert last["model_side_b"] == {k: v for k, v in row["conversation_b"][1].items() if k != "num_tokens"}
    assert row["conv_metadata"]["turns"] == 2
    await store.rate(await answered(store, long_talk(), text("a"), text("b")), "Ann", judged([0], [1]))
    spoken = fought(store)[1]["full_conversation"][0]["model_side_a"]["content"]
    assert [part["type"] for part in spoken] == ["text", "tool_call", "tool_result", "text"]


async def test_histories_of_different_length_agree_at_their_end(store: Store) -> None:
    own = [Prompt("", (UserTurn("Hi"), AssistantTurn("Yes?"), UserTurn("And?"))), Prompt("", (UserTurn("Hi\n\nAnd?"),))]
    await store.rate(await answered(store, asking("And?"), text("a"), text("b"), own=own), "Ann", judged([0], [1]))
    first, last = fought(store)[0]["full_conversation"]
    assert first["model_side_b"] is None
    assert (last["model_side_a"]["content"][0]["text"], last["model_side_b"]["content"][0]["text"]) == ("a", "b")


async def test_an_answer_that_failed_loses_no_battle(store: Store) -> None:
    run = await answered(store, asking("?"), text("a"), FAILED, text("c", finish="length"))
    await store.rate(run, "Ann", judged([0], [2], [1]))
    left = Left()
    assert [(row["model_b"], row["finish_reason_b"]) for row in fought(store, left=left)] == [
        ("three · m-3 · NVFP4", "length")
    ]
    assert left.out["pair: an answer failed"] == 2


async def test_an_empty_export_has_the_columns_too(store: Store) -> None:
    assert (table(store).num_rows, table(store).schema.names[0]) == (0, "id")


async def test_a_ranking_is_one_line_with_its_ties(store: Store) -> None:
    run = await answered(store, asking("?"), text("a", "Hm."), text("b"), text("c"))
    await store.rate(run, "Ann", judged([1], [0, 2], scores={"Correctness": (1, 4, None)}))
    await store.rate(run, "Bob", judged(all_bad=True))
    ann, bob = lines(store, "rankings")
    assert (ann["comparison_id"], ann["order"], ann["ties"], ann["all_bad"]) == (run, [1, 0, 2], [[0, 2]], False)
    assert ann["prompt"][-1] == {"role": "user", "content": "?"}
    assert [response["messages"][0]["content"] for response in ann["responses"]] == ["a", "b", "c"]
    assert [response["scores"] for response in ann["responses"]] == [{"Correctness": each} for each in (1, 4, None)]
    first = ann["responses"][0]
    assert (first["lane"], first["history"], first["shown_as"]) == ("one · m-1 · FP8", None, None)
    assert (bob["order"], bob["ties"], bob["all_bad"]) == ([0, 1, 2], [[0, 1, 2]], True)
    top = [each.name for each in VIEWS["rankings"].fields if "[]" not in each.name]
    assert sorted(ann) == sorted(top)


async def test_a_ranking_keeps_the_order_of_the_answers_that_ended(store: Store) -> None:
    own = [Prompt("", (UserTurn("Hi"), AssistantTurn(said), UserTurn("And?"))) for said in "xyz"]
    run = await answered(store, asking("And?"), FAILED, text("b"), text("c"), own=own)
    await store.rate(run, "Ann", judged([2], [0], [1]))
    alone = await answered(store, asking("?"), FAILED, text("b"))
    await store.rate(alone, "Ann", judged([1], [0]))
    left = Left()
    (row,) = lines(store, "rankings", left=left)
    assert ([each["lane"] for each in row["responses"]], row["order"], row["ties"]) == (
        ["two · m-2 · effort high", "three · m-3 · NVFP4"],
        [1, 0],
        [],
    )
    assert row["responses"][0]["history"][1] == {"role": "assistant", "content": "y"}
    assert +left.out == {"answer: it failed": 2, "ranking: less than two answers are left": 1}


SCORED = replace(NAMED, rubric=RUBRIC)


@pytest.mark.parametrize(
    ("right", "clear", "label"),
    [
        ((4, 1), (3, 1), [True, False]),
        ((3, 2), (None, None), [True, False]),
        ((3, 2), (2, 2), [True, False]),  # the middle says nothing
        ((None, None), (2, 2), []),
        ((4, 1), (1, 3), []),  # both good and bad
        ((9, 1), (None, None), [False]),  # of another rubric, whose scale was longer
    ],
)
async def test_scores_above_and_below_the_middle_are_labels(
    store: Store, right: tuple[int, int], clear: tuple[int, int], label: list[bool]
) -> None:
    run = await answered(store, asking("?"), text("a", "Hm."), text("b"))
    store.rubric = Rubric((Dimension("Right", tuple("123456789")), RUBRIC.dimensions[1]))
    await store.rate(run, "Ann", judged([0], [1], scores={"Right": right, "Clear": clear}))
    assert [row["label"] for row in lines(store, "kto", SCORED)] == label


async def test_all_bad_is_a_label_for_every_answer_and_a_ranking_for_none(store: Store) -> None:
    run = await answered(store, asking("?"), text("a", "Hm."), text("b"))
    await store.rate(run, "Ann", judged(all_bad=True))
    await store.rate(run, "Bob", judged([0], [1], strength=3))
    await store.rate(run, "Cem", judged([0, 1]))
    left = Left()
    first, second = lines(store, "kto", left=left)
    assert first["prompt"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "?"}]
    assert first["completion"] == [{"role": "assistant", "content": "a", "reasoning_content": "Hm."}]
    assert (first["label"], second["label"], first["all_bad"], first["evaluator"]) == (False, False, True, "Ann")
    assert first.keys() == {each.name for each in VIEWS["kto"].fields}
    assert (left.written, +left.out) == ({"bad answers": 2}, {"answer: judged only in comparison": 4})


async def test_what_is_judged_both_ways_broken_or_shown_with_images_gets_no_label(store: Store) -> None:
    image = store.images.add(png())
    store.rubric = RUBRIC
    run = await answered(store, asking("?"), text("a"), FAILED)
    await store.rate(run, "Ann", judged(all_bad=True, scores={"Right": (4, 1)}))
    shown = Prompt("", (UserTurn("?", (image,)),))
    await store.rate(
        await answered(store, shown, text("a"), text("b"), lanes=(ONE, *LANES)), "Ann", judged(all_bad=True)
    )
    left = Left()
    assert lines(store, "kto", SCORED, left) == []
    assert +left.out == {
        "answer: judged both good and bad": 1,
        "answer: it failed": 1,
        "answer: to a prompt with images": 2,
    }
