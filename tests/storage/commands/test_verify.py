"""What is whole passes; each kind of damage is found and told."""

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from backends import recording
from backends.events import Finished, TextDelta
from storage.database import claimed
from storage.recorder import Recorder
from storage.schema import answers, battles, facets, prompts, recording_chunks, texts
from storage.store import Store
from tests.storage.commands.conftest import Command, filled, says
from tests.storage.made import ONE, TWO, asking, png, scripted, stamped


async def test_what_an_app_has_kept_passes(store: Store, command: Command) -> None:
    await filled(store)
    status, said = command("verify")
    assert (status, said[-1]) == (0, "Nothing is wrong.")
    store.close()
    assert command("verify") == (0, ["Nothing is wrong."])


async def test_what_still_runs_is_not_wrong(store: Store, command: Command) -> None:
    prompt = asking("Hello")
    await store.create(prompt, [(ONE, prompt), (TWO, prompt)])
    assert command("verify")[0] == 0


async def test_the_letter_zero_is_no_difference(store: Store, command: Command) -> None:

    prompt = asking("Zero")
    recorder = Recorder(store, scripted(TextDelta("a\0b"), Finished("stop")))
    await recorder.saved(await recorder.compare(prompt, [(ONE, prompt)]))
    assert command("verify")[0] == 0


def flipped(connection: Connection) -> None:
    chunks = recording_chunks.c
    key = connection.scalar(select(chunks.answer_id).limit(1))
    row = connection.execute(select(recording_chunks).where(chunks.answer_id == key).limit(1)).one()
    data = bytearray(row.data)
    data[len(data) // 2] ^= 1
    where = (chunks.answer_id == key) & (chunks.seq == row.seq)
    connection.execute(update(recording_chunks).where(where).values(data=bytes(data)))


def retold(connection: Connection) -> None:
    chunks = recording_chunks.c
    data = zlib.compress(recording.dump(stamped()))
    key = connection.scalar(select(chunks.answer_id).where(chunks.seq == 0).limit(1))
    connection.execute(update(recording_chunks).where(chunks.answer_id == key, chunks.seq == 0).values(data=data))


def counted(connection: Connection) -> None:
    connection.execute(update(answers).values(pieces=answers.c.pieces + 1).where(answers.c.backend == "one"))


def said(connection: Connection) -> None:
    connection.execute(update(texts).values(text="another").where(texts.c.text != ""))


def won(connection: Connection) -> None:
    connection.execute(update(battles).values(winner="tie").where(battles.c.winner == "model_a"))


def unfought(connection: Connection) -> None:
    connection.execute(delete(battles))


def asked(connection: Connection) -> None:
    key = connection.scalar(select(prompts.c.id).limit(1))
    connection.execute(update(prompts).where(prompts.c.id == key).values(body={"turns": [], "system": "", "tools": []}))


def unfiltered(connection: Connection) -> None:
    connection.execute(delete(facets).where(facets.c.kind == "tag"))


def filtered(connection: Connection) -> None:
    connection.execute(insert(facets).values(kind="tag", value="never said", number=1))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (flipped, r"^Answer \S+ of comparison \S+: its recording is damaged"),
        (retold, r"^Answer \S+ of comparison \S+: its recording says otherwise than what is kept as .*text"),
        (counted, r"says otherwise than what is kept as pieces\.$"),
        (said, r"says otherwise than what is kept as text\.$"),
        (won, r"^The battles of comparison \S+ don't follow from its ratings\.$"),
        (unfought, r"^The battles of comparison \S+ don't follow from its ratings\.$"),
        (asked, r"^Prompt \w+ is not what its name says\.$"),
        (unfiltered, r"^The filters lack: tag 'kind' of"),
        (filtered, r"^The filters have too much: tag 'never said' of"),
    ],
)
async def test_damage_is_found(
    store: Store, url: str, command: Command, harm: Callable[[Connection], None], words: str
) -> None:
    await filled(store)
    store.close()
    with claimed(url) as connection:
        harm(connection)
    status, said = command("verify")
    assert status == 1
    assert says(said, words)
    assert says(said, r"^\d+ things are wrong\.$")


async def test_images_that_are_missing_changed_or_left_over_are_told(
    store: Store, command: Command, tmp_path: Path
) -> None:
    await filled(store)
    store.close()
    missing, changed, *_ = sorted(store.images.names())
    store.images.delete(missing)
    (file,) = (tmp_path / "images").glob(f"*/{changed}.*")
    file.write_bytes(file.read_bytes() + b"!")
    other = store.images.add(png(color=(1, 2, 3)))
    status, said = command("verify")
    assert status == 1
    assert f"The image {missing} is missing." in said
    assert f"The image {changed} is not what its name says." in said
    assert f"Nothing names the image {other.sha256}, which is no harm." in said
    assert "2 things are wrong." in said


async def test_an_image_that_nothing_names_is_no_harm(store: Store, command: Command) -> None:
    image = store.images.add(png())
    status, said = command("verify")
    assert status == 0
    assert f"Nothing names the image {image.sha256}, which is no harm." in said


@pytest.mark.sqlite
async def test_an_index_with_other_words_is_found(store: Store, url: str, command: Command) -> None:
    await filled(store)
    store.close()
    with claimed(url) as connection:
        connection.execute(text("INSERT INTO searchable_fts (searchable_fts) VALUES ('delete-all')"))
    status, said = command("verify")
    assert status == 1
    assert "The index of texts has other words than what is kept." in said


@pytest.mark.sqlite
async def test_a_row_whose_parent_is_gone_is_found(store: Store, url: str, command: Command) -> None:
    await filled(store)
    store.close()
    with claimed(url) as connection:
        connection.connection.driver_connection.execute("COMMIT")  # type: ignore[union-attr]
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("DELETE FROM presets")
        connection.exec_driver_sql("UPDATE ratings SET showing_id = 'gone'")
        connection.exec_driver_sql("BEGIN")
    status, said = command("verify")
    assert status == 1
    assert says(said, r"^Row \d+ of ratings names one of showings that is not there\.$")


async def test_an_index_without_a_comparison_is_found(store: Store, url: str, command: Command) -> None:
    if url.startswith("sqlite"):
        pytest.skip("the index of SQLite checks itself")
    await filled(store)
    store.close()
    with claimed(url) as connection:
        connection.execute(text("DELETE FROM searchable_fts"))
    status, said = command("verify")
    assert status == 1
    assert says(said, "^The index of texts lacks: the comparison with number")
