"""Models that are odd by themselves, one for each flag: the demo of flags, with a lane for each."""

from dataclasses import dataclass, field

import orjson

from backends.declaration import kinds
from tests.fake.script import Script


@dataclass(frozen=True)
class Show:
    """A script, who says it, and what a person sees then; `settings` stand in its declaration."""

    kind: str
    script: Script
    note: str
    settings: dict[str, object] = field(default_factory=dict)


_HIGH: dict[str, object] = {"efforts": ["high", "none"]}

SHOWS = {
    "leaked-marker": Show("vllm", Script(show="leak"), "[THINK] stands in the answer"),
    "leaked-tag": Show("openai", Script(show="leaked_tag"), "<think> stands in the answer"),
    "leaked-call": Show("sglang", Script(show="leaked_call"), "a tool call stands in the answer as text"),
    "no-reasoning": Show("llamacpp", Script(reasoning=0), "effort high, and no reasoning", _HIGH),
    "reasons-anyway": Show("nim", Script(reasoning=20), "effort none, and reasoning"),
    "swallowed": Show("sglang", Script(show="swallowed"), "the answer is in the reasoning", _HIGH),
    "spent": Show("vllm", Script(show="spent"), "out of tokens while thinking", _HIGH),
    "bad-arguments": Show("mistral", Script(show="bad_arguments", calls=1), "a call's arguments are no JSON"),
    "unknown-tool": Show("vllm", Script(show="unknown_tool", calls=1), "a call of a tool that there is not"),
    "no-usage": Show("openai", Script(show="no_usage"), "no token counts"),
    "image-ignored": Show("llamacpp", Script(show="image_ignored"), "give it an image: it counts none of its tokens"),
    "eats-brackets": Show("sglang", Script(show="brackets", calls=0), "give it tools: it loses each ] of the answer"),
    "another-model": Show("openrouter", Script(show="other_model"), "another model answers than was asked"),
    "truncated": Show("transformers", Script(fault="no_finish", after=20), "no finish reason"),
    "breaks-off": Show("llamacpp", Script(fault="error_after", after=20), "an error in the middle of the answer"),
    "cut": Show("vllm", Script(fault="reset", after=20), "the connection is cut in the middle of the answer"),
    "rate-limited": Show("mistral", Script(fault="http_429"), "it asks to wait 7 s"),
    "queued": Show("nim", Script(fault="queued"), "it answers 202 first, and the answer stands elsewhere"),
    "loading": Show("llamacpp", Script(fault="http_503"), "it is still loading its model"),
    "falls-silent": Show(
        "vllm", Script(fault="stall", after=20), "silence in the middle of the answer", {"timeout": 5}
    ),
}


def demo(url: str) -> str:
    """A backends.toml with a lane for each show, on the fake server at `url`."""
    return "\n".join(_entry(url, model, show) for model, show in SHOWS.items())


def _entry(url: str, model: str, show: Show) -> str:
    declared = {
        "name": model,
        "kind": show.kind if show.kind in kinds() else "openai",
        "base_url": f"{url}/{show.kind}/v1",
        "model": model,
        "artifact": "simulated",
        "note": f"Simulated: {show.note}.",
    }
    # strings, numbers and lists of strings are written alike in JSON and in TOML
    lines = (f"{key} = {orjson.dumps(value).decode()}" for key, value in (declared | show.settings).items())
    return "\n".join(["[[backend]]", *lines, ""])
