"""Who judged is told apart and not named, and what a demo model said is marked."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from backends import local
from backends.lane import Backend, Lane
from storage.exports.items import ALL
from storage.exports.pseudonyms import FILE, beside, of
from storage.plan import BLIND, Plan
from storage.store import Store
from tests.storage.answered import answered, text
from tests.storage.exported import NAMED, lines, parts, rows
from tests.storage.made import ONE, TWO, asking, judged


async def judged_by(store: Store, *names: str) -> str:
    prompt = asking("Who?")
    run = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], Plan(BLIND), "a-browser")
    for name in names:
        await store.rate(run, name, judged([0], [1]), await store.show(run, f"{name}'s browser"))
    return run


async def test_people_are_told_apart_and_not_named(store: Store) -> None:
    for _ in range(2):
        await judged_by(store, "Ann", "Bob")
    one, two = lines(store, ALL)
    first, second = (each["evaluator"] for each in one["ratings"])
    assert first != second
    assert [each["evaluator"] for each in two["ratings"]] == [first, second]
    assert first.startswith("evaluator_")
    assert len(first) == len("evaluator_") + 12
    assert one["maker"].startswith("viewer_")
    assert one["maker"] in [each["viewer"] for each in one["showings"]]
    for told in (str(lines(store, ALL)), str(rows(store, ALL))):
        assert not [name for name in ("Ann", "Bob", "a-browser", "browser") if name in told]
    assert [each["evaluator"] for each in lines(store, NAMED)[0]["ratings"]] == ["Ann", "Bob"]


async def test_the_key_is_made_once_for_nobody_else_to_read(store: Store) -> None:
    await judged_by(store, "Ann")
    before = lines(store, ALL)
    key = beside(store.engine.url)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert lines(store, ALL) == before
    key.unlink()
    assert lines(store, ALL) != before
    assert not [name for name in os.listdir(key.parent) if name.endswith(".tmp")]


async def test_a_key_can_be_given(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSEUDONYM_KEY", "ours")
    assert (
        of(store.engine)("Ann", "evaluator")
        == of(store.engine)("Ann", "evaluator")
        != of(store.engine)("Ann", "viewer")
    )
    assert FILE not in [name for _, _, files in os.walk(tmp_path) for name in files]
    assert of(store.engine)("", "evaluator") == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_no_key_can_be_kept_it_says_what_to_do(store: Store, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Exception, match="PSEUDONYM_KEY"):
        of(store.engine)
    tmp_path.chmod(0o700)


EMBEDDED = local.declared({})
OWN = local.declared({"LOCAL_GGUF": "/models/Own-7B.Q4_K_M.gguf"})


@pytest.mark.parametrize(
    ("lane", "demo"),
    [
        (ONE, False),
        (Lane(EMBEDDED, EMBEDDED.model, EMBEDDED.artifact), True),
        (Lane(OWN, OWN.model, OWN.artifact), False),
        (Lane(Backend("show", "vllm", model="simulated"), "simulated", "FP8"), True),
        (Lane(Backend("show", "vllm"), "mistral", "simulated"), True),
    ],
)
async def test_what_a_demo_model_said_is_marked(store: Store, lane: Lane, demo: bool) -> None:
    prompt = asking("?")
    run = await answered(store, prompt, text("yes"), text("no"), lanes=(TWO, lane))
    await store.rate(run, "Ann", judged([0], [1]))
    assert [line["demo"] for line in lines(store)] == [demo]
    assert [row["demo"] for row in rows(store)] == [str(demo)]
    assert len(parts("dpo", store.engine, ALL)) == (0 if demo else 1)
    assert len(parts("dpo", store.engine, replace(ALL, demo=True))) == 1
