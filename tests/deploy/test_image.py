"""The Dockerfile: what it promises, and that what it copies is all that the app needs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.deploy import recipe
from tests.deploy.recipe import ROOT
from tests.ui.conftest import free_port, settings

LAST = recipe.stages()[-1]
SOURCES = [ROOT / path for path in recipe.sent() if path.suffix == ".py"]
ELSEWHERE = {"PATH", "HOME", "XDG_CACHE_HOME", "GRADIO_TEMP_DIR"}  # read by Python, by Gradio and for caches


def test_it_runs_as_a_fixed_user_who_is_not_root() -> None:
    user, group = map(int, LAST.last("USER").rest.split(":"))
    assert min(user, group) >= 10_000
    assert LAST.steps.index(LAST.last("USER")) > max(LAST.steps.index(step) for step in LAST.all("RUN"))


def test_all_that_it_writes_is_in_the_volume_or_in_tmp() -> None:
    assert LAST.last("VOLUME").rest == "/data"
    assert LAST.last("WORKDIR").rest == "/data"
    paths = [LAST.env[name] for name in ("HOME", "XDG_CACHE_HOME", "GRADIO_TEMP_DIR")]
    assert {path.split("/")[1] for path in paths} == {"tmp"}
    assert LAST.env["DATABASE_URL"].startswith("sqlite:////data/")


def test_it_installs_wheels_only_and_no_compiler() -> None:
    installs = [step.rest for stage in recipe.stages() for step in stage.all("RUN") if "install" in step.rest]
    assert all("--only-binary :all:" in each for each in installs if each.startswith("pip "))
    (apt,) = [each for each in installs if "apt-get" in each]
    assert "--no-install-recommends libgomp1 &&" in apt


def test_signals_reach_the_app() -> None:
    assert LAST.last("CMD").words == ["python", "/app/app.py"]  # no shell in between
    assert LAST.last("STOPSIGNAL").rest == "SIGTERM"


def test_each_variable_is_one_that_the_app_reads() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    names = {name for name in LAST.env.keys() - ELSEWHERE if not name.startswith("PYTHON")}
    assert [name for name in names if f'"{name}"' not in code] == []


def test_only_rooms_and_what_they_need_are_copied() -> None:
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - {"tests", "benchmarks"}
    found = {path.parts[0] for path in recipe.sent()}
    assert found - rooms == {
        "app.py",
        "pyproject.toml",
        "LICENSE",
        *(path.name for path in ROOT.glob("requirements*.txt") if "dev" not in path.name),
    }
    assert rooms <= found


def test_what_is_copied_runs_and_writes_nothing_beside_itself(tmp_path: Path) -> None:
    code, home = tmp_path / "code", tmp_path / "home"
    for path in recipe.sent():
        (code / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, code / path)
    home.mkdir()
    before, port = sorted(code.rglob("*")), free_port()
    where = {"HOME": str(home), "TMPDIR": str(home), "PORT": str(port)}
    python = {"PATH": os.environ["PATH"], "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    kept, said = tmp_path / "kept", tmp_path / "said"
    kept.mkdir()
    command, environ = [sys.executable, code / "app.py"], python | settings(kept) | where
    with said.open("wb") as out, subprocess.Popen(command, cwd=kept, env=environ, stderr=out) as app:
        try:
            health = answered(f"http://127.0.0.1:{port}/healthz", app)
            assert health.json()["status"] == "ok", said.read_text()
            page = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=60)
            assert "Lanewise" in page.text
        finally:
            app.send_signal(signal.SIGTERM)
        app.wait(60)
    assert sorted(code.rglob("*")) == before
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert said.read_text() == ""


def answered(url: str, process: subprocess.Popen[bytes], seconds: float = 180) -> httpx.Response:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            return httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"nothing answered at {url}")
