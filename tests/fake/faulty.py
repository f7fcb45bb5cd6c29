"""Models whose servers are wrong in one way, each for a probe to find: the known faults of real ones are among them."""

from dataclasses import dataclass, field, replace

from backends.check.result import Verdict
from tests.fake.script import Script
from tests.fake.shows import SHOWS

FAILED, DOUBTFUL = Verdict.FAILED, Verdict.DOUBTFUL


@dataclass(frozen=True)
class Faulty:
    """Who says the script, the probe that finds the fault, and a word that it says then; `settings` stand in the
    declaration, where `kind` may be another than the server's."""

    kind: str
    probe: str
    script: Script
    word: str
    verdict: Verdict = FAILED
    settings: dict[str, object] = field(default_factory=dict)


_EAGLE: dict[str, object] = {"artifact": "FP8 + eagle"}

FAULTY = {
    "loads": Faulty("llamacpp", "reach", Script(fault="http_503"), "loading"),
    "is-broken": Faulty("vllm", "reach", Script(fault="http_500"), "refuses a small prompt"),
    "is-gone": Faulty("vllm", "reach", Script(fault="no_model"), "does not exist"),
    "mistral-small-2603": Faulty("vllm", "reach", Script(), "misreads this model"),
    "declared-wrongly": Faulty("mistral", "reach", Script(), "does not take `seed`", settings={"kind": "openai"}),
    "no-template-kwargs": Faulty("nim", "reach", Script(), "chat_template", settings={"kind": "transformers"}),
    "other-model": Faulty("openrouter", "model", Script(show="other_model"), "none-of-the-models"),
    "small-context": Faulty("vllm", "context", Script(), "262,144 tokens are promised", settings={"context": 262144}),
    "cuts-prompts": Faulty("vllm", "overlong", Script(show="overlong_taken"), "is taken"),
    "counts-nothing": Faulty("openai", "usage", Script(show="no_usage"), "does not count"),
    "mistral-counts-double": Faulty("vllm", "tokens", Script(show="counts_double"), "mistral-common counts"),
    "simulated-fp8": Faulty("vllm", "parity", Script(show="system_prompt"), "more than"),
    "idle-eagle": Faulty("nim", "drafts", Script(show="no_drafts"), "Nothing was drafted", settings=_EAGLE),
    "silent-eagle": Faulty("openai", "drafts", Script(), "no metrics", DOUBTFUL, _EAGLE),
    "bursts": Faulty("vllm", "streaming", Script(first=400, fault="burst"), "one burst"),
    "random": Faulty("sglang", "repeatable", Script(show="unrepeatable"), "different things", DOUBTFUL),
    "whole-differs": Faulty("vllm", "whole", Script(show="whole_differs"), "tool calls differ"),
    "goes-on": Faulty("lmstudio", "stop", Script(show="unstopped"), "went on"),
    "has-no-limit": Faulty("ollama", "max-tokens", Script(show="unlimited"), "300 tokens came"),
    "doubles-system": Faulty("llamacpp", "system-once", Script(show="doubled_system"), "doubled"),
    "drops-system": Faulty("sglang", "system-once", Script(show="dropped_system"), "does not reach"),
    "brings-system": Faulty("llamacpp", "system-once", Script(show="system_prompt"), "of its own", DOUBTFUL),
    "disobeys": Faulty("vllm", "system-obeyed", Script(show="brackets"), "PELICAN", DOUBTFUL),
    "thinks-anyway": Faulty("nim", "effort-none", Script(reasoning=20), "it reasoned"),
    "never-thinks": Faulty("vllm", "effort-high", Script(reasoning=0), "no reasoning came"),
    "strips-markers": Faulty("transformers", "effort-high", Script(show="stripped", reasoning=0), "no reasoning came"),
    "no-effort-sent": Faulty(
        "sglang",
        "markers",
        Script(show="leaks_without_effort"),
        "[THINK]",
        settings={"omit": ("reasoning_effort",)},
    ),
    "leaks": Faulty("vllm", "markers", Script(show="leak", calls=0), "[THINK]"),
    "leaks-in-pieces": Faulty("vllm", "markers", Script(show="split_marker", calls=0), "[THINK] and [/THINK]"),
    "leaks-tags": Faulty("llamacpp", "markers", Script(show="leaked_tag", calls=0), "<think>"),
    "leaks-calls": Faulty("sglang", "markers", Script(show="leaked_call", calls=0), "[TOOL_CALLS]"),
    "forgets-thoughts": Faulty("sglang", "history", Script(show="forgets_thoughts"), "dropped", DOUBTFUL),
    "calls-as-text": Faulty("ollama", "tool-call", Script(show="leaked_call", calls=0), "as text"),
    "loses-calls": Faulty("vllm", "tool-call", Script(show="lost_calls"), "lost on the way"),
    "breaks-arguments": Faulty("mistral", "tool-call", Script(show="bad_arguments"), "not valid JSON"),
    "invents-tools": Faulty("vllm", "tool-call", Script(show="unknown_tool"), "unknown tool"),
    "gives-no-ids": Faulty("vllm", "tool-ids", Script(show="no_ids"), "without an id"),
    "repeats-ids": Faulty("vllm", "tool-ids", Script(show="same_ids"), "have the ids"),
    "calls-one": Faulty("vllm", "tool-parallel", Script(calls=1), "one came", DOUBTFUL),
    "need-not-call": Faulty("sglang", "tool-required", Script(tokens=9, calls=0), "should have called"),
    "names-stop": Faulty("vllm", "tool-named", Script(show="named_stops"), "`stop`", DOUBTFUL),
    "calls-anyway": Faulty("llamacpp", "tool-none", Script(show="none_ignored"), "call no tool"),
    "answers-in-thought": Faulty(
        "sglang", "tool-result", Script(tokens=9, show="swallowed_result"), "inside the reasoning"
    ),
    "only-thinks": Faulty("vllm", "tool-result", Script(show="spent"), "cut at the limit", DOUBTFUL),
    "eats-every-bracket": Faulty("sglang", "brackets", Script(), "] is missing"),
    "is-blind": Faulty("llamacpp", "image", Script(show="image_ignored"), "vision part"),
    "hides-refusals": Faulty("nim", "image", Script(fault="hides_refusals"), "cannot identify image"),
    "sees-one-colour": Faulty("vllm", "image", Script(show="named", calls=0), "same answer", DOUBTFUL),
    "swaps-images": Faulty("vllm", "images", Script(show="images_swapped"), "wrong order"),
    "can-not-read": Faulty("vllm", "word", Script(show="named", calls=0), "LYNX", DOUBTFUL),
}

QUICK = "quick"  # wrong in nothing, and waits for nothing
MODELS = {name: each.script for name, each in SHOWS.items()}
MODELS |= {name: replace(each.script, rate=0) for name, each in FAULTY.items()} | {QUICK: Script(rate=0)}
