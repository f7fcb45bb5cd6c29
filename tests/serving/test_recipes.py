"""Every recipe makes a command that a shell reads as it is meant, for every artifact that it claims."""

import json
import shlex
import subprocess
from pathlib import Path
from shutil import copytree

import pytest
import yaml

from backends.declaration import declared
from serving import shelf
from serving.command import Wish, command, compose, flags, tensor_parallel
from serving.declared import DeclarationError
from serving.entry import entry

SHELF = shelf.load()
MODEL = SHELF.models["mistral-small-4"]
SERVED = [(name, artifact) for name, recipe in SHELF.recipes.items() for artifact in recipe.serves(MODEL)]


def wish(artifact: str = "FP8", hardware: str = "hgx-h200", gpus: int = 2, requests: int = 4) -> Wish:
    found = MODEL.artifact(artifact)
    assert found
    return Wish(MODEL, found, SHELF.hardware[hardware], gpus, MODEL.context, requests)


def words(text: str) -> list[str]:
    """What a shell makes of a command."""
    ran = subprocess.run(["sh", "-c", f"printf '%s\\0' {text}"], capture_output=True, check=True, text=True)
    return ran.stdout.split("\0")[:-1]


def values(said: list[str]) -> dict[str, str]:
    """Each flag with the word after it."""
    return {flag: value for flag, value in zip(said, [*said[1:], ""], strict=True) if flag.startswith("-")}


def test_there_is_a_recipe_for_every_way_to_run_the_model() -> None:
    assert list(SHELF.recipes) == ["vllm", "sglang", "nim", "llamacpp", "transformers", "mistral", "nvidia"]
    assert [name for name, recipe in SHELF.recipes.items() if recipe.hosted] == ["mistral", "nvidia"]
    assert {artifact for _, artifact in SERVED} == {each.name for each in MODEL.artifacts}


@pytest.mark.parametrize(("name", "artifact"), SERVED)
def test_a_command_means_the_same_to_a_shell_and_every_flag_is_explained(name: str, artifact: str) -> None:
    recipe, asked = SHELF.recipes[name], wish(artifact, "dgx-b200")
    assert not recipe.refusal(MODEL, artifact, asked.hardware)
    text = command(recipe, asked)
    said = words(text)
    assert said == shlex.split(text.replace("\\\n", " "))
    assert "$" not in text
    for flag in flags(recipe, asked):
        assert flag.why
        assert flag.flag in said
        assert flag.value in [*said, ""]
    repository = asked.artifact.repository
    assert repository in said or any("mistral-small-4" in word for word in said)


@pytest.mark.parametrize(("name", "artifact"), SERVED)
def test_a_compose_file_has_the_same_words(name: str, artifact: str) -> None:
    recipe, asked = SHELF.recipes[name], wish(artifact, "dgx-b200")
    text = compose(recipe, asked)
    if recipe.container is None:
        assert not text
        return
    service = yaml.safe_load(text)["services"][name]
    assert service["deploy"]["resources"]["reservations"]["devices"][0]["count"] == 2
    if recipe.container.flags:
        plain = [word for flag in flags(recipe, asked) for word in (flag.flag, flag.value) if word]
        assert service["command"][-len(plain) :] == plain


def test_vllm_is_started_as_the_model_card_says() -> None:
    said = words(command(SHELF.recipes["vllm"], wish()))
    assert said[:3] == ["vllm", "serve", "mistralai/Mistral-Small-4-119B-2603"]
    assert "--enable-auto-tool-choice" in said
    told = values(said)
    told.pop("--enable-auto-tool-choice")
    assert told == {
        "--max-model-len": "262144",
        "--tensor-parallel-size": "2",
        "--attention-backend": "FLASH_ATTN_MLA",
        "--tool-call-parser": "mistral",
        "--reasoning-parser": "mistral",
        "--max_num_batched_tokens": "16384",
        "--max_num_seqs": "128",
        "--gpu_memory_utilization": "0.8",
    }


def test_nvfp4_has_its_own_attention_backend() -> None:
    said = words(command(SHELF.recipes["vllm"], wish("NVFP4", "dgx-b200", 1)))
    assert said[2] == "mistralai/Mistral-Small-4-119B-2603-NVFP4"
    assert values(said)["--attention-backend"] == "TRITON_MLA"


def test_a_backend_that_vllm_has_for_hopper_alone_is_left_out_elsewhere_and_that_is_said() -> None:
    recipe, asked = SHELF.recipes["vllm"], wish(hardware="dgx-b200")
    assert "--attention-backend" not in command(recipe, asked)
    said = [each.text for each in recipe.warnings if each.applies(MODEL, "FP8", asked.hardware)]
    assert any("FLASH_ATTN_MLA" in text for text in said)


def test_the_eagle_head_is_named_to_vllm_and_to_sglang() -> None:
    vllm = values(words(command(SHELF.recipes["vllm"], wish("FP8 + eagle"))))
    assert json.loads(vllm["--speculative-config"]) == {
        "model": "mistralai/Mistral-Small-4-119B-2603-eagle",
        "num_speculative_tokens": 3,
        "method": "eagle",
        "max_model_len": "16384",
    }
    sglang = values(words(command(SHELF.recipes["sglang"], wish("FP8 + eagle"))))
    assert sglang["--speculative-algorithm"] == "EAGLE"
    assert sglang["--speculative-draft-model-path"] == "mistralai/Mistral-Small-4-119B-2603-eagle"


def test_llama_cpp_has_the_context_for_each_of_its_slots() -> None:
    said = values(words(command(SHELF.recipes["llamacpp"], wish("Q4_K_M", requests=3))))
    assert (said["--parallel"], said["--ctx-size"]) == ("3", str(3 * 262144))


def test_more_requests_than_usual_are_let_in() -> None:
    assert values(words(command(SHELF.recipes["vllm"], wish(requests=200))))["--max_num_seqs"] == "200"


@pytest.mark.parametrize(("gpus", "spread"), [(1, 1), (2, 2), (3, 2), (4, 4), (7, 4), (8, 8)])
def test_layers_are_spread_over_a_power_of_two(gpus: int, spread: int) -> None:
    assert tensor_parallel(gpus) == spread


@pytest.mark.parametrize(
    ("name", "artifact", "hardware", "why"),
    [
        ("llamacpp", "FP8 + eagle", "hgx-h100", "can't use the eagle head"),
        ("llamacpp", "NVFP4", "dgx-b200", "serves GGUF files"),
        ("sglang", "NVFP4", "hgx-h100", "Blackwell alone"),
        ("transformers", "FP8 + eagle", "hgx-h100", "no place for the eagle head"),
        ("vllm", "Q4_K_M", "hgx-h100", "no recipe for Q4_K_M: it serves FP8, NVFP4 and FP8 + eagle"),
        ("nim", "NVFP4", "dgx-b200", "no recipe for NVFP4: it serves FP8"),
    ],
)
def test_what_does_not_go_together_gets_a_reason(name: str, artifact: str, hardware: str, why: str) -> None:
    assert why in SHELF.recipes[name].refusal(MODEL, artifact, SHELF.hardware[hardware])


@pytest.mark.parametrize("name", SHELF.recipes)
def test_known_bugs_and_versions_are_told(name: str) -> None:
    recipe = SHELF.recipes[name]
    assert recipe.warnings
    assert recipe.hosted or recipe.versions


def test_each_warning_of_the_register_stands_where_it_belongs() -> None:
    told = {name: " ".join(each.text + each.ref for each in recipe.warnings) for name, recipe in SHELF.recipes.items()}
    assert "every ] is lost" in told["sglang"]
    assert all(number in told["sglang"] for number in ("#32086", "#34898", "#36692"))
    assert "#45609" in told["vllm"]
    assert "#44596" in told["vllm"]
    assert "stripped" in told["transformers"]
    assert "status 500 may hide" in told["nim"].lower()
    assert "422" in told["mistral"]


@pytest.mark.parametrize("name", SHELF.recipes)
def test_the_entry_is_one_that_the_registry_takes(name: str) -> None:
    recipe = SHELF.recipes[name]
    for artifact in recipe.serves(MODEL) or ["FP8"]:
        backend = declared(entry(recipe, wish(artifact)))
        assert backend.kind == recipe.kind
        assert backend.context == (None if recipe.hosted else 262144)
        assert backend.artifact == ("" if recipe.hosted else artifact)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(copytree(shelf.FOLDER, tmp_path / "serving", ignore=lambda *_: ["__pycache__"]))


NEW = """
name = "other"
title = "Another engine"
about = "Serves."
order = 9
kind = "openai"
artifacts = ["FP8"]
program = ["other", "$model"]

[[flags]]
flag = "--context"
value = "$context"
why = "Tokens."
"""


def test_a_new_engine_is_a_file(folder: Path) -> None:
    (folder / "recipes" / "other.toml").write_text(NEW)
    kept = shelf.load(folder)
    assert list(kept.recipes)[-1] == "other"
    assert words(command(kept.recipes["other"], wish())) == [
        "other",
        "mistralai/Mistral-Small-4-119B-2603",
        "--context",
        "262144",
    ]


def test_a_new_model_is_a_file(folder: Path) -> None:
    first = (folder / "models" / "mistral-small-4.toml").read_text()
    changed = first.replace('name = "mistral-small-4"', 'name = "next"').replace("Mistral-Small-4-119B-2603", "Next")
    (folder / "models" / "next.toml").write_text(changed)
    kept = shelf.load(folder)
    model, recipe = kept.models["next"], kept.recipes["vllm"]
    artifact = model.artifact("FP8")
    assert artifact
    said = words(command(recipe, Wish(model, artifact, kept.hardware["hgx-h200"], 2, 1000, 1)))
    assert said[2] == "mistralai/Next"
    assert "FLASH_ATTN_MLA" not in said  # which was found good for the other


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("about =", "abuot =", "other.toml: unknown key `abuot`; allowed are name, title, about"),
        ('why = "Tokens."', 'why = "Tokens."\nwhen = 1', "other.toml: unknown key `flags.1.when`; allowed are"),
        ('why = "Tokens."', "", "other.toml: `flags.1.why` is missing"),
        ("order = 9", 'order = "9"', "other.toml: `order` must be a whole number"),
        ('artifacts = ["FP8"]', 'artifacts = "FP8"', "other.toml: `artifacts` must be a list"),
        ("order = 9", "order = 9\nmemory = 1.5", "other.toml: `memory` must be above 0 and at most 1"),
        ("$context", "$contxt", "other: `$contxt` is no name for a value"),
        ('program = ["other", "$model"]', "", "a server needs a `program` and its `artifacts`"),
        ('why = "Tokens."', 'why = "Tokens."\nartifacts = ["FP9"]', "no model has the artifact 'FP9'"),
        ("order = 9", "order = ", "other.toml can't be read"),
    ],
)
def test_a_broken_recipe_is_refused_by_name(folder: Path, before: str, after: str, why: str) -> None:
    assert before in NEW
    (folder / "recipes" / "other.toml").write_text(NEW.replace(before, after))
    with pytest.raises(DeclarationError) as refused:
        shelf.load(folder)
    assert why in str(refused.value)
