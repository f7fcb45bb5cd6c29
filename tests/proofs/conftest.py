"""Exports written by the project's own environment, and the environments of the tools that read them.

`make proofs` installs those; where one is missing, its tests are skipped.
"""

import asyncio
import json
import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from backends.prompt import AssistantTurn, Prompt, Tool, UserTurn
from storage.comparison import evidence
from storage.exports import VIEWS, export
from storage.exports.card import card
from storage.exports.items import ALL
from storage.exports.view import Left
from storage.ratings import pairs
from storage.store import Store
from tests.storage.answered import answered, call, text
from tests.storage.exports.test_dpo import LOOP
from tests.storage.made import ONE, THREE, TWO, asking, judged, long_talk, png

ROOT = Path(__file__).parents[2]
WEATHER = Tool("weather", "Looks outside", {"type": "object", "properties": {"city": {"type": "string"}}})
CLOCK = Tool("clock", "Tells the time", {"type": "object", "properties": {"zone": {"type": "integer"}}})
BEFORE = 10 << 20  # bytes of lines from which `datasets` takes the types, unless it is told them
MOST = 900  # seconds

Battle = tuple[str, str, str]


@dataclass(frozen=True)
class Exported:
    """`views` has a folder for each view; `late` is one whose last line has what no earlier one has."""

    views: Path
    late: Path
    written: dict[str, int]
    battles: Counter[Battle]  # as the app counts them itself


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    root = tmp_path_factory.mktemp("exports")
    store = Store.open(f"sqlite:///{root / 'lanewise.db'}")
    try:
        asyncio.run(asked(store))
        written = {name: save(store, name, root / "views" / name) for name in VIEWS}
        battles = asyncio.run(fought(store))
    finally:
        store.close()
    late = root / "late"
    late.mkdir()
    plain, *_, tools = (root / "views" / "dpo" / "dpo.jsonl").read_bytes().splitlines(keepends=True)
    with open(late / "dpo.jsonl", "wb") as file:
        file.writelines([plain] * (1 + BEFORE // len(plain)))
        file.write(tools)
    (late / "README.md").write_text(card(VIEWS["dpo"], ALL, Left(), "dpo.jsonl"), encoding="utf-8")
    return Exported(root / "views", late, written, battles)


def save(store: Store, name: str, folder: Path) -> int:
    view, left = VIEWS[name], Left()
    folder.mkdir(parents=True)
    (folder / f"{name}{view.suffix}").write_bytes(b"".join(export(view, store.engine, ALL, store.images, left)))
    (folder / "README.md").write_text(card(view, ALL, left, f"{name}{view.suffix}"), encoding="utf-8")
    return sum(left.written.values())


async def asked(store: Store) -> None:
    """First one of each kind; then many, for statistics. The last of the pairs has tools."""

    async def rate(run: str, *ranking: list[int], who: str = "Ann", **rest: Any) -> None:
        await store.rate(run, who, judged(*ranking, **rest))

    scores = {"Correctness": (4, 1)}
    await rate(await answered(store, asking("2+2?"), text("4 🙂", "Two and two."), text("5")), [0], [1], scores=scores)
    one, two = store.images.add(png(size=(64, 48), color=200)), store.images.add(png(size=(40, 40), color=90))
    looked = Prompt("", (UserTurn("Which is red?", (one, two)),), (WEATHER,))
    await rate(await answered(store, looked, text("The first."), text("Neither.")), [0], [1], strength=2)
    later = Prompt("Look.", (UserTurn("What is it?", (two,)), AssistantTurn("A square."), UserTurn("Sure?")))
    await rate(await answered(store, later, text("Yes."), text("No.")), [1], [0])
    await rate(await answered(store, asking("Lost?"), text("So."), text("Sorry.")), all_bad=True)
    await rate(await answered(store, long_talk(), text("Dry."), text("Wet."), text("Sun.")), [0], [1, 2])
    dice, lanes = Random(4), (ONE, TWO, THREE)
    for number in range(40):
        run = await answered(store, asking(f"{number}?"), *(text(f"**{lane.backend.name}**") for lane in lanes))
        for who in ("Ann", "Bob", "Cem"):
            best = sorted(range(3), key=lambda lane: lane + 2 * dice.random())  # the first lane is mostly better
            tied = dice.random() < 0.3
            await rate(run, *([best[:2], best[2:]] if tied else [[lane] for lane in best]), who=who)
        if number % 8 == 0:
            await rate(run, all_bad=True, who="Ann")  # takes back what Ann said
    tools = Prompt("", (UserTurn("Rain?"),), (WEATHER, CLOCK))
    await rate(await answered(store, tools, LOOP, call("clock", '{"zone": 1}')), [0], [1])


async def fought(store: Store) -> Counter[Battle]:
    counts: Counter[Battle] = Counter()
    for row in (await store.page(limit=1000)).rows:
        run = await store.read(row.id)
        assert run
        for rating in evidence(run.ratings):
            for a, b, winner in pairs(rating.ranking, rating.all_bad):
                counts[run.lanes[a].lane.label, run.lanes[b].lane.label, winner] += 1
    return counts


def python(environment: str) -> Path:
    """Skips the test where it is not installed."""
    path = ROOT / f".venv-{environment}" / "bin" / "python"
    if not (path.parent.parent / ".made").exists():
        pytest.skip(f".venv-{environment} is not installed: `make proofs` does it")
    return path


def run(environment: str, program: str, *arguments: Path, out: Path) -> dict[str, Any]:
    """What the program tells, which runs there and asks nothing of the network."""
    command = [python(environment), Path(__file__).with_name(program), *arguments, out]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "JAX_PLATFORMS": "cpu", "HF_HOME": str(out.parent)}
    done = subprocess.run(command, env=os.environ | offline, capture_output=True, text=True, timeout=MOST, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return told


@pytest.fixture(scope="session")
def trained(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `datasets` read and TRL trained on."""
    scratch = tmp_path_factory.mktemp("trl")
    return run("trl", "trl_steps.py", exported.views, exported.late, scratch, out=scratch / "told.json")


@pytest.fixture(scope="session")
def ranked(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What pandas and arena-rank made of the battles."""
    scratch = tmp_path_factory.mktemp("arena")
    return run(
        "arena", "arena_rank_reads.py", exported.views / "battles" / "battles.parquet", out=scratch / "told.json"
    )
