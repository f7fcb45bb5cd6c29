"""Lanes in a link, and the presets that are made of what is declared."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from backends.lane import Backend
from backends.registry import Registry
from ui import asking, link, standard
from ui.asking import Settings

ADDRESS, SMALL_4 = "http://127.0.0.1:1/v1", "mistral-small-2603"
VLLM = Backend("vllm", "vllm", ADDRESS, SMALL_4, "FP8", temperature=0.3, max_tokens=500)
ODD = Backend("a, b; c=50% d&e+f/é", "llamacpp", ADDRESS, "m")
FOUND = Registry((VLLM, ODD), (), {})
PLAIN = asking.first_settings(FOUND, "vllm")


def lanes(text: str) -> list[Settings]:
    chosen, problems = link.read(FOUND, text)
    assert not problems
    return chosen


def test_a_backends_name_alone_is_a_new_lane_on_it() -> None:
    assert lanes("vllm,vllm") == [PLAIN, PLAIN]
    assert lanes("gone, vllm") == [Settings("gone"), PLAIN]


def test_settings_follow_their_backend() -> None:
    one, two = lanes("vllm;effort=high;temperature=0.7;seed=7,vllm;max_tokens=;replays=no;waits=yes;model=x/y")
    assert one == replace(PLAIN, effort="high", temperature=0.7, seed=7)
    assert two == replace(PLAIN, max_tokens=None, replays=False, waits=True, model="x/y")


def test_a_link_tells_what_differs_from_a_new_lane_and_can_be_read() -> None:
    chosen = [replace(PLAIN, effort="high"), replace(PLAIN, temperature=None, seed=12345678.0)]
    assert link.address(FOUND, chosen) == "?lanes=vllm;effort=high,vllm;effort=none;temperature=;seed=12345678"


def test_the_readable_example_is_what_it_says() -> None:
    mistral = Backend("mistral", "mistral", ADDRESS, SMALL_4)
    found = Registry((Backend("vllm", "vllm", ADDRESS), mistral), (), {})
    text = "vllm;effort=high,mistral;effort=none;temperature=0.7"
    assert text in str(link.__doc__)
    assert link.written(found, link.read(found, text)[0]) == text


@given(
    st.lists(
        st.builds(
            Settings,
            backend=st.sampled_from([VLLM.name, ODD.name]),
            effort=st.sampled_from(["none", "high"]),
            model=st.text(max_size=20).map(str.strip),
            temperature=st.none() | st.floats(0, 2),
            max_tokens=st.none() | st.integers(1, 2**31),
            seed=st.none() | st.integers(0, 2**31),
            replays=st.booleans(),
            waits=st.booleans(),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_lanes_come_back_from_their_link(chosen: list[Settings]) -> None:
    address = link.address(FOUND, chosen)
    assert lanes(QueryParams(urlsplit(address).query)["lanes"]) == chosen


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vllm,vllm;efort=high", "Lane B of the link: there is no setting 'efort'; known are effort, model"),
        ("vllm;temperature=hot", "Lane A of the link: temperature must be a number, not 'hot'"),
        ("vllm;seed=nan", "seed must be a number"),
        ("vllm;waits=maybe", "waits must be yes or no"),
        (",".join(["vllm"] * 7), "7 lanes: the first 6"),
    ],
)
def test_what_is_wrong_with_a_link_is_named_and_the_rest_of_it_counts(text: str, words: str) -> None:
    chosen, (problem,) = link.read(FOUND, text)
    assert words in problem
    assert chosen == [PLAIN] * min(6, text.count("vllm"))


def test_what_a_lane_can_not_have_is_named_when_it_is_loaded() -> None:
    chosen = [PLAIN, Settings("gone"), replace(PLAIN, effort="medium")]
    undeclared, effort = asking.problems(FOUND, chosen)
    assert "Lane B" in undeclared
    assert "'gone' is not declared" in undeclared
    assert "Lane C: vllm has no effort 'medium'" in effort


# the presets that are made of what is declared

EMBEDDED = Backend("local", "local")
WEIGHTS = {
    artifact: Backend(artifact, "vllm", ADDRESS, f"mistralai/Mistral-Small-4-119B-2603{suffix}", artifact)
    for artifact, suffix in (("FP8", ""), ("NVFP4", "-NVFP4"), ("fp8+eagle", ""))
}
API, NIM = Backend("api", "mistral", ADDRESS, SMALL_4), Backend("nim", "nim", ADDRESS, SMALL_4, "NVFP4")


def offered(*backends: Backend) -> list[tuple[list[tuple[str | None, str | None]], str]]:
    found = standard.presets(Registry(backends, (), {}))
    return [([(lane.backend, lane.effort) for lane in each.lanes], each.missing) for each in found]


def test_with_the_embedded_model_alone_the_others_say_what_they_miss() -> None:
    (efforts, _), (_, artifacts), (_, servers) = offered(EMBEDDED)
    assert efforts == [("local", "none"), ("local", "high")]
    assert artifacts == "declare backends with artifacts FP8, NVFP4 and FP8 + eagle"
    assert servers == ("set MISTRAL_API_KEY, VLLM_BASE_URL and NVIDIA_API_KEY, or declare kind mistral, vllm and nim")


def test_a_served_model_stands_before_the_embedded_one() -> None:
    (efforts, _), *_ = offered(EMBEDDED, WEIGHTS["FP8"])
    assert efforts == [("FP8", "none"), ("FP8", "high")]


def test_artifacts_are_compared_at_one_effort() -> None:
    _, (artifacts, missing), _ = offered(EMBEDDED, *WEIGHTS.values())
    assert artifacts == [("FP8", "none"), ("NVFP4", "none"), ("fp8+eagle", "none")]
    assert not missing
    _, (_, missing), _ = offered(WEIGHTS["FP8"], WEIGHTS["fp8+eagle"])
    assert missing == "declare a backend with artifact NVFP4"


def test_artifacts_of_two_models_are_not_compared() -> None:
    other = replace(WEIGHTS["NVFP4"], model="another")
    _, (lanes, missing), _ = offered(WEIGHTS["FP8"], other, WEIGHTS["fp8+eagle"])
    assert not lanes
    assert "for one model" in missing


def test_backends_are_compared_with_one_artifact_where_they_tell_it() -> None:
    _, _, (servers, _) = offered(API, *WEIGHTS.values(), NIM)
    assert servers == [("api", "none"), ("NVFP4", "none"), ("nim", "none")]
    _, _, (_, missing) = offered(API, WEIGHTS["FP8"], NIM)
    assert missing == "declare the three with one artifact of one model"
