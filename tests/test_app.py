"""The app as a process: what it needs to start, and what it says when it can't."""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from benchmarks.servers import ROOT, serving
from storage.images import ImageStore
from tests import s3
from tests.storage.made import png
from tests.ui.conftest import free_port, settings


def refused(folder: Path, **more: str) -> str:
    """What the app says when it does not start."""
    ended = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=os.environ | settings(folder) | {"PORT": str(free_port())} | more,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} is taken" in refused(tmp_path, PORT=port)


@pytest.mark.parametrize("port", ["many", "-1", "99999"])
def test_a_port_that_is_none_is_named(tmp_path: Path, port: str) -> None:
    assert "PORT must be a number" in refused(tmp_path, PORT=port)


def test_a_host_that_is_none_is_named(tmp_path: Path) -> None:
    assert "Check HOST" in refused(tmp_path, HOST="no.such.host.invalid", OPEN="yes")


def test_a_database_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert str(tmp_path / "file") in refused(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path / 'file' / 'x.db'}")


def test_a_bucket_that_is_not_there_is_named(tmp_path: Path, bucket: str) -> None:
    assert "no bucket 'missing'" in refused(tmp_path, IMAGE_STORE="s3://missing")


def test_images_are_served_from_a_bucket_that_others_fill_too(tmp_path: Path, bucket: str) -> None:
    with ExitStack() as running:
        with s3.serving() as endpoint:
            environ = settings(tmp_path) | {"IMAGE_STORE": bucket, "AWS_ENDPOINT_URL": endpoint}
            app = running.enter_context(serving("app.py", **environ))
            asked = running.enter_context(httpx.Client(base_url=app.url, trust_env=False, timeout=60)).get
            kept = ImageStore(bucket)
            (shipped,) = kept.names()
            image = kept.add(png())
            for place in ("/images", "/rate/images"):
                got = asked(f"{place}/{image.sha256}")
                assert (got.status_code, got.content, got.headers["content-type"]) == (200, image.data, "image/png")
                assert "immutable" in got.headers["cache-control"]
                assert asked(f"{place}/{shipped}").status_code == 200
                assert asked(f"{place}/{'0' * 64}").status_code == 404
        gone = asked(f"/images/{image.sha256}")
        assert (gone.status_code, "cache-control" in gone.headers) == (503, False)
        assert "nothing listens there" in gone.json()["detail"]
        assert asked("/healthz").status_code == 200


def test_a_second_app_on_the_same_database_is_refused(tmp_path: Path) -> None:
    with serving("app.py", **settings(tmp_path)):
        assert "Lanewise" in refused(tmp_path)


def test_a_wrong_entry_is_named_and_the_app_starts(tmp_path: Path) -> None:
    (tmp_path / "backends.toml").write_text('[[backend]]\nname = "x"\nkind = "telepathy"\n')
    said = tmp_path / "said"
    with said.open("w") as errors, serving("app.py", errors=errors, **settings(tmp_path)):
        assert "backends.toml, line 1" in said.read_text()


def test_it_ends_without_a_word_though_a_page_is_open(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("w") as errors, ExitStack() as page, serving("app.py", errors=errors, **settings(tmp_path)) as app:
        page.enter_context(httpx.stream("GET", f"{app.url}/gradio_api/heartbeat/page", trust_env=False))
    assert said.read_text() == ""


@pytest.mark.parametrize("module", ["mistralai", "xllamacpp", "gguf", "alembic", "obstore"])
def test_nothing_heavy_is_imported_before_it_is_needed(module: str) -> None:
    code = "import sys, ui.web, backends.registry as r; r.load(None, {}); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert module not in ended.stdout.split()
