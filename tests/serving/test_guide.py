"""The questions lead where the selection rule says."""

import pytest

from tests.serving.test_recipes import SHELF

GUIDE = SHELF.guide


@pytest.mark.parametrize(
    ("yes", "no", "engine", "artifact"),
    [
        ("", "own", "mistral", ""),
        ("accuracy", "", "vllm", "FP8"),
        ("long throughput", "complexity", "vllm", "FP8"),
        ("throughput", "accuracy long complexity", "vllm", "NVFP4"),
        ("throughput complexity", "", "vllm", "FP8 + eagle"),
        ("throughput complexity accuracy long", "", "vllm", "FP8 + eagle"),
        ("own", "accuracy long throughput complexity", "vllm", "FP8"),
    ],
)
def test_answers_end_in_a_recipe(yes: str, no: str, engine: str, artifact: str) -> None:
    choice = GUIDE.choose(dict.fromkeys(yes.split(), True) | dict.fromkeys(no.split(), False))
    assert (choice.engine, choice.artifact) == (engine, artifact)
    assert choice.reason


def test_nvfp4_is_never_advised_without_its_warning() -> None:
    advised = [choice for choice in GUIDE.choices if choice.artifact == "NVFP4"]
    assert advised
    assert all("long context" in choice.warning for choice in advised)
    assert GUIDE.choose({"throughput": True, "long": True}).artifact == "FP8"


def test_every_choice_has_a_command() -> None:
    model = SHELF.models["mistral-small-4"]
    for choice in GUIDE.choices:
        recipe = SHELF.recipes[choice.engine]
        assert recipe.hosted or not recipe.refusal(model, choice.artifact, SHELF.hardware["dgx-b200"])
