"""Two replicas on one PostgreSQL and one image store, behind the proxy: one is killed in the middle of its answers."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from playwright.async_api import Page, async_playwright, expect

from backends.answer import State
from backends.events import TextDelta
from benchmarks import page as pages
from benchmarks.chromium import executable
from benchmarks.evaluator import Evaluator
from benchmarks.servers import Server, serving
from storage.store import Store
from tests.deploy.proxy import proxying
from tests.fake.script import Script
from tests.storage.postgres import serving as postgres
from tests.ui.conftest import free_port

pytestmark = pytest.mark.proof

LANES = pages.NAMES[:2]
ENDLESS, SHORT = Script(tokens=20_000, rate=20), Script(tokens=5, rate=0)
PATIENCE = 60  # seconds

expect.set_options(timeout=PATIENCE * 1000)


@dataclass
class Deployed:
    """`apps` run by the word that each says of itself; `restart` brings back the one that was killed."""

    url: str
    database: str
    store: Store
    apps: dict[str, Server]
    restart: Callable[[str], Server]

    def kill(self, word: str) -> None:
        os.kill(self.apps[word].pid, signal.SIGKILL)

    def age(self) -> None:
        """A minute passes in which nobody but the living says that they are here."""
        with psycopg.connect(self.database.replace("+psycopg", "")) as connection:
            connection.execute("UPDATE replicas SET seen_at = seen_at - interval '61 seconds'")


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    with ExitStack() as running:
        database = running.enter_context(postgres(tmp_path / "postgres")).make()
        fake = running.enter_context(serving("-m", "tests.fake"))
        images = (tmp_path / "images").as_uri()
        environ = pages.kept_in(tmp_path, fake.url) | {
            "DATABASE_URL": database,
            "IMAGE_STORE": images,
            "GRACE": "0",
        }
        ports: dict[str, int] = {}

        def start(word: str = "") -> Server:
            port = ports.get(word) or free_port()
            app = running.enter_context(serving("app.py", port=port, **environ))
            ports[saying(app.url)] = port
            return app

        apps = [start(), start()]
        url = running.enter_context(proxying(tmp_path, free_port(), *(app.url[len("http://") :] for app in apps)))
        store = Store.open(database, images)
        running.callback(store.close)
        yield Deployed(url, database, store, {saying(app.url): app for app in apps}, start)


def saying(url: str) -> str:
    return str(httpx.get(f"{url}/healthz", trust_env=False).json()["app"])


@asynccontextmanager
async def person(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as http:
        yield http


async def where(http: httpx.AsyncClient) -> str:
    return str((await http.get("healthz")).json()["app"])


async def until(true: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := await true()):  # noqa: ASYNC110 - another app sends no word
            await asyncio.sleep(0.1)
    return found


async def at(deployed: Deployed, word: str, people: AsyncExitStack, path: str = "/") -> httpx.AsyncClient:
    """Somebody whom the proxy sent to this replica, and keeps there."""
    for _ in range(100):
        http = await people.enter_async_context(person(f"{deployed.url}{path}"))
        if await where(http) == word:
            assert [await where(http) for _ in range(5)] == [word] * 5
            return http
    raise AssertionError("the proxy never chose it")


async def said(store: Store, run: str) -> list[str]:
    """The text of each lane as it is stored."""
    return [
        "".join(each.event.text for each in recording if isinstance(each.event, TextDelta))
        for recording in await store.recordings(run)
    ]


async def states(store: Store, run: str) -> set[State]:
    return {each.answer.state for each in await store.answered(run)}


async def test_when_a_replica_is_killed_nothing_stored_is_lost_and_evaluators_go_on_at_the_other(
    deployed: Deployed,
) -> None:
    store, (dying, living) = deployed.store, deployed.apps
    async with AsyncExitStack() as people:
        asks, neighbour = [Evaluator(await at(deployed, word, people), LANES) for word in (dying, living)]
        rates = Evaluator(await at(deployed, dying, people, "/rate/"), ())
        for evaluator in (asks, neighbour, rates):
            await evaluator.arrive()
        waiting = [await asks.ask(f"{SHORT} {number}") for number in range(2)]
        run, beside = await asks.ask(f"{ENDLESS} Go on."), await neighbour.ask(f"{ENDLESS} Go on.")
        watching = asyncio.create_task(neighbour.watch(beside))
        for each in waiting:
            await until(lambda each=each: done(store, each))
        await store.enqueue(waiting, 1)
        first, *_ = await rates.act("serve", [], {"evaluator": "Ann"})
        assert first in waiting
        await until(lambda: long(store, run))
        browser = await people.enter_async_context(opened(asks, run))

        before = await said(store, run)
        deployed.kill(dying)

        # who was there finds the same page at the other, and goes on in the queue where they were
        assert await until(lambda: where(asks.http)) == living
        await asks.arrive()
        question, *_ = await asks.act("show", [run])
        assert "Go on." in str(question)
        await rates.arrive()
        assert (await rates.act("serve", [], {"evaluator": "Ann"}))[0] == first
        bar, _ = await rates.act("rate", [first], {"run": first, "evaluator": "Ann", "all_bad": True, "number": 1})
        assert bar["said"] == "Saved."
        second, *_ = await rates.act("serve", [], {"evaluator": "Ann", "after": first})
        assert {first, second} == {*waiting}

        # once it is known to be gone, its lanes have an end, with all that was stored; the other's are undisturbed
        deployed.age()
        await until(lambda: ended(store, run))
        assert await states(store, run) == {State.INTERRUPTED}
        after = await said(store, run)
        assert all(late.startswith(early) and early for early, late in zip(before, after, strict=True))
        assert await states(store, beside) == {State.ANSWERING}
        assert not watching.done()
        assert await long(store, await asks.ask(f"{ENDLESS} At the other."), least=0)
        if browser:  # its page has found the other by itself
            await expect(browser.locator("#question")).to_contain_text("Go on.")
            await expect(browser.locator("#lanes .card[data-state=interrupted]")).to_have_count(2)

        again = deployed.restart(dying)
        back = await at(deployed, saying(again.url), people)
        newcomer = Evaluator(back, LANES)
        await newcomer.arrive()
        question, *_ = await newcomer.act("show", [run])
        assert "Go on." in str(question)
        await until(lambda: done_soon(store, newcomer))
        watching.cancel()


async def done(store: Store, run: str) -> bool:
    return await states(store, run) == {State.DONE}


async def done_soon(store: Store, evaluator: Evaluator) -> bool:
    run = await evaluator.ask(str(SHORT))
    await evaluator.watch(run)
    return await done(store, run)


async def ended(store: Store, run: str) -> bool:
    return State.ANSWERING not in await states(store, run)


async def long(store: Store, run: str, least: int = 20) -> bool:
    return all(len(text) >= least for text in await said(store, run))


@asynccontextmanager
async def opened(evaluator: Evaluator, run: str) -> AsyncIterator[Page | None]:
    """The run in a real browser of the same person; None where there is none."""
    if not executable():
        yield None
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        context = await browser.new_context()
        url = str(evaluator.http.base_url)
        cookies = [{"name": each.name, "value": each.value, "url": url} for each in evaluator.http.cookies.jar]
        await context.add_cookies(cookies)
        shown = await context.new_page()
        await shown.goto(f"{url}?run={run}")
        await expect(shown.locator("#lanes .card[data-state=answering]")).to_have_count(2)
        yield shown
        await browser.close()
