"""What is said of a lane before it is asked."""

from dataclasses import replace

import pytest

from backends.caveats import caveats, weigh
from backends.kind import ImageLimits
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Image, Prompt, UserTurn
from backends.registry import kinds
from backends.status import Model, Reach, Server, Status
from tests.backends.conftest import SQUARE

SMALL_4 = "mistralai/Mistral-Small-4-119B-2603"
VLLM = kinds()["vllm"]
LANE = Lane(Backend("lane", "vllm", "http://gpu:8000/v1"), "m")
LISTED = Status(Reach.READY, Server((Model("m", 100, False),)))
IMAGE = Image("0" * 64, "image/png", 224, 224, b"\x00" * 200_000)


def said(prompt: Prompt, lane: Lane = LANE, status: Status = LISTED, **limits: int) -> str:
    return " ".join(caveats(replace(VLLM, images=ImageLimits(**limits)), lane, prompt, status))


def test_nothing_is_said_where_all_will_be_as_asked(prompt: Prompt) -> None:
    assert said(prompt) == said(prompt, status=Status()) == ""


def test_a_server_in_trouble_says_so(prompt: Prompt) -> None:
    assert said(prompt, status=Status(Reach.LOADING, problem="It is loading.")) == "It is loading."


def test_a_model_that_the_server_does_not_list_is_named(prompt: Prompt) -> None:
    assert "does not list the model 'other'" in said(prompt, replace(LANE, model="other"))


def test_images_are_compared_with_what_the_server_takes() -> None:
    prompt = Prompt("", (UserTurn("?", (IMAGE,) * 3),))
    assert "sees no images" in said(prompt)
    assert "at most 2 images" in said(prompt, status=Status(), most=2)
    assert "up to 130 KB" in said(prompt, status=Status(), bytes=130_000)
    assert "up to 200 px" in said(prompt, status=Status(), longest=200)
    assert said(prompt, status=Status(), longest=224, bytes=200_000, most=3) == ""


def test_a_template_that_knows_no_tools_is_mentioned_where_there_are_some(prompt: Prompt) -> None:
    knows_none = Status(Reach.READY, Server((Model("m", tools=False),)))
    with_tools = replace(prompt, tools=(SQUARE,))
    assert "knows no tools" in said(with_tools, status=knows_none)
    assert said(prompt, status=knows_none) == said(with_tools) == ""


@pytest.mark.parametrize(
    ("kind", "model", "version", "warned"),
    [
        ("vllm", SMALL_4, "0.19.1", True),
        ("vllm", SMALL_4, "v0.19.2rc1.dev3+g12ab", True),
        ("vllm", SMALL_4, "0.20.0", False),
        ("vllm", SMALL_4, "1.0", False),
        ("vllm", SMALL_4, "", False),
        ("vllm", SMALL_4, "nightly", False),
        ("vllm", "m", "0.19.1", False),
        ("nim", SMALL_4, "0.19.1", False),
    ],
)
def test_a_server_too_old_for_small_4_is_named(
    kind: str, model: str, version: str, warned: bool, prompt: Prompt
) -> None:
    status = Status(Reach.READY, Server((Model(model),), version))
    lane = Lane(Backend("lane", kind, "http://gpu:8000/v1"), effort="none")
    found = [each for each in caveats(kinds()[kind], lane, prompt, status) if "0.20 is the first not to" in each]
    assert len(found) == warned


@pytest.mark.parametrize(
    ("kind", "model", "effort", "expected"),
    [
        ("vllm", SMALL_4, "medium", "the server will refuse 'medium'"),
        ("transformers", SMALL_4, "medium", "the server will refuse 'medium'"),
        ("ollama", SMALL_4, "", "does not reason"),
        ("vllm", SMALL_4, "none", ""),
        ("vllm", SMALL_4, "high", ""),
        ("vllm", "m", "medium", ""),
        ("openrouter", SMALL_4, "medium", ""),  # it translates them
    ],
)
def test_an_effort_that_small_4_does_not_have_is_named(
    kind: str, model: str, effort: str, expected: str, prompt: Prompt
) -> None:
    lane = Lane(Backend("lane", kind, "http://gpu:8000/v1"), model, effort=effort)
    found = " ".join(caveats(kinds()[kind], lane, prompt, Status()))
    assert expected in found
    assert bool(expected) == ("this model" in found.lower())


def test_an_effort_that_is_not_sent_is_refused_by_nobody(prompt: Prompt) -> None:
    backend = Backend("lane", "vllm", "http://gpu:8000/v1", omit=("reasoning_effort",))
    found = caveats(VLLM, Lane(backend, SMALL_4, effort="medium"), prompt, Status())
    assert found == ("Not sent, as declared: reasoning_effort.",)


@pytest.mark.parametrize(
    ("words", "limit", "expected"), [(10, None, ""), (500, None, "won't fit"), (10, 90, "cut short")]
)
def test_a_prompt_is_compared_with_the_context(words: int, limit: int | None, expected: str) -> None:
    prompt = Prompt("", (UserTurn("house " * words),))
    found = said(prompt, replace(LANE, max_tokens=limit))
    assert expected in found
    assert bool(expected) == bool(found)


def test_a_declared_context_stands_before_a_told_one(prompt: Prompt) -> None:
    assert weigh(LANE, prompt, LISTED).limit == 100
    assert weigh(replace(LANE, backend=replace(LANE.backend, context=50)), prompt, LISTED).limit == 50
    assert weigh(LANE, prompt, Status()).limit is None


def test_without_a_model_id_the_text_is_counted_as_that_of_the_model_served() -> None:
    prompt = Prompt("", (UserTurn("Donaudampfschifffahrtsgesellschaft " * 20),))
    served = Status(Reach.READY, Server((Model("mistral-small-2603"),)))
    asked, unnamed = replace(LANE, model="mistral-small-2603"), replace(LANE, model="")
    assert weigh(unnamed, prompt, served).tokens == weigh(asked, prompt, served).tokens
    assert weigh(unnamed, prompt, Status()).tokens != weigh(asked, prompt, served).tokens


def test_earlier_reasoning_that_stays_behind_is_mentioned(prompt: Prompt) -> None:
    history = replace(prompt, turns=(*prompt.turns, AssistantTurn("A", "R"), UserTurn("Sure?")))
    assert said(history, status=Status()) == ""
    assert "not sent back" in said(history, replace(LANE, replays=False), Status())
    unable = caveats(kinds()["transformers"], LANE, history, Status())
    assert any("can't be sent back" in each for each in unable)
