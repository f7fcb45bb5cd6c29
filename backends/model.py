"""Model ids: which of the names that servers give their models mean the same one."""

import re

_ARTIFACT = re.compile(
    r"[-._:](gguf|ud|i1|dynamic|\d+-of-\d+|(?:i?q|tq)\d\w*|bf16|fp?(?:8|16|32)|nvfp4|mxfp4|w\d+a\d+|int[48]|[48]bit|bnb"
    r"|awq|gptq)$"
)
_ROUTE = re.compile(r":(latest|free|nitro|floor|online|exacto|extended)$")  # Ollama's default tag, OpenRouter's wishes
_VERSION = re.compile(r"-(latest|\d{4}|\d{6}|\d{8}|\d{4}-\d\d-\d\d)$")

SMALL_4 = "mistral-small-2603"
SMALL_4_EFFORTS = ("none", "high")  # its templates raise on any other

_NAMES = {  # by which the API and the weights go
    "mistral-small-4-119b-2603": SMALL_4,
    "mistral-small-4-119b": SMALL_4,
    "mistral-small-4": SMALL_4,
}

_ADVISED = {(SMALL_4, "high"): 0.7}  # for effort none, the card leaves it between 0 and 0.7


def family(model: str) -> str:
    """The model of this id, whoever serves it and in whatever artifact: one name for all its ids."""
    return _split(model)[0]


def agree(asked: str, told: str) -> bool:
    """Whether a server that was asked for one id may well call it by the other; an alias agrees with any version."""
    (one, artifact), (other, reported) = _split(asked), _split(told)
    if artifact and reported and artifact != reported:
        return False
    if one == other:
        return True
    (stem, version), (name, pinned) = _versioned(one), _versioned(other)
    return stem == name and not (version and pinned)


def advised_temperature(model: str, effort: str) -> float | None:
    """What those who made the model advise; None leaves it to the server."""
    return _ADVISED.get((family(model), effort))


def _split(model: str) -> tuple[str, str]:
    """Family and artifact: `("smollm2-135m-instruct", "q4_1")`."""
    name, artifact = _ROUTE.sub("", re.split(r"[/\\]", model.strip().lower())[-1]), []
    while found := _ARTIFACT.search(name):
        name = name[: found.start()]
        if found[1] not in ("gguf", "ud", "i1") and "-of-" not in found[1]:
            artifact.append(found[1])
    return _NAMES.get(name, name), "-".join(reversed(artifact))


def _versioned(name: str) -> tuple[str, str]:
    """Stem and version, which is "" where it is left open."""
    found = _VERSION.search(name)
    return (name[: found.start()], found[1].replace("latest", "")) if found else (name, "")
