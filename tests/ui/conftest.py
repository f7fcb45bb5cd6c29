"""The real app in a process of its own, a scripted server for its lanes, and the system's Chromium."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.chromium import chromium, executable
from benchmarks.servers import Server, serving
from tests.backends.fake_server import EVENT_STREAM, delta, die, head, hold, reply, sse, stream
from tests.backends.fake_server import serving as speaking

T = TypeVar("T")

expect.set_options(timeout=60_000)  # the machine may be at other work too

TRICKS = """it`s

<b>1</b> <img src=/healthz> ![q](/healthz)

it`s

Hello
    <b>2</b>
- a

    <a href="https://example.com" style="position:fixed;inset:0">3</a>

| a ` | <b>4</b> ` |
|---|---|
| ` | <i>5</i> |

\\`<b>6</b>`

- x
  ```
  code
<b>7</b>

$a<b$ <u>8</u> `<i>9</i>`
"""


async def trickle(writer: asyncio.StreamWriter) -> None:
    """A word every tenth of a second, until the client goes."""
    writer.write(head(200, EVENT_STREAM))
    while True:
        writer.write(sse(delta(content="drip "), done=False))
        await writer.drain()
        await asyncio.sleep(0.1)


async def unfold(writer: asyncio.StreamWriter) -> None:
    """All that a lane can tell, most of it when it ends: it thinks, answers, runs out of tokens, and was measured."""
    writer.write(head(200, EVENT_STREAM))
    thoughts = [delta(reasoning_content=f"thought {number}\n") for number in range(10)]
    words = [delta(content="word ") for _ in range(30)]
    usage = {"prompt_tokens": 57, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 40}}
    timings = {"prompt_n": 17, "prompt_ms": 120.5, "predicted_per_second": 50.1, "cache_n": 40}
    for chunk in [*thoughts, *words, delta(finish="length"), {"choices": [], "usage": usage, "timings": timings}]:
        writer.write(sse(chunk, done=False))
        await writer.drain()
        await asyncio.sleep(0.05)


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
    "tricks": stream(delta(content=TRICKS), delta(finish="stop")),
    "trickles": trickle,
    "unfolds": unfold,
    "holds": hold(delta(content="The beginning")),
    "dies": die(delta(content="Half an ans")),
    "html": reply(200, "text/html", b"<html><body><h1>Welcome</h1></body></html>"),
}


@contextmanager
def on_a_thread(opening: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """What it opens, served by a loop of its own."""
    ready, opened, ends = threading.Event(), [], []

    async def serve() -> None:
        over = asyncio.Event()
        ends.append(partial(asyncio.get_running_loop().call_soon_threadsafe, over.set))
        async with opening as each:
            opened.append(each)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    yield opened[0]
    ends[0]()
    thread.join(10)


@pytest.fixture(scope="session")
def fake_url() -> Iterator[str]:
    """A server where each model answers as `ANSWERS` says."""
    with on_a_thread(speaking(ANSWERS)) as fake:
        yield fake.base_url


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, fake_url: str) -> Iterator[Server]:
    """The app with a backend for each of `ANSWERS`, and one that is absent."""
    folder = tmp_path_factory.mktemp("app")
    entry = '[[backend]]\nname = "{0}"\nkind = "llamacpp"\nbase_url = "{1}"\nmodel = "{0}"\n'
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    entries = [entry.format(model, fake_url) for model in ANSWERS] + [entry.format("absent", nobody)]
    (folder / "backends.toml").write_text("\n".join(entries))
    with serving("app.py", **settings(folder)) as server:
        yield server


def settings(folder: Path) -> dict[str, str]:
    """The app's environment when all that it reads and keeps is in `folder`."""
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'lanewise.db'}",
        "BACKENDS": str(folder / "backends.toml"),
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "GRACE": "0",
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not executable():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "no Chromium on this machine: install the package `chromium`"
        )
    with chromium() as opened:
        yield opened


def is_own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:", "about:"))


@pytest.fixture(scope="session")
def home(browser: Browser) -> Iterator[Page]:
    """A tab that stays. Those that it opens share its process, so that not each of them compiles the page's scripts."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


@pytest.fixture
def page(home: Page) -> Iterator[Page]:
    """A new tab of a new person; any error of its scripts, and any request elsewhere, fails the test."""
    with home.expect_popup() as opened:
        home.evaluate("void open('about:blank')")
    tab, wrong = opened.value, []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("request", lambda asked: None if is_own(asked.url) else wrong.append(asked.url))
    tab.set_default_timeout(60_000)
    yield tab
    tab.close()
    home.context.set_storage_state({})
    assert not wrong
