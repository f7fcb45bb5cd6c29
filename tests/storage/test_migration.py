"""What version 0.2 kept is read, found and rated by this one."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

import orjson
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from backends.answer import State
from storage.comparison import Filter
from storage.store import Store
from tests.storage.exported import lines
from tests.storage.made import judged
from tests.storage.test_search import damaged

FIRST, SECOND, BROKEN = "1" * 32, "2" * 32, "3" * 32  # a conversation of two turns, and a run that a crash ended
MADE = "2026-01-02 03:04:0{}.678900"
EMPTY = dict.fromkeys(("address_hash", "server", "reported_model", "failure_kind", "failure_message"), "")
SAID = '[0,"sent","{}"]\n[1,"reasoning","Hm."]\n[2,"text","On the cliff."]\n'
ENDED = SAID + '[3,"finished","stop"]\n[4,"usage",10,20,5,null]\n'

Rows = Iterator[tuple[str, Mapping[str, object]]]


def comparison(run: str, text: str, follows: str | None = None, over: bool = True) -> Rows:
    """The rows of two lanes and of all that belongs to them, as 0.2 wrote them."""
    body = {"system": "", "turns": [{"role": "user", "text": text, "images": []}], "tools": []}
    yield "prompts", {"id": run * 2, "body": orjson.dumps(body).decode()}
    made = {"id": run, "prompt_id": run * 2, "title": text, "follows_id": follows}
    yield "comparisons", made | {"created_at": MADE.format(run[0]), "started_at": MADE.format(run[0])}
    for position, (backend, artifact) in enumerate((("one", "FP8"), ("two", ""))):
        lane = f"{position}{run[1:]}"
        asked = {"backend": backend, "kind": "openai", "model": "m", "artifact": artifact, "effort": "high"}
        told = {"state": "done", "finish_reason": "stop", "completion_tokens": 20, "sent_us": 0, "first_us": 1}
        told |= {"first_reasoning_us": 1, "first_text_us": 2, "end_us": 3}
        begun = {"state": "waiting", "finish_reason": ""}
        place = {"id": lane, "comparison_id": run, "position": position, "prompt_id": run * 2, "pieces": 2}
        yield "answers", EMPTY | place | asked | (told if over else begun)
        words = {"request": "{}", "reasoning": "Hm.", "text": "On the cliff."}
        yield (
            "texts",
            {"answer_id": lane, "calls": "[]"} | (words if over else {"request": "", "reasoning": "", "text": ""}),
        )
        recorded = zlib.compress((ENDED if over else SAID).encode())
        yield "recording_chunks", {"answer_id": lane, "seq": 0, "data": recorded}
    if over:
        yield "flags", {"answer_id": f"0{run[1:]}", "code": "odd_finish", "detail": "Odd.", "comparison_id": run}


def rating(name: str, ranking: str, tags: str = "[]", supersedes: str | None = None) -> Rows:
    row = {"id": name, "comparison_id": FIRST, "evaluator": "Ann", "ranking": ranking, "all_bad": False, "tags": tags}
    yield "ratings", row | {"comment": "", "created_at": MADE.format(len(name)), "supersedes_id": supersedes}


def before(url: str, rows: Iterable[tuple[str, Mapping[str, object]]]) -> None:
    """Makes the tables of 0.2, and puts these rows in them."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", "storage:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for table, row in rows:
            marks = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"), row)
    engine.dispose()


async def test_what_was_kept_before_is_read_found_rated_and_exported(empty: str, tmp_path: Path) -> None:
    rows = chain(
        comparison(FIRST, "Where is the lighthouse?"),
        comparison(SECOND, "And the harbour?", follows=FIRST),
        comparison(BROKEN, "Who keeps it?", over=False),
        rating("a", "[[0], [1]]", '["wrong"]'),
        rating("bb", "[[1], [0]]", '["clear"]', supersedes="a"),
    )
    before(empty, rows)
    store = Store.open(empty, tmp_path.as_uri())

    page = await store.page(viewer="ann")
    assert [(row.id, row.sealed, row.order) for row in page.rows] == [
        (run, False, (0, 1)) for run in (BROKEN, SECOND, FIRST)
    ]
    assert [row.lanes[0].flags for row in page.rows[1:]] == [("odd_finish",)] * 2
    assert {lane.state for lane in page.rows[0].lanes} == {State.INTERRUPTED}
    (kept,) = page.rows[2].ratings
    assert (kept.ranking, kept.blind, kept.early, kept.seconds, kept.showing_id) == (
        ((1,), (0,)),
        False,
        False,
        None,
        None,
    )
    assert [each.answer.text for each in await store.answered(BROKEN)] == ["On the cliff."] * 2

    with store.engine.connect() as connection:
        battles = connection.execute(text("SELECT model_a, model_b, winner, evaluator FROM v_battles")).all()
        assert battles == [("one · m · FP8 · effort high", "two · m · effort high", "model_b", "Ann")]
        seen = connection.execute(text("SELECT prompt, lanes, ratings FROM v_comparisons ORDER BY created_at")).all()
        assert seen == [("Where is the lighthouse?", 2, 1), ("And the harbour?", 2, 0), ("Who keeps it?", 2, 0)]
        assert len(connection.execute(text("SELECT * FROM v_answers")).all()) == 6
        assert len(connection.execute(text("SELECT * FROM v_ratings WHERE is_current")).all()) == 1

    common = {"backend": "one", "artifact": "FP8", "effort": "high", "flag": "odd_finish"}
    rated = {"evaluator": "Ann", "tag": "clear", "rated": "yes"}
    assert await store.found(Filter(words="lighthouse cliff", **common, **rated)) == (FIRST,)
    assert await store.found(Filter(tag="wrong")) == ()
    assert await store.found(Filter(words="keeps cliff", rated="no")) == (BROKEN,)
    assert not damaged(store)

    assert [lap.end for lap in await store.laps(FIRST)] == [3, 3]
    told = {line["id"]: line for line in lines(store)}
    assert [each["supersedes"] for each in told[FIRST]["ratings"]] == [None, "a"]
    assert (told[SECOND]["follows_id"], told[SECOND]["samples"], told[SECOND]["blind"]) == (FIRST, 1, False)

    await store.enqueue([FIRST], 2)  # one it has; and what follows it has its answers
    assert [row.sealed for row in (await store.page(viewer="bob")).rows] == [False, True, True]
    assert await store.next_item("bob", "Bob") == FIRST
    assert (await store.rate(FIRST, "Bob", judged([0], [1]), await store.show(FIRST, "bob"))).blind
    store.close()


def test_a_long_migration_says_how_far_it_is(empty: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    prompt = {"id": "p", "body": '{"system":"","turns":[{"role":"user","text":"?","images":[]}],"tools":[]}'}
    asked = [
        (
            "comparisons",
            {"id": f"c{number}", "prompt_id": "p", "title": "?", "created_at": f"2026-01-02 03:04:05.{number:06}"},
        )
        for number in range(5_001)
    ]
    before(empty, [("prompts", prompt), *asked])
    Store.open(empty, tmp_path.as_uri()).close()
    assert "5000 of 5001" in caplog.text
