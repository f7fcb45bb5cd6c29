"""Each test of a store runs on SQLite and on a real PostgreSQL; those marked `sqlite` are about the file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from storage.database import Database
from storage.store import Store
from tests.storage.postgres import Server, serving


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    about_the_file = metafunc.definition.get_closest_marker("sqlite")
    for name in {"url", "empty"} & {*metafunc.fixturenames}:
        metafunc.parametrize(name, ["sqlite"] + ["postgresql"] * (not about_the_file), indirect=True)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def copied_postgres(postgres: Server) -> Callable[[], str]:
    """Makes a database with tables in it at each call: a copy, as to migrate each anew takes long."""
    first = postgres.make()
    Database(first).close()
    return lambda: postgres.make(like=first)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "lanewise.db"
    Database(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "postgresql":
        monkeypatch.chdir(tmp_path)  # where its images go unless told otherwise
        make: Callable[[], str] = request.getfixturevalue("copied_postgres")
        return make()
    copyfile(request.getfixturevalue("migrated"), tmp_path / "lanewise.db")
    return f"sqlite:///{tmp_path / 'lanewise.db'}"


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        return server.make()
    return f"sqlite:///{tmp_path / 'lanewise.db'}"


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(url, (tmp_path / "images").as_uri())
    yield opened
    opened.close()
