"""What is odd about an answer. Nothing is repaired: the text stays as it came, and a flag says what is to be seen."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from backends import parity
from backends.answer import Answer, Round, State
from backends.arguments import problem
from backends.lane import Lane
from backends.model import agree
from backends.names import Names, in_play
from backends.prompt import AssistantTurn, Prompt, ToolCall, images_of, told
from backends.tokens import image_tokens, is_mistral

TITLES = {
    "marker_leak": "marker in the answer",
    "no_reasoning": "no reasoning",
    "unasked_reasoning": "reasoning unasked",
    "swallowed": "answer inside the reasoning",
    "empty": "no answer",
    "thought_too_long": "out of tokens while thinking",
    "out_of_tokens": "out of tokens",
    "bad_arguments": "invalid tool arguments",
    "unknown_tool": "unknown tool",
    "no_usage": "no token counts",
    "image_ignored": "image probably ignored",
    "bracket_eaten": "] probably eaten",
    "truncated": "broken off",
    "other_model": "another model reported",
    "odd_finish": "odd finish reason",
    "prompt_differs": "prompt counted otherwise",
    "names_itself": "names a model or backend",
    "imported": "answered elsewhere",
}
"""What each code means, in a few words."""

MARKERS = re.compile(r"\[/?THINK\]|\[TOOL_CALLS\]|\[ARGS\](?=\s*\{\s*[\"}])|</?think>")  # usage lines have [ARGS] too
FINISHED = ("stop", "tool_calls", "function_call", "eos", "eos_token", "stop_sequence", "end_turn")
CUT = ("length", "model_length", "max_tokens")
BROKEN = ("truncated", "midstream")
REASONS = ("high", "xhigh", "max")  # efforts at which a model is to reason, whatever it is asked

LEAST_TEXT = 1 / 5  # tokens for a character that is no blank: text hardly ever takes fewer
LEAST_IMAGE = 32  # tokens, of any model that really looks; of a tiny image, fewer
SHRUNK = 1 / 4  # of the formula's tokens, where a server scales images down


@dataclass(frozen=True, slots=True)
class Flag:
    """A small warning: `code` is what it is found by, `detail` explains this case to a person."""

    code: str
    detail: str


def flagged(asked: Sequence[tuple[Lane, Prompt]], answers: Sequence[Answer]) -> tuple[tuple[Flag, ...], ...]:
    """The flags of each lane of one comparison whose answers have all ended: each code at most once a lane."""
    odd = parity.mismatches(asked, answers)
    names = in_play(tuple(lane for lane, _ in asked), asked[0][1], tuple(answer.model for answer in answers))
    return tuple(
        tuple(_flags(lane, prompt, answer, odd.get(index), names))
        for index, ((lane, prompt), answer) in enumerate(zip(asked, answers, strict=True))
    )


def _flags(
    lane: Lane, prompt: Prompt, answer: Answer, mismatch: parity.Mismatch | None, names: Names
) -> Iterator[Flag]:
    details = {code: check(lane, prompt, answer) for code, check in _CHECKS.items()}
    if mismatch:
        details["prompt_differs"] = mismatch.detail
        if mismatch.blind:
            details["image_ignored"] = details["image_ignored"] or mismatch.detail
    details["names_itself"] = _names_itself(answer, names)
    return (Flag(code, detail) for code, detail in details.items() if detail)


# Each check tells the detail of its flag, or "" where there is nothing to flag.


def _marker_leak(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    said, text = _told(prompt, answer), answer.text
    found = [match for match in MARKERS.finditer(text) if match[0] not in said]
    if not found:
        return ""
    markers = list(dict.fromkeys(match[0] for match in found))
    parser = "reasoning" if "think" in markers[0].lower() else "tool-call"
    return (
        f"{', '.join(markers)} in the answer's text, first in {_place(text, found[0].start())}: the server's {parser} "
        "parser is off or missed it, unless the answer is about such markers."
    )


def _no_reasoning(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    if lane.effort not in REASONS or answer.reasoning or answer.usage.reasoning:
        return ""
    if answer.state != State.DONE and not answer.text and not answer.calls:
        return ""
    return (
        f"Effort {lane.effort} was asked for, and no reasoning came: the server ignores the effort, or does not "
        "separate reasoning from the answer."
    )


def _unasked_reasoning(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    if lane.effort != "none" or not (answer.reasoning.strip() or answer.usage.reasoning):
        return ""
    return "Effort none was asked for, and it reasoned: the server ignores the effort, or its model can't do without."


def _swallowed(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    if answer.state != State.DONE or answer.finish_reason.lower() in CUT or not _only_thought(answer.rounds[-1]):
        return ""
    return (
        "It finished without an answer outside its reasoning: the end of the reasoning was missed, so look for the "
        "answer there."
    )


def _empty(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    last = answer.rounds[-1]
    if answer.state != State.DONE or _cut(answer) or last.text.strip() or last.calls or _only_thought(last):
        return ""
    return f"It finished with the reason {answer.finish_reason[:60]!r}, but with neither text nor a tool call."


def _thought_too_long(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    return _limit(lane, "The reasoning") if _cut(answer) and _only_thought(answer.rounds[-1]) else ""


def _out_of_tokens(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    return _limit(lane, "The answer") if _cut(answer) and not _only_thought(answer.rounds[-1]) else ""


def _bad_arguments(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    names = [tool.name for tool in prompt.tools]
    wrong = [(call.name, problem(call, prompt.tools)) for call in _whole_calls(answer) if call.name in names]
    return "; ".join(f"{name}: {what}" for name, what in wrong if what)[:600]


def _unknown_tool(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    names = [tool.name for tool in prompt.tools]
    unknown = dict.fromkeys(call.name for call in _whole_calls(answer) if call.name not in names)
    if not unknown:
        return ""
    given = f"only {', '.join(names)}" if names else "no tools"
    return f"It called {', '.join(f'{name[:60]!r}' for name in unknown)[:300]}, but was given {given[:300]}."


def _no_usage(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    usage = [(each.usage.prompt, each.usage.completion) for each in answer.rounds]
    if answer.state != State.DONE or not any(None in counts for counts in usage):
        return ""
    return "The server did not report all token counts: speed and cost can't be told exactly, nor prompts be compared."


def image_ignored(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    """Whether the token counts say so: in words, or ""."""
    images, usage = images_of(prompt.turns), answer.rounds[0].usage
    if not images:
        return ""
    if usage.image == 0:
        return "The server reports 0 image tokens: is the model served with its vision part?"
    costs = sum(image_tokens(image.width, image.height) for image in images)
    mistral = is_mistral(lane.model or lane.backend.model)
    least = SHRUNK * costs if mistral else min(LEAST_IMAGE * len(images), SHRUNK * costs)
    if usage.image or usage.prompt is None or usage.prompt >= _least_text(prompt) + least:
        return ""
    return (
        f"{usage.prompt} prompt tokens are hardly more than the text alone, and an image takes "
        f"{f'about {costs} more' if mistral else 'many more'}: is the model served with its vision part?"
    )


def _bracket_eaten(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    if lane.backend.kind != "sglang" or not prompt.tools:  # its parser for Mistral's tool calls drops them
        return ""
    if answer.state != State.DONE or answer.finish_reason.lower() in CUT or "]" in answer.text:  # it drops them all
        return ""
    missing = len(re.sub(r"\[[^\[\]()]{1,20},[^\[\]()]{1,20}\)", "", answer.text).split("[")) - 1  # but for [0, 1)
    return f"{missing} [ and no ]: SGLang drops ] while it streams to a prompt with tools." if missing else ""


def _truncated(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    if answer.failure is None or answer.failure.kind not in BROKEN:
        return ""
    return "The stream broke off before it was finished: this is not the whole answer. Run it again."


def _other_model(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    asked = lane.model or lane.backend.model
    if not asked or not answer.model or agree(asked, answer.model):
        return ""
    return f"{asked} was asked for, and {answer.model[:200]} is said to have answered: check what is served there."


def _odd_finish(lane: Lane, prompt: Prompt, answer: Answer) -> str:
    reason = answer.finish_reason
    if answer.state != State.DONE or reason.lower() in (*FINISHED, *CUT):
        return ""
    cause = {
        "content_filter": "the server's filter stopped it",
        "abort": "the server gave it up",
        "error": "the server failed",
    }.get(reason.lower(), "this is not a reason that servers usually give")
    return f"It finished with {reason[:60]!r}: {cause}, so the answer may not be whole."


def _names_itself(answer: Answer, names: Names) -> str:
    calls = (part for call in answer.calls for part in (call.name, call.arguments))
    found = names.found("\n".join([answer.text, answer.reasoning, *calls]))
    if not found:
        return ""
    said = ", ".join(repr(name[:60]) for name in found[:5])
    return f"It says {said}, a name of what is compared here. While a comparison is blind, the page masks it."


_CHECKS: dict[str, Callable[[Lane, Prompt, Answer], str]] = {
    "marker_leak": _marker_leak,
    "no_reasoning": _no_reasoning,
    "unasked_reasoning": _unasked_reasoning,
    "swallowed": _swallowed,
    "empty": _empty,
    "thought_too_long": _thought_too_long,
    "out_of_tokens": _out_of_tokens,
    "bad_arguments": _bad_arguments,
    "unknown_tool": _unknown_tool,
    "no_usage": _no_usage,
    "image_ignored": image_ignored,
    "bracket_eaten": _bracket_eaten,
    "truncated": _truncated,
    "other_model": _other_model,
    "odd_finish": _odd_finish,
}


def _only_thought(last: Round) -> bool:
    return bool(last.reasoning) and not last.text and not last.calls


def _cut(answer: Answer) -> bool:
    return answer.state == State.DONE and answer.finish_reason.lower() in CUT


def _limit(lane: Lane, what: str) -> str:
    if lane.max_tokens:
        return f"{what} was cut at the lane's {lane.max_tokens} tokens: raise max tokens for a whole answer."
    return f"{what} was cut at the server's own limit: set max tokens higher, or serve the model with a larger context."


def _whole_calls(answer: Answer) -> tuple[ToolCall, ...]:
    """Without those of a request that did not come to its end."""
    rounds = answer.rounds if answer.state == State.DONE else answer.rounds[:-1]
    return tuple(call for each in rounds for call in each.calls)


def _place(text: str, at: int) -> str:
    before = text[:at]
    line = f"line {before.count(chr(10)) + 1}"
    if len(re.findall(r"^ *```", before, re.MULTILINE)) % 2:
        return f"{line} (in a code block)"
    return f"{line} (quoted)" if before.endswith(("`", '"', "'", "“", "‘", "«")) else line


def _told(prompt: Prompt, answer: Answer) -> str:
    return "\n".join([*told(prompt), *(result.content for result in answer.results.values())])


def _least_text(prompt: Prompt) -> float:
    own = (turn.text for turn in prompt.turns if isinstance(turn, AssistantTurn))
    return LEAST_TEXT * sum(len("".join(text.split())) for text in (*told(prompt), *own))
