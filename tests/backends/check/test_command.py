"""The command: what it lists, finds and compares, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.check.__main__ import main
from backends.check.result import Verdict, dumped, loaded
from tests.fake.serving import Fake

Command = Callable[..., int]


@pytest.fixture
def command(fake: Fake, tmp_path: Path) -> Command:
    """It knows two backends, `good` and `leaks`."""
    entry = '[[backend]]\nname = "{0}"\nkind = "vllm"\nbase_url = "{2}/vllm/v1"\nmodel = "{1}"\n'
    entries = (entry.format(name, model, fake.url) for name, model in (("good", "quick"), ("leaks", "leaks")))
    file = tmp_path / "declared.toml"
    file.write_text("".join(entries), encoding="utf-8")
    return lambda *arguments: main(list(map(str, arguments)), {"BACKENDS": str(file)})


def ended(command: Command, *arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        command(*arguments)
    assert isinstance(end.value.code, int)
    return end.value.code


def test_without_a_name_it_lists_the_backends(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command() == 0
    assert "good (vllm)" in capsys.readouterr().out


def test_its_status_says_whether_something_failed(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("good", "--only", "markers", "drafts") == 0
    assert command("good", "leaks", "--only", "markers") == 1
    said = capsys.readouterr().out
    assert "good (vllm, 0.0-simulated, quick): 1 passed" in said
    assert "FAILED    markers" in said
    assert "-> Start vLLM with `--reasoning-parser mistral`" in said


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nobody"], "Known are local, good, leaks"),
        (["good", "--reference", "nobody"], "no backend 'nobody'"),
        (["good", "--only", "luck"], "Known are reach, model"),
        (["good", "--against", "nowhere.json"], "no earlier check"),
        (["good", "--json", "nowhere/found.json"], "no folder"),
        (["good", "--what"], "unrecognized"),
    ],
)
def test_what_it_can_not_begin_it_says(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    assert ended(command, *arguments) == 2
    assert word in capsys.readouterr().err


def test_a_file_of_backends_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(lambda *_: main(["good"], {"BACKENDS": "nowhere.toml"})) == 2
    assert "BACKENDS names no file: 'nowhere.toml'" in capsys.readouterr().err


def test_what_was_found_is_written_and_compared_with(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    assert command("good", "leaks", "--only", "markers", "usage", "--json", file) == 1
    good, leaks = written = json.loads(file.read_text(encoding="utf-8"))
    assert json.loads(json.dumps([dumped(loaded(each)) for each in written])) == written
    assert [each["backend"] for each in written] == ["good", "leaks"]
    assert loaded(leaks).failed[0].probe == "markers"
    # as if it had been the other way round
    good["findings"], leaks["findings"] = leaks["findings"], good["findings"]
    good["findings"][0]["verdict"] = Verdict.SKIPPED
    file.write_text(json.dumps(written), encoding="utf-8")
    capsys.readouterr()
    assert command("good", "leaks", "--only", "markers", "usage", "--against", file) == 1
    said = capsys.readouterr().out
    assert "better    markers: failed, now passed" in said
    assert "worse     markers: passed, now failed" in said
    assert "changed   usage: skipped, now passed" in said


def test_an_unchanged_backend_and_a_new_one_are_told(
    command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.json"
    command("good", "--only", "usage", "--json", file)
    command("good", "leaks", "--only", "usage", "--against", file)
    said = capsys.readouterr().out
    assert "Nothing changed." in said
    assert "leaks was not checked before." in said
