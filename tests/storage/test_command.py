"""The command line: what it writes, takes in, and says when something is wrong."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from backends.prompt import Prompt, UserTurn
from storage.__main__ import main
from storage.exports.items import ALL
from storage.store import Store
from tests.storage.answered import answered, text
from tests.storage.exported import parts
from tests.storage.made import asking, judged, png

ROOT = Path(__file__).parents[2]


def fill(store: Store, prompt: Prompt) -> str:
    async def filled() -> str:
        run = await answered(store, prompt, text("yes"), text("no"))
        await store.rate(run, "Ann", judged([0], [1]))
        return run

    return asyncio.run(filled())


def kept(url: str, folder: Path) -> list[str]:
    return ["--database", url, "--images", (folder / "images").as_uri()]


def test_an_export_is_written_as_the_options_say(store: Store, url: str, tmp_path: Path) -> None:
    fill(store, Prompt("", (UserTurn("?", (store.images.add(png()),)),)))
    fill(store, asking("Where is the lighthouse?"))
    for options, names, images, many in (
        ([], False, True, 2),
        (["--names"], True, True, 2),
        (["--no-images"], False, False, 2),
        (["--limit", "1"], False, True, 1),
        (["--words", "lighthouse"], False, True, 1),
        (["--evaluator", "Bob"], False, True, 0),
        (["--before", "2026-01-01"], False, True, 0),
    ):
        main(["export", "jsonl", *kept(url, tmp_path), "--out", str(tmp_path / "out"), *options])
        lines = [orjson.loads(line) for line in (tmp_path / "out" / "jsonl.jsonl").read_bytes().splitlines()]
        assert len(lines) == many
        assert [line["ratings"][0]["evaluator"] == "Ann" for line in lines] == [names] * many
        assert all("data" in image for line in lines for image in line["images"]) is images or many == 0


def test_what_was_exported_comes_in_elsewhere(
    store: Store, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store, asking("one"))
    there = f"sqlite:///{tmp_path / 'there' / 'lanewise.db'}"
    for view in ("jsonl", "parquet"):
        main(["export", view, "--database", url, "--names", "--out", str(tmp_path / "out")])
    files = [str(tmp_path / "out" / name) for name in ("jsonl.jsonl", "parquet.parquet")]
    main(["import", "--database", there, *files])
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "jsonl.jsonl: 1 comparisons imported, 0 were there already.",
        "parquet.parquet: 0 comparisons imported, 1 were there already.",
    ]
    opened = Store.open(there)
    assert parts("jsonl", opened.engine) == parts("jsonl", store.engine)
    opened.close()


def test_answers_come_into_the_queue(url: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("prompt,answer_a,answer_b\nHi,Hello.,Hey.\n")
    main(["import", "--database", url, "--queue", "2", str(path)])
    store = Store.open(url)
    assert asyncio.run(store.next_item("ann", "Ann"))
    store.close()


def test_without_a_place_it_goes_to_standard_output(store: Store, url: str, tmp_path: Path) -> None:
    fill(store, asking("one"))
    command = [sys.executable, "-m", "storage", "export", "jsonl", "--database", url]
    paths = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=paths, capture_output=True, check=True)
    assert done.stdout == b"".join(parts("jsonl", store.engine, ALL, store.images))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "jsonl", "--database", "sqlite:///{folder}/none.db"], "no database"),
        (["export", "jsonl", "--database", "nonsense"], "DATABASE_URL"),
        (["import", "--database", "sqlite:///{folder}/new.db", "{folder}/none.csv"], "can't be read"),
        (["import", "--database", "sqlite:///{folder}/new.db", "--queue", "99", "{folder}/one.csv"], "1 to 50 ratings"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "one.csv").write_text("prompt,answer_a,answer_b\nHi,Hello.,Hey.\n")
    with pytest.raises(SystemExit, match=words) as told:
        main([each.format(folder=tmp_path) for each in arguments])
    assert "\n" not in str(told.value)


@pytest.mark.sqlite
def test_an_import_waits_for_no_running_app(store: Store, url: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="in use by another Lanewise"):
        main(["import", "--database", url, str(tmp_path / "any.jsonl")])
