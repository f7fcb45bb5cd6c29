"""The data card: what its front matter tells a reader, and that nothing left out goes unsaid."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from storage.comparison import Filter
from storage.exports import VIEWS, export
from storage.exports.card import card, version
from storage.exports.items import ALL
from storage.exports.view import Left
from storage.store import Store
from tests.storage.answered import answered, text
from tests.storage.made import asking, judged

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def front(told: str) -> dict[str, Any]:
    _, matter, _ = told.split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(matter)
    return found


async def test_a_card_counts_what_was_written_and_what_was_left_out(store: Store) -> None:
    run = await answered(store, asking("?"), text("a"), text("b"), text("c"))
    await store.rate(run, "Ann", judged([0], [1, 2]))
    await answered(store, asking("never rated"), text("a"), text("b"))
    left = Left()
    assert len(list(export(VIEWS["dpo"], store.engine, left=left))) == 2
    told = card(VIEWS["dpo"], ALL, left, "dpo.jsonl", NOW)
    assert "| comparisons read | 2 |\n| pairs | 2 |" in told
    assert "| not rated | 1 |" in told
    assert "| pair: a tie | 1 |" in told
    assert "superseded" not in told
    assert f"Made on 2026-01-02 03:04 UTC by Lanewise {version()}." in told
    for sentence in VIEWS["dpo"].policy:
        assert f"- {sentence}\n" in told


@pytest.mark.parametrize("name", VIEWS)
def test_every_card_is_a_data_sets_whose_front_matter_can_be_read(name: str) -> None:
    view = VIEWS[name]
    told = card(view, ALL, Left(), "", NOW)
    matter = front(told)
    assert (matter["license"], matter["size_categories"]) == ("other", ["n<1K"])
    for field in view.fields:
        assert f"| {field.name} | {field.type} | " in told.replace("\\|", "|")
    if view.suffix in (".jsonl", ".parquet", ".csv"):
        assert matter["configs"] == [{"config_name": name, "data_files": f"{name}{view.suffix}"}]


def test_lines_of_json_have_their_types_in_the_card() -> None:
    # a reader that guesses from the first rows fails at the first later one that has more keys
    (info,) = front(card(VIEWS["dpo"], ALL, Left(), "mine.jsonl", NOW))["dataset_info"]
    types = {each.pop("name"): each for each in info["features"]}
    assert info["config_name"] == "dpo"
    assert types["prompt"] == types["chosen"] == {"list": "json"}
    assert types["chosen_flags"] == {"list": "string"}
    assert (types["tools"], types["chosen_seed"]) == ({"dtype": "string"}, {"dtype": "int64"})
    assert (types["blind"], types["chosen_temperature"]) == ({"dtype": "bool"}, {"dtype": "float64"})
    assert types["rated_at"] == {"dtype": "string"}
    assert "dataset_info" not in front(card(VIEWS["battles"], ALL, Left(), "", NOW))


def test_a_card_tells_what_was_asked_for() -> None:
    wanted = Filter(words="rain|sun", since=datetime(2026, 1, 1, tzinfo=UTC))
    scope = replace(ALL, wanted=wanted, after=7, limit=9, demo=True, reasoning=False, names=True, viewer="me")
    told = card(VIEWS["dpo"], scope, Left(), "", NOW)
    assert "words: `rain|sun`; since: 2026-01-01T00:00:00+00:00; after number: 7; at most: 9." in told
    assert "are in it too, marked by `demo`" in told
    assert "The models' reasoning is left out." in told
    assert "People have the names that they typed." in told
    assert "still had to judge blind" in told
    plain = card(VIEWS["dpo"], ALL, Left(), "", NOW)
    assert "All comparisons were looked at." in plain
    assert "People have pseudonyms" in plain
    assert "ships, are left out." in plain


def test_the_version_is_the_projects() -> None:
    assert f'version = "{version()}"' in (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
