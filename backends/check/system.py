"""Whether a system prompt is obeyed, and reaches the model once and alone."""

from collections.abc import Sequence

from backends.check.advice import advice
from backends.check.probe import Ask, Heard, Probe, Said, Subject, doubtful, failed, passed, question, skipped
from backends.prompt import Prompt
from backends.tokens import prompt_tokens

WORD = "PELICAN"
RULE = f"Whatever you are asked, answer with the single word {WORD}."
CAPITAL = "What is the capital of France?"
TEXT = (
    "The lighthouse stands on a rock at the end of the bay. Its keeper counts the ships that pass in the morning, "
    "writes their names into a book, and rows to the village for bread when the sea is calm."
)
# of what the text takes in a question, where a system prompt is dropped or doubled
DROPPED, DOUBLED = 0.4, 1.6
OWN = 100  # tokens, beyond which a template says something of its own


def _obeyed_asks(subject: Subject) -> Sequence[Ask]:
    return [(subject.lane(), question(CAPITAL, RULE))]


def _obeyed(subject: Subject, heard: Sequence[Heard]) -> Said:
    text = heard[0].answer.text
    if WORD in text.upper():
        return passed("It did what the system prompt says.")
    words = f"It should have said {WORD}, and said {text[:100]!r}."
    return doubtful(words, "A small model may not obey; see whether the system prompt reaches it at all.")


def _once_asks(subject: Subject) -> Sequence[Ask]:
    lane = subject.lane(max_tokens=1)
    prompts = question(CAPITAL, ""), question(CAPITAL, TEXT), question(f"{CAPITAL}\n\n{TEXT}", "")
    return [(lane, prompt) for prompt in prompts]


def _once(subject: Subject, heard: Sequence[Heard]) -> Said:
    bare, system, user = (each.answer.usage.prompt for each in heard)
    if bare is None or system is None or user is None or user <= bare:
        return skipped("The server does not count the tokens of a prompt.")
    took, should, fix = system - bare, user - bare, advice("system", subject.kind)
    if took < 0:
        return doubtful(f"Where the system prompt is empty, it takes {-took} tokens more: one of its own.", fix)
    if took < DROPPED * should:
        return failed(f"A system prompt of {should} tokens adds only {took}: it does not reach the model whole.", fix)
    if took > DOUBLED * should:
        return failed(f"A system prompt of {should} tokens adds {took}: it is doubled.", fix)
    if (more := bare - _estimate(subject, heard[0].prompt)) > OWN:
        return doubtful(f"About {more} tokens are added to every prompt: the template says something of its own.", fix)
    return passed(f"A system prompt of {should} tokens adds {took}.")


def _estimate(subject: Subject, prompt: Prompt) -> int:
    return prompt_tokens(prompt, subject.model)


PROBES = (
    Probe("system-obeyed", "system prompt obeyed", _obeyed_asks, _obeyed),
    Probe("system-once", "system prompt given once", _once_asks, _once),
)
