"""The real app in a process of its own, a scripted server for its lanes, and the system's Chromium."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.backends.fake_server import delta, die, hold, reply, serving, stream

ROOT = Path(__file__).parents[2]
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
START = 60  # seconds

ANSWERS = {
    "talks": stream(
        delta(reasoning_content="Let me <b>think</b>."),
        delta(content="Use `<i>` and <i>this</i>: **bold**, ![x](https://example.com/x.png)\n\n"),
        delta(content="    indented\n"),
        delta(finish="stop"),
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9}},
    ),
    "calls": stream(
        delta(
            tool_calls=[{"index": 0, "id": "k3Jd9QpZa", "function": {"name": "get_weather", "arguments": '{"city":'}}]
        ),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '"Oslo"}'}}]),
        delta(finish="tool_calls"),
    ),
    "holds": hold(delta(content="The beginning")),
    "dies": die(delta(content="Half an ans")),
    "html": reply(200, "text/html", b"<html><body><h1>Welcome</h1></body></html>"),
}


@dataclass(frozen=True)
class App:
    url: str
    folder: Path
    process: subprocess.Popen[str]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings(folder: Path, port: int, **more: str) -> dict[str, str]:
    """An environment that names no backend but those of `folder`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return (
        kept
        | {
            "PORT": str(port),
            "DATABASE_URL": f"sqlite:///{folder / 'lanewise.db'}",
            "BACKENDS": str(folder / "backends.toml"),
            "GRADIO_TEMP_DIR": str(folder / "uploads"),
            "PYTHONPATH": str(ROOT),
        }
        | more
    )


def launch(folder: Path, port: int) -> App:
    """Starts the app and waits until it answers."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "app.py"], cwd=folder, env=settings(folder, port), text=True, stdout=subprocess.PIPE
    )
    url = f"http://127.0.0.1:{port}"
    assert process.stdout
    said = process.stdout.readline()
    if url not in said:
        raise AssertionError(f"the app did not start: {said!r}, exit status {process.wait(5)}")
    for _ in range(START * 20):
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1):
                return App(url, folder, process)
        except (urllib.error.URLError, TimeoutError):
            threading.Event().wait(0.05)
    raise AssertionError("the app does not answer")


@pytest.fixture(scope="session")
def fake_url() -> Iterator[str]:
    """A server on a thread of its own: each model answers as `ANSWERS` says."""
    loop, ready, over, urls = asyncio.new_event_loop(), threading.Event(), asyncio.Event(), []

    async def serve() -> None:
        async with serving(ANSWERS) as fake:
            urls.append(fake.base_url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield urls[0]
    loop.call_soon_threadsafe(over.set)
    thread.join(10)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, fake_url: str) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("app")
    entries = [
        f'[[backend]]\nname = "{model}"\nkind = "llamacpp"\nbase_url = "{fake_url}"\nmodel = "{model}"\n'
        for model in ANSWERS
    ]
    absent = (
        f'[[backend]]\nname = "absent"\nkind = "vllm"\nbase_url = "http://127.0.0.1:{free_port()}/v1"\nmodel = "m"\n'
    )
    (folder / "backends.toml").write_text("\n".join([*entries, absent]))
    started = launch(folder, free_port())
    yield started
    started.process.terminate()
    started.process.wait(20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on this machine: install the package `chromium`")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


def is_own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new tab of a new person; any error of its scripts, and any request elsewhere, fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab, wrong = context.new_page(), []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda asked: None if is_own(asked.url) else wrong.append(asked.url))
    tab.set_default_timeout(30_000)
    yield tab
    context.close()
    assert not wrong
