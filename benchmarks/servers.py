"""Python child processes that serve HTTP on 127.0.0.1: started, waited for, ended with all they started."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import httpx
import psutil

from benchmarks.figures import tree

ROOT = Path(__file__).resolve().parent.parent


class Server(NamedTuple):
    """`started` is `time.perf_counter()` just before the process; `ready` is when it first answered 200."""

    pid: int
    url: str
    started: float
    ready: float


@contextmanager
def serving(
    *arguments: str,
    errors: IO[str] | None = None,
    patience: float = 180,
    at: str = "",
    port: int = 0,
    **environment: str,
) -> Iterator[Server]:
    """Runs `python ARGUMENTS` with `port`, or a free one, as PORT; `errors` takes its standard error. It is there once
    it answers at the path `at`."""
    with socket.create_server(("127.0.0.1", port)) as probe:
        port = probe.getsockname()[1]
    url, started = f"http://127.0.0.1:{port}", time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"} | environment | {"PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=errors,
    )
    try:
        yield Server(process.pid, url, started, _ready(process, f"{url}{at}", patience))
    finally:
        _end(process)


def _ready(process: subprocess.Popen[bytes], url: str, patience: float) -> float:
    until = time.perf_counter() + patience
    with httpx.Client(timeout=5, trust_env=False, verify=False) as http:
        while time.perf_counter() < until and process.poll() is None:
            try:
                if http.get(url).status_code == 200:
                    return time.perf_counter()
            except httpx.TransportError:
                pass  # nothing listens yet
            time.sleep(0.01)
    raise RuntimeError(f"{process.args!r} did not answer at {url}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks the server to end, then makes sure of it and of its children."""
    family = tree(process.pid) if process.poll() is None else []
    process.terminate()
    _, alive = psutil.wait_procs(family, timeout=5)
    for straggler in alive:
        straggler.kill()
    process.wait()
