"""Exports over HTTP: streamed page by page, and made in the background for whoever asked."""

import io
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from storage.exports import VIEWS
from storage.plan import BLIND, Plan
from storage.store import Store
from tests.storage.exported import parts
from tests.storage.made import judged
from tests.ui.test_history import keep
from ui import exporting
from ui.exporting import Jobs, routes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'lanewise.db'}")
    yield opened
    opened.close()


@pytest.fixture
def jobs(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = Jobs(store)
    yield made
    made.close()


@pytest.fixture
def http(store: Store, jobs: Jobs) -> Callable[[str], httpx.AsyncClient]:
    """A client with a cookie of its own for each name."""
    app = FastAPI()
    app.include_router(routes(store, jobs))

    def client(name: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app)
        return httpx.AsyncClient(transport=transport, base_url="http://app", cookies={"lanewise": name})

    return client


Http = Callable[[str], httpx.AsyncClient]


async def over(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    while job["state"] == "running":
        job = (await client.get(f"/exports/{job['id']}")).json()
    return job


def files(tmp_path: Path) -> list[str]:
    return [str(path) for path in tmp_path.glob(f"{exporting.PREFIX}*/*")]


@pytest.mark.parametrize("view", VIEWS)
async def test_every_view_is_streamed_as_it_is_written(store: Store, http: Http, view: str) -> None:
    run = await keep(store, "Where is it?")
    await store.rate(run, "Ada", judged([0], [1]))
    answer = await http("ann").get(f"/export/{view}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(VIEWS[view].media_type.partition(";")[0])
    assert f'filename="lanewise-{view}{VIEWS[view].suffix}"' in answer.headers["content-disposition"]
    if view != "xlsx":
        scope = exporting.Asked().scope("x", store.rubric)
        assert answer.content == b"".join(parts(view, store.engine, scope, store.images))


async def test_pages_follow_each_other_to_the_end(store: Store, http: Http) -> None:
    for number in range(5):
        await keep(store, f"question {number}")
    address, titles = "/export/jsonl?limit=2&q=question", []
    async with http("ann") as client:
        while address:
            answer = await client.get(address)
            titles.append([orjson.loads(line)["title"] for line in answer.content.splitlines()])
            address = str(answer.url.join(answer.links["next"]["url"])) if "next" in answer.links else ""
    assert titles == [["question 0", "question 1"], ["question 2", "question 3"], ["question 4"]]


async def test_the_filters_and_options_are_those_of_the_history(store: Store, http: Http) -> None:
    for number in range(2):
        await keep(store, f"question {number}")
    await store.rate((await store.found(exporting.Filter()))[0], "Ada", judged([0], [1]))
    async with http("ann") as client:
        for query, many in (
            ("q=question+1", 1),
            ("by=Ada", 1),
            ("rated=no", 1),
            ("backend=one", 2),
            ("until=2026-01-01", 0),
            ("since=2026-01-01T00:00:00Z", 2),
        ):
            assert len((await client.get(f"/export/jsonl?{query}")).content.splitlines()) == many
        assert "Ada" not in (await client.get("/export/jsonl")).text
        assert "Ada" in (await client.get("/export/jsonl?names=1")).text
        assert (await client.get("/export/jsonl?backends=one")).status_code == 422  # else it would export everything
        assert (await client.get("/export/yaml")).status_code == 404
        card = await client.get("/export/dpo/card?names=1&rated=yes")
        assert "| comparisons read | 1 |" in card.text


async def test_what_is_sealed_for_a_viewer_leaves_by_no_door(store: Store, http: Http) -> None:
    await keep(store, "Whose is it?", "The lighthouse.", plan=Plan(BLIND))
    async with http("ann") as client:
        for view in VIEWS:
            assert b"lighthouse" not in (await client.get(f"/export/{view}")).content
            job = await over(client, (await client.post("/exports", json={"view": view})).json())
            assert b"lighthouse" not in (await client.get(f"/exports/{job['id']}/file")).content


async def test_an_export_is_made_in_the_background(store: Store, http: Http) -> None:
    run = await keep(store, "Where is it?")
    await keep(store, "never rated")
    await store.rate(run, "Ada", judged([0], [1]))
    async with http("ann") as client:
        begun = (await client.post("/exports", json={"view": "battles", "q": "where"})).json()
        job = await over(client, begun)
        assert (job["state"], job["read"], job["total"], job["written"]) == ("ready", 1, 1, {"battles": 1})
        assert (await client.get("/exports")).json()["job"] == job
        answer = await client.get(f"/exports/{job['id']}/file")
        assert len(answer.content) == job["bytes"]
        with zipfile.ZipFile(io.BytesIO(answer.content)) as zipped:
            assert zipped.namelist() == ["battles.parquet", "README.md"]
            assert {each.compress_type for each in zipped.infolist()} == {zipfile.ZIP_STORED}
            assert b"| comparisons read | 1 |" in zipped.read("README.md")


async def test_it_is_nobody_elses(store: Store, http: Http) -> None:
    await keep(store, "Where is it?")
    async with http("ann") as ann, http("bob") as bob:
        job = await over(ann, (await ann.post("/exports", json={"view": "jsonl"})).json())
        assert (await bob.get("/exports")).json()["job"] is None
        for answer in (
            await bob.get(f"/exports/{job['id']}"),
            await bob.get(f"/exports/{job['id']}/file"),
            await bob.post(f"/exports/{job['id']}/stop"),
        ):
            assert answer.status_code == 404
        assert (await ann.get(f"/exports/{job['id']}/file")).status_code == 200


async def test_who_begins_another_gives_up_the_one_before(store: Store, http: Http, tmp_path: Path) -> None:
    await keep(store, "Where is it?")
    async with http("ann") as client:
        first = await over(client, (await client.post("/exports", json={"view": "jsonl"})).json())
        second = await over(client, (await client.post("/exports", json={"view": "csv"})).json())
        assert (await client.get(f"/exports/{first['id']}")).status_code == 404
        assert [Path(path).stem for path in files(tmp_path)] == [second["id"]]
        await client.post(f"/exports/{second['id']}/stop")
    assert files(tmp_path) == []


async def test_one_that_is_stopped_leaves_nothing(store: Store, jobs: Jobs, tmp_path: Path) -> None:
    for number in range(40):
        await keep(store, f"question {number}")
    scope = exporting.Asked().scope("x", store.rubric)
    job = jobs.start("ann", VIEWS["jsonl"], scope, True)
    jobs.drop(job)
    for thread in threading.enumerate():
        if thread.name == "export":
            thread.join()
    assert job.state in ("stopped", "ready")  # it may have been faster
    assert files(tmp_path) == []


async def test_one_that_can_not_be_written_says_why(store: Store, http: Http, jobs: Jobs, tmp_path: Path) -> None:
    async with http("ann") as client:
        await over(client, (await client.post("/exports", json={"view": "jsonl"})).json())
        jobs._folder = tmp_path / "gone"
        job = await over(client, (await client.post("/exports", json={"view": "jsonl"})).json())
        assert (job["state"], job["problem"][:29]) == ("failed", "The export can't be written (")
        assert (await client.get(f"/exports/{job['id']}/file")).status_code == 409


def test_what_a_killed_app_left_is_taken_away(store: Store, jobs: Jobs, tmp_path: Path) -> None:
    for name, age in (("old", exporting.KEPT + 60), ("new", 60)):
        folder = tmp_path / f"{exporting.PREFIX}{name}"
        folder.mkdir()
        (folder / "x.zip.part").write_bytes(b"x")
        for path in (folder / "x.zip.part", folder):
            os.utime(path, (time.time() - age,) * 2)
    exporting.sweep()
    assert [path.name for path in tmp_path.glob(f"{exporting.PREFIX}*")] == [f"{exporting.PREFIX}new"]


async def test_a_file_waits_only_so_long(
    store: Store, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "KEPT", 0.01)
    async with http("ann") as client:
        job = (await client.post("/exports", json={"view": "jsonl"})).json()
        answer = await client.get(f"/exports/{job['id']}")
        while answer.status_code == 200:
            answer = await client.get(f"/exports/{job['id']}")
    assert files(tmp_path) == []
