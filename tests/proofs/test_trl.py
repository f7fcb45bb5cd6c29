"""`datasets` reads every view, TRL trains on them, and the text that the model gets is what was said."""

from typing import Any

import orjson
import pytest

from tests.proofs.conftest import Exported

pytestmark = pytest.mark.proof

SYSTEM = "<|im_start|>system\nBe brief.<|im_end|>\n"
FIRST = f"{SYSTEM}<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"


def test_every_view_is_read_as_it_was_written(exported: Exported, trained: dict[str, Any]) -> None:
    readable = {name: count for name, count in exported.written.items() if name in trained["counts"]}
    assert {"jsonl", "dpo", "dpo_vision", "kto", "battles", "rankings", "openai_dpo", "csv"} <= readable.keys()
    assert trained["counts"] == trained["as_files"] == readable
    types = trained["types"]
    assert (
        types["dpo"]["prompt"]
        == types["dpo_vision"]["chosen"]
        == types["kto"]["completion"]
        == "List(Json(decode=True))"
    )
    assert types["dpo_vision"]["images"] == "List(Image(mode=None, decode=True))"
    assert (types["dpo"]["chosen_seed"], types["kto"]["label"]) == ("Value('int64')", "Value('bool')")
    assert types["battles"]["timestamp"] == "Value('timestamp[ns]')"


@pytest.mark.parametrize("name", ["dpo", "kto", "rankings", "openai_dpo"])
def test_what_is_read_is_what_stands_in_the_lines(exported: Exported, trained: dict[str, Any], name: str) -> None:
    lines = (exported.views / name / f"{name}.jsonl").read_bytes().splitlines()
    for place, end in ((0, "first"), (-1, "last")):
        assert rounded(trained[end][name]) == rounded(orjson.loads(lines[place]))


def rounded(value: Any) -> Any:
    """`datasets` reads numbers inside of objects to ten decimals."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return list(map(rounded, value))
    return round(value, 9) if isinstance(value, float) else value


def test_keys_that_come_late_are_read_too(exported: Exported, trained: dict[str, Any]) -> None:
    # without the card's types, `datasets` fails at the first row that has more than the first ten megabytes
    calls = trained["late"]["chosen"][0]["tool_calls"]
    assert calls[0]["function"] == {"name": "weather", "arguments": {"city": "Rome"}}
    assert [tool["function"]["name"] for tool in orjson.loads(trained["late"]["tools"])] == ["weather", "clock"]


def test_a_dpo_step_trains_on_what_was_said(exported: Exported, trained: dict[str, Any]) -> None:
    step = trained["dpo"]
    assert step["finite"]
    assert step["changed"] > 0
    assert len(step["told"]) == exported.written["dpo"]
    assert step["told"][0] == {
        "prompt": FIRST,
        "chosen": "<think>\nTwo and two.\n</think>\n\n4 🙂<|im_end|>\n",
        "rejected": "<think>\n\n</think>\n\n5<|im_end|>\n",
    }


def test_tools_their_calls_and_results_are_in_the_text(trained: dict[str, Any]) -> None:
    last = trained["dpo"]["told"][-1]
    for line in ('"name": "weather"', '"city": {"type": "string"}', '"zone": {"type": "integer"}', "user\nRain?"):
        assert line in last["prompt"]
    assert "null" not in last["prompt"]  # keys of one tool's schema that another one lacks
    assert last["chosen"] == (
        "<think>\nI must look.\n</think>\n\n"
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\nRain\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n<think>\nRain it is.\n</think>\n\nIt rains.<|im_end|>\n"
    )
    assert '{"name": "clock", "arguments": {"zone": 1}}' in last["rejected"]


def test_a_vision_step_trains_on_the_images_and_what_was_said_of_them(trained: dict[str, Any]) -> None:
    step = trained["vision"]
    assert step["finite"]
    assert step["changed"] > 0
    assert step["pictures"][0] == 6  # two, and one, with each of both answers
    first, second, *rejected = (told.replace("<image>" * 5, "<image>") for told in step["told"])
    assert first.startswith("<<SYS>>\nThese functions can be called:\n[{")
    assert "[INST] <image>\n<image>\nWhich is red? [/INST] The first.</s>" in first
    assert second.startswith(
        "<<SYS>>\nLook.\n<</SYS>>\n\n[INST] <image>\nWhat is it? [/INST] A square.</s> [INST] Sure? [/INST] No.</s>"
    )
    assert ["Neither." in rejected[0], "Yes." in rejected[1]] == [True, True]


def test_a_kto_step_trains_on_what_was_called_good_or_bad(exported: Exported, trained: dict[str, Any]) -> None:
    step = trained["kto"]
    assert step["finite"]
    assert step["changed"] > 0
    assert len(step["told"]) == exported.written["kto"]
    good, bad = step["told"][:2]
    assert good == {"prompt": FIRST, "completion": "<think>\nTwo and two.\n</think>\n\n4 🙂<|im_end|>\n", "label": True}
    assert (bad["completion"], bad["label"]) == ("<think>\n\n</think>\n\n5<|im_end|>\n", False)
