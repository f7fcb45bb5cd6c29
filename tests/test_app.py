"""The app as a process: what it needs to start, and what it says when it can't."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ui.conftest import ROOT, free_port, launch, settings


def refused(folder: Path, port: int, **more: str) -> str:
    ended = subprocess.run(
        [sys.executable, ROOT / "app.py"],
        cwd=folder,
        env=settings(folder, port, **more),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port}" in refused(tmp_path, port)


def test_a_port_that_is_no_number_is_named(tmp_path: Path) -> None:
    assert "PORT must be a number" in refused(tmp_path, 0, PORT="many")


def test_a_database_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = refused(tmp_path, free_port(), DATABASE_URL=f"sqlite:///{tmp_path / 'file' / 'x.db'}")
    assert str(tmp_path / "file") in said


def test_a_second_app_on_the_same_database_is_refused_and_a_wrong_entry_is_named(tmp_path: Path) -> None:
    (tmp_path / "backends.toml").write_text('[[backend]]\nname = "x"\nkind = "telepathy"\n')
    first = launch(tmp_path, free_port())
    try:
        assert "Lanewise" in refused(tmp_path, free_port())
    finally:
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(20) is not None


@pytest.mark.parametrize("module", ["pandas", "mistralai", "xllamacpp", "gguf"])
def test_nothing_heavy_is_imported_before_it_is_needed(module: str) -> None:
    code = "import sys, storage.recorder, storage.export, backends.registry as r; r.load(None, {}); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert module not in ended.stdout.split()
