"""An own export is brought back whole or, with the line and the field that is wrong, not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from storage import imports
from storage.comparison import Filter, Place
from storage.errors import TransferError
from storage.exports.items import Scope
from storage.plan import BLIND, Plan
from storage.recorder import Recorder
from storage.store import Store
from tests.storage.exported import NAMED, lines, parts
from tests.storage.imports.conftest import Bring
from tests.storage.made import ONE, SAID, TWO, asking, judged, png, scripted


@pytest.fixture
def other(tmp_path: Path) -> Any:
    opened = Store.open(f"sqlite:///{tmp_path / 'other' / 'lanewise.db'}")
    yield opened
    opened.close()


async def over(store: Store, text: str = "Which?", **rest: Any) -> str:
    """A comparison that is answered and rated."""
    recorder, prompt = Recorder(store, scripted(*SAID)), asking(text)
    run = await recorder.compare(prompt, [(ONE, prompt), (TWO, prompt)], **rest)
    await recorder.saved(run)
    await store.rate(run, "Ann", judged([0], [1]))
    return run


async def exported(store: Store) -> bytes:
    await over(store)
    return parts("jsonl", store.engine)[0]


async def test_what_is_there_already_stays_as_it_is(other: Store, bring: Bring, store: Store) -> None:
    run = await over(other)
    before = parts("jsonl", other.engine)
    assert bring(b"".join(before)).brought == 1
    await store.rate(run, "Bob", judged([1], [0]))
    after = lines(store)
    bringing = bring(b"".join(before))
    assert (bringing.brought, bringing.there) == (0, 1)
    assert lines(store) == after


async def test_what_is_imported_is_found_shown_and_rated_as_if_it_were_made_here(
    other: Store, bring: Bring, store: Store
) -> None:
    run = await over(other, "Where is the lighthouse?")
    bring(b"".join(parts("jsonl", other.engine)))
    assert await store.found(Filter(words="lighthouse", backend="one", evaluator="Ann")) == (run,)
    assert await store.read(run) == await other.read(run)
    again = await over(store, "Where is the lighthouse?", kept={0: Place(run, 0)}, remakes=run)
    assert {row.id for row in (await store.page()).rows} == {run, again}


async def test_the_queue_goes_on_where_it_was(other: Store, bring: Bring, store: Store) -> None:
    run = await over(other, maker="max")
    await other.enqueue([run], 2)
    await other.rate(run, "Bob", judged([1], [0]), await other.show(run, "bob"))
    bring(b"".join(parts("jsonl", other.engine)))
    question = await store.question(run)
    assert question
    assert (question.overlap, question.rated) == (2, 1)
    assert await store.next_item("bob", "Bob") is None
    assert await store.next_item("eve", "Eve") == run


async def test_a_part_of_a_database_is_imported_without_what_it_refers_to(
    other: Store, bring: Bring, store: Store
) -> None:
    """As far as it is not there yet: what comes later in the file, or before in another, is found."""
    first = await over(other, "First")
    follows = await over(other, "Second", follows=first)
    await over(other, "Third", follows=follows, kept={0: Place(first, 0)}, remakes=first)
    one, two, three = parts("jsonl", other.engine)
    bring(three)
    (line,) = lines(store)
    assert (line["follows_id"], line["remakes_id"], line["lanes"][0]["copied_from_id"]) == (None, None, None)
    assert line["tells_of"] == line["told_by"] == []
    bring(two + one)
    assert lines(store)[:2] == lines(other)[:2]
    assert [each["told_by"] for each in lines(store)] == [each["told_by"] for each in lines(other)]


async def test_what_an_older_export_lacks_is_made_up_for(other: Store, bring: Bring, store: Store) -> None:
    first = await over(other, "First")
    await over(other, "Second", follows=first)
    newer = ("number", "overlap", "rated", "demo", "tells_of", "told_by", "showings", "warm_up", "samples")
    bring([{name: value for name, value in line.items() if name not in newer} for line in lines(other)])
    assert [line["tells_of"] for line in lines(store)] == [[], [first]]
    assert [line["number"] for line in lines(store)] == [line["number"] for line in lines(other)]


async def test_of_two_made_in_the_same_moment_each_has_its_place(other: Store, bring: Bring, store: Store) -> None:
    await over(other)
    await over(store)
    (theirs,), (ours,) = lines(other), lines(store)
    bring([theirs | {"number": ours["number"]}])
    assert [line["number"] for line in lines(store)] == [ours["number"], ours["number"] + 1]


async def test_what_was_sealed_for_who_exported_is_counted(other: Store, bring: Bring, store: Store) -> None:
    await over(other, plan=Plan(BLIND), maker="max")
    for view in ("jsonl", "parquet"):
        sealed = b"".join(parts(view, other.engine, Scope(viewer="ann")))
        bringing = bring(sealed, f".{view}")
        assert (bringing.brought, bringing.sealed) == (0, 1)
    assert lines(store) == []


async def test_an_image_is_brought_along_or_only_described(other: Store, bring: Bring, store: Store) -> None:
    prompt = asking("?")
    image = other.images.add(png())
    turn = prompt.turns[0]
    pictured = type(prompt)("", (type(turn)("What is it?", (image,)),))  # type: ignore[arg-type]
    recorder = Recorder(other, scripted(*SAID))
    await recorder.saved(await recorder.compare(pictured, [(ONE, pictured), (TWO, pictured)]))
    described = parts("jsonl", other.engine)
    assert bring(b"".join(described)).brought == 1
    with pytest.raises(KeyError):
        store.images.read(image.sha256)
    assert lines(store) == lines(other)


def changed(line: bytes, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    kept: dict[str, Any] = orjson.loads(line)
    change(kept)
    return kept


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda kept: kept.pop("id"), "id must be text of 1 to 32 letters"),
        (lambda kept: kept.pop("title"), "title is missing"),
        (lambda kept: kept.update(created_at="soon"), "created_at must be a time"),
        (lambda kept: kept.update(samples="two"), "samples must be a whole number, not 'two'"),
        (lambda kept: kept.update(blind=1), "blind must be true or false"),
        (lambda kept: kept.update(pace="slow"), "pace must be one of 'together', "),
        (lambda kept: kept.update(prompt={"turns": 3}, prompt_id="p"), "prompt is none"),
        (lambda kept: kept.update(lanes=3), "lanes must be a list of objects"),
        (lambda kept: kept["lanes"][1].update(temperature="hot"), r"lanes\[1\].temperature must be a number"),
        (lambda kept: kept["lanes"][1].update(state="lost"), r"lanes\[1\].state must be one of"),
        (lambda kept: kept["lanes"][0].update(recording=[[0, "sung", "la"]]), r"lanes\[0\].recording is none"),
        (lambda kept: kept["lanes"][0].update(flags=[{"code": "odd"}]), r"lanes\[0\].flags\[0\].detail is missing"),
        (lambda kept: kept["lanes"][1].update(id=kept["lanes"][0]["id"]), "something else's"),
        (lambda kept: kept["ratings"][0].update(ranking=[[0]]), r"ratings\[0\].ranking must have each lane once"),
        (lambda kept: kept["ratings"][0].update(scores={"x": 1}), r"ratings\[0\].scores"),
        (lambda kept: kept["ratings"][0].update(supersedes="x"), "supersedes 'x', which is not there"),
        (lambda kept: kept["showings"][0].update(order=[0, "1"]), r"showings\[0\].order must have each lane once"),
        (lambda kept: kept.update(images=[{"sha256": "0" * 64}]), r"images\[0\].mime is missing"),
    ],
)
async def test_what_is_wrong_is_told_with_its_line_and_field(
    other: Store, bring: Bring, store: Store, change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    line = await exported(other)
    fine = changed(line, lambda kept: kept.update(lanes=[], ratings=[], showings=[], id="fine", number=1))
    with pytest.raises(TransferError, match=f"^line 2: .*{words}"):
        bring([fine, changed(line, change)])
    assert [each["id"] for each in lines(store)] == ["fine"]  # what stood before it


@pytest.mark.parametrize(
    ("given", "suffix", "words"),
    [
        (b"", ".jsonl", "has no rows"),
        (b'{"id": 3', ".jsonl", "line 1: this is no JSON"),
        (b"[1]", ".jsonl", "line 1: this is no JSON object"),
        (b'{"question": 3}', ".jsonl", "none of the columns"),
        (b"PAR1", ".parquet", "can't be read as Parquet"),
        (b"x", ".xlsx", "give a .jsonl, .parquet or .csv file"),
    ],
)
def test_a_file_that_is_something_else_is_told(bring: Bring, given: bytes, suffix: str, words: str) -> None:
    with pytest.raises(TransferError, match=words):
        bring(given, suffix)


def test_a_file_that_is_not_there_is_told(store: Store, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="can't be read"):
        store.bring(imports.found(tmp_path / "none.jsonl", store.images))


def test_names_stay_pseudonyms(other: Store, bring: Bring, store: Store) -> None:
    import asyncio

    asyncio.run(over(other, maker="max"))
    hidden = parts("jsonl", other.engine, Scope())
    bring(b"".join(hidden))
    assert parts("jsonl", store.engine, Scope()) == parts("jsonl", store.engine, NAMED) == hidden
