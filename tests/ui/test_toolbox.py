import pytest

from backends.prompt import Canned, Toolbox
from ui import toolbox
from ui.examples import PRESETS
from ui.toolbox import ANSWER, STOP, Fields, Problem

TOOL = '{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[\n{"name": "x",}\n]', "line 2, column"),
        ("[3]", "entry 1"),
        ('{"name": "a b"}', "letters"),
        ('{"name": "x", "parameters": {"type": "array"}}', '"type": "object"'),
        ('[{"name": "x"}, {"name": "y", "parameters": {"type": "object", "required": 3}}]', r"entry 2 \(y\).*schema"),
        ('[{"name": "x"}, {"name": "x"}]', "'x' is there twice"),
    ],
)
def test_wrong_tools_are_named(text: str, words: str) -> None:
    with pytest.raises(Problem, match=f"^Tools.*{words}"):
        toolbox.tools(text)


def test_tools_come_bare_or_wrapped() -> None:
    assert toolbox.tools(TOOL) == toolbox.tools(f'[{{"type": "function", "function": {TOOL}}}]')
    assert toolbox.tools("  ") == toolbox.tools(None) == ()


def test_without_tools_nothing_else_of_them_is_asked() -> None:
    assert toolbox.read(Fields(choice="gone", results=ANSWER, canned="{")) == toolbox.Tools()


def test_a_call_is_stopped_at_unless_it_is_to_be_answered() -> None:
    read = toolbox.read(Fields(TOOL, results=STOP, canned="[", built_in=True))
    assert (read.choice, read.toolbox) == ("auto", Toolbox())


def test_results_become_a_toolbox() -> None:
    canned = """[
        {"name": "get_weather", "arguments": {"city": "Paris"}, "result": {"celsius": 18}},
        {"name": "get_weather", "result": "fine"}
    ]"""
    read = toolbox.read(Fields(TOOL, "get_weather", ANSWER, canned, True, True, 2))
    assert read.choice == "get_weather"
    assert read.toolbox == Toolbox(
        2,
        (Canned("get_weather", '{"celsius":18}', {"city": "Paris"}), Canned("get_weather", "fine")),
        built_in=True,
        by_hand=True,
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (Fields(TOOL, "get_time"), "no tool 'get_time'"),
        (Fields(TOOL, results=ANSWER), "nothing answers"),
        (Fields(TOOL, results=ANSWER, by_hand=True, rounds=11), "rounds .* from 1 to 10"),
        (Fields(TOOL, results=ANSWER, by_hand=True, rounds=None), "rounds"),
        (Fields(TOOL, results=ANSWER, canned='[\n{"name": ]'), "^Canned results, line 2"),
        (Fields(TOOL, results=ANSWER, canned='{"name": "get_weather"}'), '^Canned results, entry 1: .*"result"'),
        (Fields(TOOL, results=ANSWER, canned='{"name": "x", "result": ""}'), "no tool 'x'"),
        (Fields(TOOL, results=ANSWER, canned='{"name": "get_weather", "arguments": 3, "result": ""}'), '"arguments"'),
    ],
)
def test_what_is_wrong_is_named(fields: Fields, words: str) -> None:
    with pytest.raises(Problem, match=words):
        toolbox.read(fields)


def test_what_may_be_chosen_follows_the_tools() -> None:
    assert toolbox.choices(toolbox.tools(TOOL)) == ("auto", "none", "required", "get_weather", "")


def test_every_preset_answers_its_calls_or_has_none() -> None:
    for preset in PRESETS:
        read = toolbox.read(preset.fields)
        assert bool(read.tools) == bool(read.toolbox.rounds)
