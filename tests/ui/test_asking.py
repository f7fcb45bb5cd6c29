from pathlib import Path

import pytest

from backends import registry
from backends.lane import Backend
from ui import asking
from ui.asking import Problem, Settings


@pytest.fixture
def found() -> registry.Registry:
    return registry.Registry((Backend("mine", "vllm", "http://127.0.0.1:1/v1", "m", "FP8"),), (), {})


GOOD = Settings("mine", "high", "m", 0.5, 100, 7)


def test_settings_become_lanes(found: registry.Registry) -> None:
    lane, other = asking.lanes(found, [GOOD, Settings("mine", "none", "another")])
    assert (lane.model, lane.artifact, lane.effort, lane.temperature, lane.max_tokens, lane.seed) == (
        "m",
        "FP8",
        "high",
        0.5,
        100,
        7,
    )
    assert (other.model, other.artifact) == ("another", "")  # whose weights those are, nobody declared


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (Settings("gone", "high"), "'gone' is not declared"),
        (Settings("mine", "medium"), "no effort 'medium'"),
        (Settings("mine", "high", "m", 3.0), "temperature"),
        (Settings("mine", "high", "m", None, 1.5), "max tokens"),
        (Settings("mine", "high", "m", None, None, -1), "seed"),
    ],
)
def test_wrong_settings_name_their_lane_and_field(found: registry.Registry, chosen: Settings, words: str) -> None:
    with pytest.raises(Problem, match=f"Lane B.*{words}"):
        asking.lanes(found, [GOOD, chosen])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[\n{"name": "x",}\n]', "line 2"),
        ("[3]", "entry 1"),
        ('{"name": "a b"}', "letters"),
        ('{"name": "x", "parameters": {"type": "array"}}', '"type": "object"'),
    ],
)
def test_wrong_tools_are_named(text: str, words: str) -> None:
    with pytest.raises(Problem, match=words):
        asking.tools(text)


def test_tools_come_bare_or_wrapped() -> None:
    bare = '{"name": "x", "parameters": {"type": "object", "properties": {}}}'
    assert asking.tools(bare) == asking.tools(f'[{{"type": "function", "function": {bare}}}]')
    assert asking.tools("  ") == ()


def test_every_example_can_be_asked() -> None:
    from ui.examples import EXAMPLES

    for example in EXAMPLES:
        asking.tools(example.tools)
        assert example.text
        assert all(Path(picture).exists() for picture in example.images)
