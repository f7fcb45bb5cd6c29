"""What is known of servers, asked again and again in the background."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest

from backends.declaration import kinds
from backends.discovery import Discovery
from backends.lane import Backend
from backends.registry import Registry
from backends.status import Reach, Status
from tests.backends.pages import (
    VLLM,
    answer,
    recorded,
    serving,
    silence,
)


@asynccontextmanager
async def discovering(*backends: Backend, pace: float = 30.0, fresh: float = 0) -> AsyncIterator[Discovery]:
    registry = Registry(backends, (), {})
    discovery = Discovery(registry, pace, fresh)
    yield discovery
    await discovery.aclose()
    await registry.aclose()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 (what it waits for sets no event)
            await asyncio.sleep(0.005)


async def test_nothing_is_asked_before_it_is_started() -> None:
    async with serving(VLLM) as server, discovering(server.backend("vllm")) as discovery:
        assert discovery.status("vllm") == Status()
        assert not server.asked


async def test_a_server_that_hangs_delays_no_other() -> None:
    async with (
        serving({"/v1/models": silence}) as mute,
        serving(VLLM) as server,
        discovering(mute.backend("vllm", "mute"), server.backend("vllm", "talks")) as discovery,
    ):
        discovery.start()
        await until(lambda: discovery.status("talks").reach is Reach.READY)
        assert discovery.status("mute").reach is Reach.UNKNOWN


async def test_it_goes_on_asking() -> None:
    async with serving(VLLM) as server, discovering(server.backend("openai"), pace=0.01) as discovery:
        discovery.start()
        await until(lambda: len(server.asked) >= 3)


async def test_a_server_that_fails_is_asked_less_and_less_often() -> None:
    async with serving({}) as server, discovering(server.backend("openai"), pace=0.02) as discovery:
        began = asyncio.get_running_loop().time()
        discovery.start()
        await until(lambda: len(server.asked) >= 4)
        assert asyncio.get_running_loop().time() - began >= 0.04 + 0.08 + 0.16


def test_only_a_makers_own_address_is_a_hosted_service() -> None:
    hosted = kinds()["nim"].base_url
    assert kinds()["nim"].is_service(Backend("nim", "nim", hosted))
    assert not kinds()["nim"].is_service(Backend("own", "nim", "http://127.0.0.1:8000/v1"))
    assert not kinds()["local"].is_service(Backend("local", "local"))


async def test_a_server_that_failed_is_asked_again_at_once_when_somebody_wants_it() -> None:
    async with (
        serving({"/v1/models": answer("gone", 502)}) as server,
        discovering(server.backend("openai")) as discovery,
    ):
        discovery.start()
        await until(lambda: discovery.status("openai").reach is Reach.UNREACHABLE)
        server.pages = VLLM
        assert (await discovery.refresh("openai")).reach is Reach.READY
        assert discovery.status("openai").reach is Reach.READY


async def test_the_last_trouble_is_remembered_with_its_time_once_it_is_over() -> None:
    async with (
        serving({"/v1/models": answer("gone", 502)}) as server,
        discovering(server.backend("openai")) as discovery,
    ):
        down = await discovery.refresh("openai")
        assert (down.trouble.problem, down.trouble.at) == (down.problem, down.at)
        for page in (VLLM["/v1/models"], recorded("llamacpp/loading")):
            server.pages = {"/v1/models": page}
            later = await discovery.refresh("openai")
            assert (later.trouble, later.at > down.at) == (down.trouble, True)
        server.pages = {}
        assert "often ends in /v1" in (await discovery.refresh("openai")).trouble.problem


async def test_two_who_ask_at_once_share_one_question() -> None:
    async with serving({"/v1/models": silence}) as server, discovering(server.backend("openai")) as discovery:
        asking = [asyncio.create_task(discovery.refresh("openai")) for _ in range(2)]
        await until(lambda: bool(server.asked))
        asking[0].cancel()
        await asyncio.wait([asking[0]])
        assert (len(server.asked), asking[1].done()) == (1, False)


async def test_however_often_somebody_wants_to_know_a_server_is_asked_only_so_often() -> None:
    async with serving(VLLM) as server, discovering(server.backend("openai"), fresh=3600) as discovery:
        told = [await discovery.refresh("openai") for _ in range(20)]
        assert server.asked.count("/v1/models") == 1
        assert {each.reach for each in told} == {Reach.READY}


async def test_only_a_backends_name_can_be_refreshed() -> None:
    async with discovering() as discovery:
        with pytest.raises(KeyError):
            await discovery.refresh("nobody")


class Broken(Registry):
    def client(self, backend: Backend) -> NoReturn:
        raise RuntimeError("a bug")


async def test_a_bug_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    discovery = Discovery(Broken((Backend("odd", "vllm"),), (), {}))
    status = await discovery.refresh("odd")
    await discovery.aclose()
    assert status.reach is Reach.UNREACHABLE
    assert "broke inside Lanewise" in status.problem
    assert "a bug" in caplog.text
