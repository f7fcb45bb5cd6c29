"""The Dockerfile's steps, taken on a bare Debian; then the app runs from there as a container would: as nobody in
particular, without capabilities, on a read-only root, as the first of its processes.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image as Picture

from benchmarks.evaluator import Evaluator
from tests.deploy import machine
from tests.deploy.machine import Image
from tests.deploy.test_image import answered
from tests.ui.conftest import free_port

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    if os.getuid() or not shutil.which("debootstrap"):
        pytest.skip("takes root and `debootstrap`: `make proofs` installs it where it may")
    folder = tmp_path_factory.mktemp("image")
    yield machine.build(folder, machine.base(folder / "base"))
    shutil.rmtree(folder)  # gigabytes


@pytest.fixture
def data(tmp_path: Path, image: Image) -> Path:
    """A new volume, which begins as the folder in the image."""
    volume, made = tmp_path / "data", (image.root / "data").stat()
    volume.mkdir()
    os.chown(volume, made.st_uid, made.st_gid)
    return volume


def test_there_is_no_compiler_and_nothing_can_be_installed_or_changed(image: Image, data: Path) -> None:
    assert image.run(["sh", "-c", "command -v cc gcc g++ clang make ld"], data).stdout == ""
    assert image.run(["python", "-m", "pip", "--version"], data).returncode == 1
    assert image.run(["id", "-u"], data).stdout == "10001\n"
    tried = image.run(["sh", "-c", "for each in / /app /venv /etc; do touch $each/x && echo $each; done; true"], data)
    assert tried.stdout == ""
    assert tried.stderr.count("Read-only file system") == 4


async def test_it_starts_answers_backs_up_and_stops(image: Image, data: Path, tmp_path: Path) -> None:
    port, said = str(free_port()), tmp_path / "said"
    with image.running(data, said, PORT=port, OPEN="admin") as app:
        url = f"http://127.0.0.1:{port}/"
        assert answered(f"{url}readyz", app).status_code == 200, said.read_text()
        check = image.stage.last("HEALTHCHECK").rest.removeprefix("CMD ")
        assert image.run(machine.words(check), data, PORT=port).returncode == 0
        assert image.run(machine.words(check), data, PORT=str(free_port())).returncode == 1

        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=120) as http:
            evaluator = Evaluator(http, ["local", "local"])
            await evaluator.arrive()
            picture = tmp_path / "red.png"
            Picture.new("RGB", (48, 48), "red").save(picture)
            run = await evaluator.ask("What colour is this?", [picture])
            await evaluator.watch(run)
            answers = [(await http.get(f"answers/{run}/{place}")).text for place in range(2)]
            assert any("red" in answer.lower() for answer in answers), answers

        backup = image.run(["python", "-m", "storage", "backup", "/data/backups/one"], data)
        assert backup.returncode == 0, backup.stderr
        assert machine.stop(app, 10) == 0  # as long as `docker stop` waits
    assert said.read_text().splitlines() == [f"Lanewise is at http://0.0.0.0:{port}"]
    assert {*os.listdir(data)} == {"lanewise.db", "lanewise.db.lock", "images", "backups"}
    restored = image.run(["python", "-m", "storage", "restore", "/data/backups/one"], data)
    assert restored.returncode == 0, restored.stderr
    verified = image.run(["python", "-m", "storage", "verify"], data)
    assert verified.returncode == 0, verified.stderr


def test_without_a_login_it_does_not_start_and_one_is_a_command_away(image: Image, data: Path, tmp_path: Path) -> None:
    refused = image.run(image.stage.last("CMD").words, data)
    assert (refused.returncode, "ui.users add" in refused.stderr) == (1, True)
    added = image.run(["python", "-m", "ui.users", "add", "Ann", "--role", "admin"], data, "a long password\n")
    assert added.returncode == 0, added.stderr
    port, said = str(free_port()), tmp_path / "said"
    with image.running(data, said, PORT=port) as app:
        url = f"http://127.0.0.1:{port}/"
        assert answered(f"{url}readyz", app).status_code == 200, said.read_text()
        page = httpx.get(url, headers={"Accept": "text/html"}, trust_env=False, follow_redirects=True)
        assert page.url.path == "/login"
        assert machine.stop(app, 10) == 0
    assert {"users.toml", "secret.key"} <= {path.name for path in data.iterdir()}
