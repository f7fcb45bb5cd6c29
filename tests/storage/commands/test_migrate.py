"""All that is kept moves to another kind of database and back, and is the same to the byte."""

from pathlib import Path

import pytest
from sqlalchemy import text

from storage.comparison import Filter
from storage.database import claimed, reading
from storage.plan import Plan
from storage.schema import comparisons, facets
from storage.store import Store
from tests.storage.commands.conftest import Command, filled, says
from tests.storage.exported import parts
from tests.storage.made import asking
from tests.storage.postgres import Server


@pytest.fixture
def other(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The address of an empty database of the other kind, without tables."""
    if url.startswith("sqlite"):
        server: Server = request.getfixturevalue("postgres")
        return server.make()
    return f"sqlite:///{tmp_path}/other/lanewise.db"


def kept(url: str) -> tuple[list[bytes], list[bytes]]:
    engine = reading(url)
    return parts("jsonl", engine), parts("csv", engine)


def filters(url: str) -> list[tuple[object, ...]]:
    with reading(url).connect() as connection:
        return sorted(map(tuple, connection.execute(facets.select())))


async def test_there_and_back_is_the_same_to_the_byte(
    store: Store, url: str, other: str, command: Command, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    await filled(store)
    store.close()
    first = kept(url)
    moved = (tmp_path / "moved").as_uri()
    status, said = command("migrate", other, "--images-to", moved)
    assert status == 0
    assert says(said, "both databases have as many rows")
    assert says(said, rf"^comparisons +{len(first[0])}$")
    assert kept(other) == first
    assert filters(other) == filters(url)
    assert command("verify", database=other, images=moved) == (0, ["Nothing is wrong."])
    if url.startswith("sqlite"):
        back = f"sqlite:///{tmp_path}/back/lanewise.db"
    else:
        back = request.getfixturevalue("postgres").make()
    assert command("migrate", back, database=other)[0] == 0
    assert kept(back) == first
    assert command("verify", database=back) == (0, ["Nothing is wrong."])
    assert kept(url) == first


async def test_an_app_goes_on_where_it_was_moved(store: Store, other: str, command: Command, tmp_path: Path) -> None:
    made = await filled(store)
    before = len((await store.page()).rows)
    store.close()
    assert command("migrate", other)[0] == 0
    again = Store.open(other, (tmp_path / "images").as_uri())
    found = await again.found(Filter(words="naïve"))
    assert found == (made[0],)
    prompt = asking("Hippopotamus")
    await again.create(prompt, [], Plan())
    assert len((await again.page()).rows) == before + 1
    assert len(await again.found(Filter(words="hippopotamus"))) == 1
    again.close()
    assert command("verify", database=other)[0] == 0


async def test_rows_may_name_later_ones(store: Store, url: str, other: str, command: Command) -> None:
    made = await filled(store)
    store.close()
    with claimed(url) as connection:  # as a clock that was set back leaves them
        later = comparisons.update().where(comparisons.c.id == made[1])
        connection.execute(later.values(number=1))
        connection.execute(comparisons.update().where(comparisons.c.id == made[0]).values(remakes_id=made[2]))
    assert command("migrate", other)[0] == 0
    assert kept(other) == kept(url)


async def test_only_an_empty_database_is_copied_into(store: Store, url: str, other: str, command: Command) -> None:
    await filled(store)
    store.close()
    assert command("migrate", other)[0] == 0
    before = kept(other)
    status, said = command("migrate", other)
    assert status == 1
    assert says(said, "name an empty one")
    assert kept(other) == before


async def test_nothing_is_copied_from_under_a_running_app(store: Store, other: str, command: Command) -> None:
    status, said = command("migrate", other)
    assert status == 1
    assert says(said, "in use by another|Apps are running")


async def test_a_copy_that_fails_leaves_nothing(
    store: Store, url: str, other: str, command: Command, tmp_path: Path
) -> None:
    await filled(store)
    store.close()
    Store.open(other, (tmp_path / "images").as_uri()).close()
    with claimed(other) as connection:  # late, when all rows are there
        connection.execute(text("DROP TABLE facets"))
    status, _ = command("migrate", other)
    assert status == 1
    with claimed(other) as connection:
        assert connection.scalar(text("SELECT count(*) FROM comparisons")) == 0
