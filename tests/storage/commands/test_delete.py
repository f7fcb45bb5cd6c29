"""What is deleted is gone: from every table, every list and search, and as bytes."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from backends.answer import fold
from backends.events import Event, Finished, ReasoningDelta, Sent, Stamped, TextDelta
from backends.prompt import AssistantTurn, Prompt, UserTurn
from storage.__main__ import main
from storage.comparison import Filter, Place
from storage.database import images_beside
from storage.images import ImageStore
from storage.ratings import Judgement
from storage.schema import battles, metadata
from storage.store import Store
from tests.storage.made import BEGAN, ONE, TWO, entries, judged, png

SECRET = "xylophonist"


def said(word: str) -> tuple[Stamped, ...]:
    events: tuple[Event, ...] = (
        Sent(f'{{"model":"{word}"}}'),
        ReasoningDelta(f"Why {word}? " * 1000),  # so long that it has pages of its own
        TextDelta(f"So {word}."),
        Finished("stop"),
    )
    return tuple(Stamped(number, each) for number, each in enumerate(events))


async def kept(store: Store, word: str, follows: str | None = None, image: bytes = b"") -> str:
    images = (store.images.add(image),) if image else ()
    asked = UserTurn(f"What is {word}?", images)
    before = (UserTurn("Tell"), AssistantTurn(f"So {word}.")) if follows else ()
    lanes = [(lane, Prompt("", (*before, asked))) for lane in (ONE, TWO)]
    run = await store.create(Prompt("", (asked,)), lanes, maker="maker", follows=follows)
    for lane in (0, 1):
        await store.append(run, BEGAN, entries(lane, said(word)[:2]), {})
        await store.append(run, BEGAN, entries(lane, said(word)[2:]), {lane: fold(said(word))})
    return run


def rows(store: Store) -> dict[str, int]:
    def count(connection: Connection) -> dict[str, int]:
        return {
            each.name: connection.scalar(select(func.count()).select_from(each)) or 0
            for each in metadata.tables.values()
            if each.name != "replicas"
        }

    return store._database.writer.submit(count).result()


async def delete(store: Store, url: str, *words: str) -> Store:
    store.close()
    await asyncio.to_thread(main, ["delete", "--database", url, "--yes", *words])
    return Store.open(url)


async def test_a_deleted_comparison_leaves_no_row_and_the_others_as_they_were(url: str, tmp_path: Path) -> None:
    store = Store.open(url)
    other = await kept(store, "lighthouse", image=png(color=1))
    await store.rate(other, "Ann", judged([0], [1]))
    before = rows(store)
    run = await kept(store, SECRET, image=png(color=2))
    shared = await kept(store, SECRET, image=png(color=1))
    await store.rate(run, "Ann", judged([1], [0], tags=("wrong",), comment=f"No {SECRET}"))
    await store.rate(run, "Ann", judged([0], [1]))
    follow = await kept(store, "harbour", follows=run)
    prompt = Prompt("", (UserTurn("What is it?"),))
    again = await store.create(prompt, [(ONE, prompt), (TWO, prompt)], kept={0: Place(run, 0)}, remakes=run)
    await store.append(again, BEGAN, [*entries(0, said(SECRET)), *entries(1, said("x"))], {0: fold(said(SECRET))})

    store = await delete(store, url, "comparison", run, shared)
    assert rows(store) == before
    assert [row.id for row in (await store.page()).rows] == [other]
    assert await store.found(Filter(words=SECRET)) == ()
    assert await store.found(Filter(words="lighthouse", rated="yes", evaluator="Ann")) == (other,)
    assert (await store.choices())["tag"] == ()
    assert len([*store.images.names()]) == 1
    assert await store.read(follow) is None
    store.close()


@pytest.mark.sqlite
async def test_no_byte_is_left(url: str, tmp_path: Path) -> None:
    store = Store.open(url)
    kept_too = [await kept(store, f"lighthouse{number}") for number in range(40)]
    runs = [await kept(store, SECRET, image=png(color=7))]
    await store.rate(runs[0], SECRET, Judgement(((0,), (1,)), tags=(SECRET,), comment=SECRET))
    image = next(iter(store.images.names()))
    kept_too += [await kept(store, f"harbour{number}") for number in range(40)]
    assert held(tmp_path, SECRET)
    store = await delete(store, url, "comparison", *runs)
    assert len((await store.page(limit=100)).rows) == len(kept_too)
    assert image not in store.images.names()
    store.close()
    assert not held(tmp_path, SECRET[1:])
    assert not held(tmp_path, SECRET[4:])  # the index leaves out what a word shares with the one before


def held(folder: Path, word: str) -> list[Path]:
    """The files that have the word in them."""
    return [file for file in folder.rglob("*") if file.is_file() and word.encode() in file.read_bytes()]


async def test_what_an_evaluator_said_is_deleted_and_counts_no_more(url: str) -> None:
    store = Store.open(url)
    run = await kept(store, "lighthouse")
    await store.enqueue([run], 2)
    for name in ("Ann", "Bob"):
        seen = await store.show(run, name.lower())
        await store.rate(run, name, judged([1], [0], tags=(name,)), seen)
    store = await delete(store, url, "evaluator", "Ann")
    assert [each.evaluator for each in (await store.page(viewer="maker")).rows[0].ratings] == ["Bob"]
    choices = await store.choices("maker")
    assert (choices["evaluator"], choices["tag"]) == (("Bob",), ("Bob",))
    question = await store.question(run)
    assert question is not None
    assert question.rated == 1
    with store.engine.connect() as connection:
        assert connection.scalars(select(battles.c.evaluator)).all() == ["Bob"]
    store.close()


async def test_what_was_made_before_a_day_is_deleted(url: str) -> None:
    store = Store.open(url)
    await kept(store, "lighthouse")
    store = await delete(store, url, "before", "2001-01-01")
    assert len((await store.page()).rows) == 1
    store = await delete(store, url, "before", "2101-01-01")
    assert (await store.page()).rows == ()
    store.close()


def test_nothing_is_deleted_unasked_or_unknown(url: str) -> None:
    store = Store.open(url)
    run = asyncio.run(kept(store, "lighthouse"))
    store.close()
    with pytest.raises(SystemExit, match="--yes"):
        main(["delete", "--database", url, "comparison", run])
    with pytest.raises(SystemExit, match="no comparison 'nothing'"):
        main(["delete", "--database", url, "--yes", "comparison", "nothing"])
    assert ImageStore(images_beside(url))
