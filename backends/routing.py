"""Which effort suits a prompt, by the type of request: a rule of thumb that reads English words, not their meaning."""

import re
from dataclasses import dataclass

from backends.prompt import Prompt, Turn, UserTurn, images_of

LONG = 3_000  # characters: more than a page


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`reason` completes the sentence "it looks like ..."."""

    effort: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    words: re.Pattern[str]
    suggestion: Suggestion


def _rule(effort: str, reason: str, words: str) -> Rule:
    return Rule(re.compile(rf"\b(?:{words})\b", re.IGNORECASE), Suggestion(effort, reason))


_LIGHT = (
    _rule("none", "a quick summary", r"summar(?:y|i[sz]e)|tl;?dr|in (?:one|two|three) sentences?|shorten"),
    _rule("none", "a code completion", r"complete|autocomplete|fill in|finish (?:this|the) (?:line|function|code)"),
    _rule("none", "a refactoring", r"refactor|rename|reformat|clean up|simplify|tidy"),
    _rule(
        "none", "routine work on text", r"translate|classify|extract|label|rephrase|reword|rewrite|proofread|convert"
    ),
)
_HEAVY = (
    _rule(
        "high",
        "a search for the cause of a bug",
        r"bugs?|debug(?:ging|ger)?|root cause|why (?:does|do|did|is|are|was|were|can|can't|doesn't|isn't|won't)"
        r"|fail(?:s|ed|ing)?|crash\w*|traceback|exception|stack trace"
        r"|deadlocks?|race condition|segfault|flaky|memory leak",
    ),
    _rule(
        "high",
        "planning",
        r"plan|design|architect\w*|migrat\w+|roadmap|trade-?offs?|step by step|strategy|prove|proof",
    ),
    _rule("high", "a check of code against its specification", r"spec|specs|specification|requirements|acceptance"),
)

_PICTURE = Suggestion("high", "a picture to be read")
_LONG_TEXT = Suggestion("high", "a long text")
_STEP = Suggestion("none", "one of an agent's many steps")
_ROUTINE = Suggestion("none", "a routine question")


def suggest(prompt: Prompt) -> Suggestion:
    """What a prompt asks for first counts most: `Summarize why it crashed` is a summary."""
    written = [turn.text for turn in prompt.turns if isinstance(turn, UserTurn)]
    if images_of(_asked(prompt)):
        return _PICTURE
    if sum(map(len, written)) > LONG:
        return _LONG_TEXT
    text = written[-1] if written else ""
    begun = [rule for rule in _LIGHT if rule.words.match(_bare(text))]
    rules = (*begun, *_HEAVY, *_LIGHT)
    found = next((rule.suggestion for rule in rules if rule.words.search(text)), None)
    return found or (_STEP if prompt.tools else _ROUTINE)


def _asked(prompt: Prompt) -> tuple[Turn, ...]:
    """What is asked now; pictures of earlier turns have been read."""
    return prompt.turns[-1:]


def _bare(text: str) -> str:
    """Without the courtesies before a request."""
    return re.sub(r"^\s*(?:please|kindly|can you|could you|would you|[,\s])*", "", text, flags=re.IGNORECASE)
