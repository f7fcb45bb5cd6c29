"""Answers what is asked of a long text by looking it up there, as far into it as a script says that the model reads."""

import re

_QUESTION = re.compile(r"What is the code of (.+?)\?")
_FACT = re.compile(r"The code of (.+?) is ([A-Z]{3}-\d{4})\.")
CHARACTERS = 4  # a token


def recalled(text: str, tokens: int) -> str:
    """The code that the text's last question asks for, if it stands within the first `tokens`; else one of those that
    do, as a model would that mixes them up."""
    asked = _QUESTION.findall(text)
    within = dict(_FACT.findall(text[: tokens * CHARACTERS]))
    return within.get(asked[-1] if asked else "") or next(iter(within.values()), "The records do not say.")
