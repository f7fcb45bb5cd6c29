from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from backends import registry
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from storage.images import ImageStore
from ui import asking, toolbox
from ui.asking import Problem, Settings
from ui.examples import EXAMPLES, SYSTEM


@pytest.fixture
def found() -> registry.Registry:
    address = "http://127.0.0.1:1/v1"
    return registry.Registry(
        (
            Backend("mine", "vllm", address, "m", "FP8"),
            Backend("forgets", "transformers", address, "m"),
            Backend("hosted", "nim", "https://integrate.api.nvidia.com/v1", "m"),
            Backend("few", "mistral", address, "m"),
        ),
        (),
        {},
    )


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """A picture that no compression makes small."""
    side, written = 1800, BytesIO()
    PIL.Image.effect_noise((side, side), 90).save(written, "PNG")
    file = tmp_path / "noise.png"
    file.write_bytes(written.getvalue())
    return file


GOOD = Settings("mine", "high", "m", 0.5, 100, 7)


def test_settings_become_lanes(found: registry.Registry) -> None:
    lane, other = asking.lanes(found, [GOOD, Settings("mine", "none", "another", waits=True)])
    assert lane == Lane(found.backends[0], "m", "FP8", "high", 0.5, 100, 7)
    assert (other.model, other.artifact) == ("another", "")  # whose weights those are, nobody declared
    assert other.waits


def test_lanes_become_the_settings_that_made_them(found: registry.Registry) -> None:
    chosen = [replace(GOOD, replays=False), replace(GOOD, waits=True)]
    assert [asking.settings_for(lane) for lane in asking.lanes(found, chosen)] == chosen


def test_no_lane_claims_to_send_reasoning_where_its_server_takes_none(found: registry.Registry) -> None:
    lanes = asking.lanes(
        found, [GOOD, Settings("forgets", found.efforts(found.backends[1])[0]), replace(GOOD, replays=False)]
    )
    assert [lane.replays for lane in lanes] == [True, False, False]
    assert asking.going_back(found, lanes) == "Its own reasoning goes back to A only."
    three = asking.going_back(found, [lanes[0], *lanes[:2], lanes[0]])
    assert three == "Its own reasoning goes back to A, B and D only."
    assert asking.going_back(found, lanes[1:]) == "No reasoning goes back."
    assert asking.first_settings(found, "forgets").replays is False


SMALL_4 = "mistralai/Mistral-Small-4-119B-2603-NVFP4"


@pytest.mark.parametrize(
    ("declared", "filled_in", "sent"),
    [
        ({}, Settings("b", "high"), 0.7),
        ({}, Settings("b", "none"), None),
        ({}, Settings("b", "high", temperature=0.3), 0.3),
        ({}, Settings("b", "high", "another"), None),
        ({"temperature": 0.4}, Settings("b", "high"), None),
        ({"omit": ("temperature",)}, Settings("b", "high"), None),
    ],
)
def test_the_temperature_that_its_makers_advise_is_sent_unless_one_is_set(
    declared: dict[str, Any], filled_in: Settings, sent: float | None
) -> None:
    backend = Backend("b", "vllm", "http://127.0.0.1:1/v1", SMALL_4, **declared)
    lane, _ = asking.lanes(registry.Registry((backend,), (), {}), [filled_in, filled_in])
    assert lane.temperature == sent


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


def test_images_are_reduced_unless_they_are_wanted_as_they_are(noise: Path, tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    (reduced,) = asking.images(store, [str(noise)], asking.REDUCED)
    (whole,) = asking.images(store, [str(noise)], asking.AS_THEY_ARE)
    assert (reduced.width, whole.width) == (1540, 1800)


def test_only_the_lane_whose_server_takes_less_gets_smaller_images(
    found: registry.Registry, noise: Path, tmp_path: Path
) -> None:
    store = ImageStore(tmp_path / "images")
    images = asking.images(store, [str(noise)], asking.REDUCED)
    prompt = Prompt("", (UserTurn("What is this?", images),))
    lanes = asking.lanes(found, [GOOD, Settings("hosted", found.efforts(found.backends[2])[0])])
    container = replace(lanes[1], backend=replace(lanes[1].backend, base_url="http://nim:8000/v1"))
    (_, mine), (_, hosted), (_, own) = asking.fitted(found, store, [(lane, prompt) for lane in (*lanes, container)])
    assert mine == own == prompt
    most = found.kind(found.backends[2]).images.bytes
    assert most
    assert len(hosted.turns[0].images[0].data) <= most < len(images[0].data)


def test_a_picture_of_more_pixels_than_a_server_takes_is_scaled_down_for_its_lane(
    found: registry.Registry, tmp_path: Path
) -> None:
    store, panorama = ImageStore(tmp_path / "images"), tmp_path / "panorama.png"
    PIL.Image.new("L", (12_000, 60)).save(panorama)
    prompt = Prompt("", (UserTurn("Where?", asking.images(store, [str(panorama)], asking.AS_THEY_ARE)),))
    asked = [(Lane(backend, "m"), prompt) for backend in found.backends[::3]]
    (_, mine), (_, limited) = asking.fitted(found, store, asked)
    assert mine == prompt
    assert (limited.turns[0].images[0].width, limited.turns[0].images[0].height) == (10_000, 50)


def test_more_images_than_a_server_takes_name_its_lane(found: registry.Registry, noise: Path, tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    images = asking.images(store, [str(noise)] * 9, asking.REDUCED)
    asked = [(Lane(backend, "m"), Prompt("", (UserTurn("What?", images),))) for backend in found.backends[::3]]
    with pytest.raises(Problem, match="Lane B: few takes at most 8 images"):
        asking.fitted(found, store, asked)


def test_an_emptied_system_prompt_stays_empty() -> None:
    assert asking.prompt("  ", "Hello", (), toolbox.Fields()).system == ""


def test_every_example_can_be_asked() -> None:
    for example in EXAMPLES:
        prompt = asking.prompt(SYSTEM, example.text, (), example.tools)
        assert bool(prompt.tools) == bool(prompt.toolbox.rounds)
        assert all(picture.exists() for picture in example.images)
