import pytest

from backends.caveats import Weight
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from backends.registry import Registry
from backends.status import Model, Reach, Server, Status
from ui import about

MINE = Backend("mine", "vllm", "http://127.0.0.1:1/v1", "m", key_env="MY_KEY", note="A note.")
REGISTRY = Registry((MINE,), (), {})
PROMPT = Prompt("Be brief.", (UserTurn("Hello"),))


def test_a_backend_is_known_before_anything_is_asked() -> None:
    assert about.known(REGISTRY, MINE) == {
        "backend": "mine",
        "notes": ["Needs a key: set MY_KEY and restart.", "A note."],
    }
    assert about.known(REGISTRY, None) == {}


def test_a_prompt_that_wont_fit_is_told_from_one_that_does() -> None:
    listed = Status(server=Server((Model("m", 50),)))
    small = about.weighed(REGISTRY, Lane(MINE, "m"), PROMPT, listed)
    large = about.weighed(REGISTRY, Lane(MINE, "m"), Prompt("", (UserTurn("word " * 100),)), listed)
    assert (small["over"], large["over"]) == (False, True)
    assert any("won't fit" in said for said in large["caveats"])


def test_an_empty_system_prompt_is_pointed_out() -> None:
    assert about.EMPTY_SYSTEM in about.weighed(REGISTRY, Lane(MINE, "m"), Prompt("", PROMPT.turns), Status())["notes"]
    assert about.EMPTY_SYSTEM not in about.weighed(REGISTRY, Lane(MINE, "m"), PROMPT, Status())["notes"]


def test_another_effort_is_suggested_only_where_the_lane_can_have_it() -> None:
    why = Prompt("", (UserTurn("Why does it crash?"),))
    light, heavy = Lane(MINE, "m", effort="none"), Lane(MINE, "m", effort="high")
    suggestion = about.weighed(REGISTRY, light, why, Status())["suggestion"]
    assert suggestion == {"effort": "high", "reason": "a search for the cause of a bug"}
    assert about.weighed(REGISTRY, heavy, why, Status())["suggestion"] is None
    fixed = Lane(Backend("ollama", "vllm", "http://127.0.0.1:1/v1", efforts=("",)))
    assert about.weighed(REGISTRY, fixed, why, Status())["suggestion"] is None
    assert about.weighed(REGISTRY, heavy, Prompt("", (UserTurn(" "),)), Status())["suggestion"] is None


def test_a_backend_that_is_declared_no_more_is_named() -> None:
    assert about.undeclared("gone")["notes"] == ["The backend 'gone' is not declared here: choose another."]
    assert about.undeclared(None)["notes"] == []


def test_trouble_that_the_page_shows_itself_is_not_said_twice() -> None:
    status = Status(Reach.UNREACHABLE, problem="It can't be reached.")
    assert "It can't be reached." not in about.weighed(REGISTRY, Lane(MINE, "m"), PROMPT, status)["caveats"]


@pytest.mark.parametrize(
    ("weight", "size", "images"),
    [
        (Weight(1240, (), 262_144), "≈ 1,240 of 262,144 tokens", ""),
        (Weight(1240, (1064,), None), "≈ 1,240 tokens", "image: ≈ 1,064"),
        (Weight(3000, (1064, 1064), None), "≈ 3,000 tokens", "images: ≈ 1,064 each"),
        (Weight(3000, (1064, 72), None), "≈ 3,000 tokens", "images: ≈ 1,064 + 72"),
    ],
)
def test_estimates_are_written_as_such(weight: Weight, size: str, images: str) -> None:
    assert (about.size(weight), about.images(weight.images)) == (size, images)
