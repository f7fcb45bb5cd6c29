"""Models that are odd by themselves, one for each flag: the demo of flags, with a lane for each."""

from dataclasses import dataclass, field

import orjson

from backends.declaration import kinds
from tests.fake.script import Script


@dataclass(frozen=True)
class Show:
    """A script, who says it, which flag it raises ("": it fails in words), and what a person sees then; `settings`
    stand in its declaration."""

    kind: str
    flag: str
    script: Script
    note: str
    settings: dict[str, object] = field(default_factory=dict)


_HIGH: dict[str, object] = {"efforts": ["high", "none"]}

SHOWS = {
    "leaked-marker": Show("vllm", "marker_leak", Script(show="leak"), "[THINK] stands in the answer"),
    "leaked-tag": Show("openai", "marker_leak", Script(show="leaked_tag"), "<think> stands in the answer"),
    "leaked-call": Show("ollama", "marker_leak", Script(show="leaked_call", calls=0), "a tool call came as text"),
    "no-reasoning": Show("llamacpp", "no_reasoning", Script(reasoning=0), "effort high, and no reasoning", _HIGH),
    "reasons-anyway": Show("nim", "unasked_reasoning", Script(reasoning=20), "effort none, and reasoning"),
    "swallowed": Show("sglang", "swallowed", Script(show="swallowed", calls=0), "all of it is reasoning", _HIGH),
    "says-nothing": Show("openai", "empty", Script(show="nothing", calls=0), "it ends without a word"),
    "spent": Show("vllm", "thought_too_long", Script(show="spent", calls=0), "out of tokens while thinking", _HIGH),
    "cut-short": Show("lmstudio", "out_of_tokens", Script(show="cut_short", calls=0), "out of tokens while answering"),
    "bad-arguments": Show(
        "mistral", "bad_arguments", Script(show="bad_arguments"), "give it tools: a call's arguments are no JSON"
    ),
    "unknown-tool": Show(
        "vllm", "unknown_tool", Script(show="unknown_tool", calls=1), "it calls a tool that there is not"
    ),
    "no-usage": Show("openai", "no_usage", Script(show="no_usage"), "no token counts"),
    "image-ignored": Show(
        "llamacpp", "image_ignored", Script(show="image_ignored"), "give it an image: it counts none of its tokens"
    ),
    "eats-brackets": Show(
        "sglang", "bracket_eaten", Script(show="brackets", calls=0), "give it tools: it loses each ] of the answer"
    ),
    "another-model": Show("openrouter", "other_model", Script(show="other_model"), "another model answers"),
    "counted-fp8": Show("vllm", "prompt_differs", Script(), "see counted-nvfp4"),
    "counted-nvfp4": Show(
        "llamacpp", "prompt_differs", Script(show="system_prompt"), "it counts more of a prompt than counted-fp8"
    ),
    "names-itself": Show("vllm", "names_itself", Script(show="named", calls=0), "it says which server it is"),
    "odd-finish": Show("sglang", "odd_finish", Script(show="odd_finish", calls=0), "it gives it up"),
    "truncated": Show("transformers", "truncated", Script(fault="no_finish"), "no finish reason"),
    "breaks-off": Show("llamacpp", "truncated", Script(fault="error_after", after=20), "an error amid the answer"),
    "cut-off": Show("vllm", "truncated", Script(fault="reset", after=20), "the connection is cut amid the answer"),
    "rate-limited": Show("mistral", "", Script(fault="http_429"), "it asks to wait"),
    "queued": Show("nim", "", Script(fault="queued"), "it puts the answer off with 202, as only NVIDIA's cloud may"),
    "loading": Show("llamacpp", "", Script(fault="http_503"), "it is still loading its model"),
    "remembers": Show(
        "vllm", "", Script(recall=1_000_000, context=1_000_000), "it finds whatever stands in a long text"
    ),
    "forgets": Show(
        "vllm", "", Script(recall=12_000, context=100_000), "it finds nothing beyond the first 12,000 tokens of a text"
    ),
    "falls-silent": Show("vllm", "", Script(fault="stall", after=20), "silence amid the answer", {"timeout": 5}),
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
