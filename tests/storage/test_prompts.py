"""Prompts as JSON bodies: what is stored loads back equal, and equal prompts have equal ids."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.prompt import AssistantTurn, Canned, Image, Prompt, Tool, Toolbox, ToolCall, ToolTurn, UserTurn
from storage.prompts import asked, body, prompt_id, restore, title
from tests.storage.made import asking, long_talk

PICTURES = {name: Image(name, "image/png", 1, 1, b"") for name in ("a" * 64, "b" * 64)}
words = st.text(max_size=20)
calls = st.lists(st.builds(ToolCall, words, words, words), max_size=2).map(tuple)
shown = st.lists(st.sampled_from(list(PICTURES.values())), max_size=3).map(tuple)
turns = st.one_of(
    st.builds(UserTurn, words, shown),
    st.builds(AssistantTurn, words, words, calls),
    st.builds(ToolTurn, words, words, words),
)
schemas = st.dictionaries(words, st.recursive(st.none() | st.integers() | words, st.lists, max_leaves=3), max_size=3)
canned = st.lists(st.builds(Canned, words, words, st.none() | schemas), max_size=2).map(tuple)
prompts = st.builds(
    Prompt,
    words,
    st.lists(turns, min_size=1, max_size=4).map(tuple),
    st.lists(st.builds(Tool, words, words, schemas), max_size=2).map(tuple),
    st.sampled_from(["", "auto", "weather"]),
    st.builds(Toolbox, st.integers(0, 9), canned, st.booleans(), st.booleans()),
)


@given(prompts)
def test_a_body_loads_back_equal(prompt: Prompt) -> None:
    assert restore(json.loads(json.dumps(body(prompt))), PICTURES) == prompt


@given(prompts, prompts)
def test_prompts_share_an_id_when_they_are_equal(one: Prompt, other: Prompt) -> None:
    same = prompt_id(body(one)) == prompt_id(body(other))
    assert same or one != other
    assert not same or one == other


def test_a_prompt_without_the_newer_parts_keeps_its_id() -> None:
    """Stored comparisons name prompts by it: it must never change."""
    assert prompt_id(body(long_talk())) == "73adeca99ee5040aefd1ef3ea3c8e7641523b28ba1a2e367e52772a370b5d165"
    assert list(body(long_talk())) == ["system", "turns", "tools"]


def test_the_order_of_a_tool_s_parameters_counts() -> None:
    one, other = (Prompt("", (UserTurn("?"),), (Tool("t", "", keys),)) for keys in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert prompt_id(body(one)) != prompt_id(body(other))


def test_a_title_is_one_short_line_of_what_is_asked_now() -> None:
    assert title(long_talk("And\n  now?")) == "And now?"
    assert len(title(asking("x" * 5000))) == 120


def test_a_comparison_asks_with_a_user_s_turn() -> None:
    assert asked(long_talk("And now?")) == UserTurn("And now?")
    with pytest.raises(TypeError, match="user's turn"):
        asked(Prompt("", (ToolTurn("c1", "weather", "Rain."),)))
