"""Names that tell whose an answer is, of the models, vendors and backends of one comparison: found in a text, masked.

Only distinctive names count: a backend that is called "local" or "fast" may be in any answer. Nor do those that the
prompt itself uses: who repeats them tells nothing of itself, and without them the answer could not be judged.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from backends.declaration import kinds
from backends.lane import Lane
from backends.model import family
from backends.prompt import Prompt, told

MARK = "▇▇▇"

GENERIC = frozenset(
    """
    agent alpha and answer api assistant audio backend base baseline beta big chat cloud code command compatible
    coder cpu custom deep default demo dev draft eagle embedded engine exp fast first flash free full future gpu
    high home host hosted huge inference instruct large last latest light lite local low main max medium mini
    model models multi nano new next nim none office old one open original own phi plus pro prod production
    proxy quant quick reasoner reasoning remote replay second serve server serving slow small smart solar spec
    speculative test text the think thinking third three tiny transformers turbo two ultra vision with zero
    """.split()  # noqa: SIM905
)
"""Words of model ids and of backends' names that any answer may use."""

VENDORS = {
    r"[a-z]*[sx]tral": ("Mistral", "Mistral AI"),
    r"smol(lm|vlm)": ("Hugging Face", "HuggingFaceTB"),
    r"llama": ("Meta AI", "Meta Llama"),
    r"gpt|o[134]$|openai": ("OpenAI", "ChatGPT"),
    r"claude": ("Anthropic",),
    r"gemini|gemma": ("Google", "DeepMind", "Google DeepMind"),
    r"qwen|qwq": ("Alibaba", "Alibaba Cloud", "Tongyi"),
    r"deepseek": ("DeepSeek",),
    r"nemotron|nvidia": ("NVIDIA",),
    r"phi$": ("Microsoft",),
    r"granite": ("IBM",),
    r"kimi": ("Moonshot AI",),
    r"glm|chatglm": ("Zhipu", "Z.ai"),
    r"grok": ("xAI",),
}
"""By how the name of a model or of a kind of server begins: who makes it, as answers say it."""

_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"[^\W\d_]+|\d+")
_BETWEEN = r"[\s_./:+-]{0,3}"  # SmolLM2, smollm-2, SmolLM 2
_BEGIN = re.compile(r"(?<![^\W_])[^\W_]")
_APART = re.compile(r"[^\w\s./:+-]")  # no name spans it


class Names:
    """Names in any spelling of their case and of the blanks and hyphens in them, as whole words."""

    def __init__(self, names: Iterable[str], said: str = "") -> None:
        """Without those that are `said`."""
        parts = {tuple(_PART.findall(name)) for name in names} - {()}
        found = sorted(parts, key=lambda each: (-len("".join(each)), each))
        kept = [each for each in found if not re.search(_bounded(_spelled(each)), said, re.IGNORECASE)]
        self._squashed = [_squashed("".join(each)) for each in kept]
        self._longest = max((len("".join(each)) + 3 * len(each) for each in kept), default=0)
        first = "".join(
            {each[0][0] for each in kept}
        )  # most words are none of them: that is told at their first letter
        pattern = rf"(?=[{first}])(?:{'|'.join(map(_spelled, kept))})"
        self._pattern = re.compile(_bounded(pattern), re.IGNORECASE) if kept else None

    def found(self, text: str) -> tuple[str, ...]:
        """Those in the text as it writes them, each once."""
        return tuple(dict.fromkeys(match[0] for match in self._pattern.finditer(text))) if self._pattern else ()

    def masked(self, text: str, whole: bool = True) -> str:
        """The text with a mark for each name. One that is not yet `whole` ends before what may become a name."""
        spans = [match.span() for match in self._pattern.finditer(text)] if self._pattern else []
        begun = () if whole else (at for at in self._begun(text) if not any(start < at < to for start, to in spans))
        end = next(iter(begun), len(text))
        shown, done = [], 0
        for start, to in spans:
            if start < end:
                shown += [text[done:start], MARK]
                done = to
        return "".join([*shown, text[done:end]])

    def _begun(self, text: str) -> Iterator[int]:
        """Where, near the end, a name begins that the next piece of the text may complete or prolong."""
        first = max(0, len(text) - self._longest)
        for match in _BEGIN.finditer(text, first):
            rest = _squashed(text[match.start() :])
            if any(name.startswith(rest) for name in self._squashed):
                yield match.start()


class Masking:
    """Masks a text that grows: what stands before a mark that no name spans is masked once."""

    def __init__(self, names: Names) -> None:
        self._names, self._settled, self._shown = names, "", ""

    def masked(self, text: str, whole: bool) -> str:
        if not text.startswith(self._settled):
            self._settled = self._shown = ""
        begin = end = len(self._settled)
        for mark in _APART.finditer(text, begin):
            end = mark.end()
        self._shown += self._names.masked(text[begin:end])
        self._settled = text[:end]
        return self._shown + self._names.masked(text[end:], whole)


@lru_cache(maxsize=64)
def in_play(lanes: tuple[Lane, ...], prompt: Prompt, reported: tuple[str, ...] = ()) -> Names:
    """Of lanes that are asked this; `reported` are the models that their servers say to have answered."""
    return Names(filter(_tells, dict.fromkeys(_names(lanes, reported))), "\n".join(told(prompt)))


def _names(lanes: Sequence[Lane], reported: Sequence[str]) -> Iterator[str]:
    for lane in lanes:
        kind = kinds().get(lane.backend.kind)
        title = kind.title if kind else lane.backend.kind
        yield from (lane.backend.name, title, lane.artifact, *_vendors(title))
        yield from (part for part in re.split(r"[\s+,/]+", lane.artifact) if _mixed(part))
        yield from (name for model in {lane.model, lane.backend.model} for name in _of_model(model))
    for model in reported:
        yield from _of_model(model)


def _of_model(model: str) -> Iterator[str]:
    """The id, who it says made it, and its beginnings: `mistral`, `mistral small`, `mistral small 4`."""
    *makers, name = re.split(r"[/\\]", model)
    yield from makers
    for each in (name, family(model)):
        parts = _PART.findall(each)
        yield from (" ".join(parts[:count]) for count in range(1, len(parts) + 1))
    yield from _vendors(name)


def _vendors(name: str) -> Iterator[str]:
    begin = next(iter(_PART.findall(name)), "").lower()
    yield from (vendor for pattern, names in VENDORS.items() if re.match(pattern, begin) for vendor in names)


def _tells(name: str) -> bool:
    """Is it distinctive?"""
    words = [word.lower() for word in _WORD.findall(name)]
    own = [word for word in words if word not in GENERIC]
    return any(_mixed(word) or len(re.sub(r"\d", "", word)) > 2 for word in own) or (
        own == words and _mixed("".join(words))
    )


def _mixed(word: str) -> bool:
    return len(word) > 2 and bool(re.search(r"\d", word)) and bool(re.search(r"[^\W\d_]", word))


def _spelled(parts: Sequence[str]) -> str:
    """A version or size may be written right behind: Mistral7B."""
    more = "" if parts[-1].isdigit() else r"(?:\d[^\W_]*)?"
    return _BETWEEN.join(map(re.escape, parts)) + more


def _bounded(pattern: str) -> str:
    return rf"(?<![^\W_])(?:{pattern})(?![^\W_])"


def _squashed(text: str) -> str:
    """As the pattern compares: without case, blanks and hyphens."""
    return "".join(letter.upper().lower()[:1] for letter in text if letter.isalnum())
