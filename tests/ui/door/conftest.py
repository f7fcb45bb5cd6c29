"""A small app behind the door, asked without a network; and the whole app, with a login, in a process of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pwdlib.hashers.argon2 import Argon2Hasher

from benchmarks.servers import Server, serving
from storage.recorder import Recorder
from storage.store import Store
from tests.storage.made import scripted
from tests.ui.conftest import ANSWERS, settings
from ui import access, viewer
from ui.door.accounts import User, Users, write
from ui.door.door import Door
from ui.door.settings import Settings
from ui.web import Guard, named

PASSWORD = "correct horse battery"
QUICK = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)  # for as many logins as tests want
PEOPLE = {
    "ann": User("ann", QUICK.hash(PASSWORD), "admin"),
    "bob": User("bob", QUICK.hash(PASSWORD), "evaluator"),
}
SECRET = "s" * 40
KEY = "sk-never-to-be-seen"

Client = httpx.AsyncClient


@pytest.fixture
def users(tmp_path: Path) -> Users:
    write(tmp_path / "users.toml", PEOPLE)
    return Users(tmp_path / "users.toml")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path_factory.mktemp('store') / 'lanewise.db'}")
    yield opened
    opened.close()


@pytest.fixture
async def behind(store: Store) -> AsyncIterator[Callable[..., Client]]:
    """Makes a browser of an app with these settings; further ones share the door."""
    clients = []

    def make(settings: Settings | Door, scheme: str = "http", **more: Any) -> Client:
        door = settings if isinstance(settings, Door) else Door(settings)
        transport = httpx.ASGITransport(house(door, store), raise_app_exceptions=False, **more)
        clients.append(httpx.AsyncClient(transport=transport, base_url=f"{scheme}://localhost"))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


def house(door: Door, store: Store) -> FastAPI:
    app = FastAPI()
    door.inward(app)
    app.add_middleware(Guard)
    named(app, ["localhost", "compare.example.org"])
    door.outward(app)
    app.include_router(door.routes(store, Recorder(store, scripted())))

    @app.get("/")
    def who(request: Request) -> dict[str, Any]:
        found = access.account(request)
        return {"name": found.name, "admin": access.is_admin(request), "viewer": viewer.who(request)}

    @app.post("/act")
    async def act(request: Request) -> dict[str, int]:
        return {"read": len(await request.body())}

    @app.get("/gradio_api/queue/data")
    async def stream() -> StreamingResponse:
        async def forever() -> AsyncIterator[bytes]:
            while True:
                yield b"data: \n\n"
                await asyncio.sleep(0.01)

        return StreamingResponse(forever())

    return app


async def enter(client: Client, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await client.post("/login", data={"name": name, "password": password, **more})


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "log"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the whole app keeps all that it has."""
    return tmp_path_factory.mktemp("guarded")


@pytest.fixture(scope="session")
def guarded(folder: Path, fake_url: str, log: Path) -> Iterator[Server]:
    """The whole app with a login."""
    write(folder / "users.toml", PEOPLE)
    entry = '[[backend]]\nname = "{0}"\nkind = "llamacpp"\nbase_url = "{1}"\nmodel = "{0}"\n'
    entries = [entry.format(model, fake_url) for model in ANSWERS]
    keyed = "\n".join(entries).replace('model = "talks"\n', 'model = "talks"\nkey_env = "KEY_OF_TALKS"\n')
    (folder / "backends.toml").write_text(keyed)
    more = {"USERS": str(folder / "users.toml"), "LOG_FORMAT": "json", "KEY_OF_TALKS": KEY}
    with log.open("w") as errors, serving("app.py", errors=errors, at="/healthz", **settings(folder), **more) as server:
        yield server


@pytest.fixture
def browsing(guarded: Server) -> Iterator[Callable[[str], httpx.Client]]:
    """Makes a browser of the whole app, where this person is logged in; "" is nobody."""
    clients: list[httpx.Client] = []

    def make(name: str) -> httpx.Client:
        clients.append(httpx.Client(base_url=guarded.url, trust_env=False, timeout=60))
        if name:
            entered = clients[-1].post("/login", data={"name": name, "password": PASSWORD})
            assert entered.status_code == 303
        return clients[-1]

    yield make
    for client in clients:
        client.close()
