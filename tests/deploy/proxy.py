"""The reverse proxy of `compose.yaml` as a process, with its own configuration and a test's addresses."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.deploy.recipe import ROOT


@contextmanager
def proxying(folder: Path, port: int, *replicas: str) -> Iterator[str]:
    """Its address; skips the test where there is no Caddy."""
    if not shutil.which("caddy"):
        pytest.skip("no Caddy on this machine: install the package `caddy`")
    url = f"http://127.0.0.1:{port}"
    environ = {"SITE": url, "REPLICAS": " ".join(replicas), "STICKY_SECRET": "a-secret", "HOME": str(folder)}
    command = ["caddy", "run", "--config", str(ROOT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    said = folder / "caddy.log"
    with (
        said.open("wb") as out,
        subprocess.Popen(command, env={"PATH": os.environ["PATH"]} | environ, stdout=out, stderr=out) as process,
    ):
        try:
            _wait(url, process, said)
            yield url
        finally:
            process.terminate()


def _wait(url: str, process: subprocess.Popen[bytes], said: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(said.read_text())
