"""How many tokens a prompt will take, before any server has counted them: estimates, to be shown as such.

Text of Mistral's models is counted with the newest vocabulary that `mistral-common` carries; other text by its length.
"""

import math
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from backends.prompt import AssistantTurn, Prompt, ToolTurn, UserTurn, images_of

if TYPE_CHECKING:
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

# of Mistral Small 4's eye: the longest side it looks at, and the square of pixels that becomes one token
LONGEST_SIDE, PATCH = 1540, 28

PER_TURN = 4  # the marks around each turn
CHARACTERS = 4.0  # a token, of English or code in current vocabularies
TEKKEN = "tekken_240911.json"
_UNSPACED = re.compile("[\u2e80-\U0010ffff]")


def image_tokens(width: int, height: int) -> int:
    """What an image costs Mistral Small 4: a token for each patch, and one to end each row."""
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    columns, rows = (max(1, math.ceil(round(side * scale) / PATCH)) for side in (width, height))
    return (columns + 1) * rows


def prompt_tokens(prompt: Prompt, model: str = "") -> int:
    """About how many tokens the whole prompt is for `model`. The first count of a Mistral model takes a second: call it
    in a thread."""
    texts = list(_texts(prompt))
    images = sum(image_tokens(image.width, image.height) for image in images_of(prompt.turns))
    return _counted(texts, model) + PER_TURN * len(texts) + images


def text_tokens(text: str, model: str = "") -> int:
    """About how many tokens a text is for `model`; by its length alone, the same whichever model wrote it, where none
    is named."""
    return _counted([text], model)


def _texts(prompt: Prompt) -> Iterable[str]:
    yield prompt.system
    for tool in prompt.tools:
        yield f"{tool.name} {tool.description} {orjson.dumps(tool.parameters).decode()}"
    for turn in prompt.turns:
        match turn:
            case UserTurn(text):
                yield text
            case ToolTurn(content=text):
                yield text
            case AssistantTurn(text, reasoning, calls):
                yield "".join([reasoning, text, *(f"{call.name} {call.arguments}" for call in calls)])


def is_mistral(model: str) -> bool:
    return any(name in model.lower() for name in ("mistral", "magistral", "devstral", "codestral", "pixtral"))


def _counted(texts: Iterable[str], model: str) -> int:
    if is_mistral(model):
        tokenizer = _tekken()
        return sum(len(tokenizer.encode(text, bos=False, eos=False)) for text in texts)
    return math.ceil(sum(map(_weight, texts)) / CHARACTERS)


def _weight(text: str) -> float:
    """The length of a text, where each character of a script without spaces between words counts as most of a token."""
    return len(text) if text.isascii() else len(text) + 2 * len(_UNSPACED.findall(text))


@cache
def _tekken() -> "Tekkenizer":
    import mistral_common
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    return Tekkenizer.from_file(Path(mistral_common.__file__).parent / "data" / TEKKEN)
