"""The command that serves, quoted for a shell, and the same for compose; every flag with its reason."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Template

from serving.hardware import Hardware
from serving.model import Artifact, Model
from serving.recipe import Flag, Recipe


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be served, and for how many: `gpus` of the hardware, `context` tokens, `requests` at once."""

    model: Model
    artifact: Artifact
    hardware: Hardware
    gpus: int
    context: int
    requests: int


def tensor_parallel(gpus: int) -> int:
    """GPUs that a layer is spread over: a power of two, since it has to divide the heads and experts."""
    return 1 << max(0, gpus.bit_length() - 1)


def sequences(recipe: Recipe, wish: Wish) -> int:
    """Requests at once that the server is started for: no fewer than the recipe has."""
    return max(recipe.sequences, wish.requests)


def values(recipe: Recipe, wish: Wish) -> dict[str, str]:
    """What the `$names` of a recipe stand for."""
    return {
        "model": wish.artifact.repository,
        "draft": wish.artifact.draft,
        "context": str(wish.context),
        "context_of_all": str(wish.context * sequences(recipe, wish)),
        "sequences": str(sequences(recipe, wish)),
        "gpus": str(wish.gpus),
        "tensor_parallel": str(tensor_parallel(wish.gpus)),
        "memory": f"{recipe.memory:g}",
        "port": str(recipe.port),
        "tool_parser": wish.model.parsers.tools,
        "reasoning_parser": wish.model.parsers.reasoning,
    }


NAMES = {
    *("model", "draft", "context", "context_of_all", "sequences", "gpus", "tensor_parallel", "memory", "port"),
    *("tool_parser", "reasoning_parser"),
}


def unknown_names(recipe: Recipe) -> list[str]:
    inside = recipe.container
    texts = [*recipe.program, *recipe.last, *(flag.value for flag in recipe.flags)]
    texts += [*inside.program, *inside.environment] if inside else []
    return sorted({name for text in texts for name in Template(text).get_identifiers()} - NAMES)


def flags(recipe: Recipe, wish: Wish) -> list[Flag]:
    """Those that apply, their values filled in."""
    known = values(recipe, wish)
    return [
        Flag(flag=each.flag, value=Template(each.value).substitute(known), why=each.why)
        for each in recipe.flags
        if each.applies(wish.model, wish.artifact.name, wish.hardware)
    ]


def command(recipe: Recipe, wish: Wish) -> str:
    """For a POSIX shell, a flag on each line."""
    known = values(recipe, wish)
    lines = [shlex.join(_filled(recipe.program, known))]
    lines += [shlex.join(_words(each)) for each in flags(recipe, wish)]
    lines += [shlex.quote(each) for each in _filled(recipe.last, known)]
    return " \\\n  ".join(lines)


def compose(recipe: Recipe, wish: Wish) -> str:
    """The service as a compose file; "" where the engine has no image."""
    if recipe.container is None:
        return ""
    return "\n".join(_service(recipe, wish)) + "\n"


def _service(recipe: Recipe, wish: Wish) -> Iterator[str]:
    inside, known = recipe.container, values(recipe, wish)
    assert inside
    yield "services:"
    yield f"  {recipe.name}:"
    yield f"    image: {_text(inside.image)}" + (f"  # {inside.why}" if inside.why else "")
    words = [*_filled(inside.program, known)]
    if inside.flags:
        words += [word for each in flags(recipe, wish) for word in _words(each)]
    if words:
        yield "    command:"
        yield from (f"      - {_text(word)}" for word in words)
    if inside.environment:
        yield "    environment:"
        yield from (f"      - {_text(each)}" for each in _filled(inside.environment, known))
    yield "    ports:"
    yield f"      - {_text(f'{recipe.port}:{inside.inside or recipe.port}')}"
    yield "    volumes:"
    yield f"      - {_text(f'weights:{inside.cache}')}"
    if inside.ipc:
        yield f"    ipc: {inside.ipc}"
    if inside.shm_size:
        yield f"    shm_size: {inside.shm_size}"
    yield "    restart: unless-stopped"
    yield "    deploy:"
    yield "      resources:"
    yield "        reservations:"
    yield "          devices:"
    yield "            - driver: nvidia"
    yield f"              count: {wish.gpus}"
    yield "              capabilities: [gpu]"
    yield ""
    yield "volumes:"
    yield "  weights:"


def _words(flag: Flag) -> list[str]:
    return [flag.flag, flag.value] if flag.value else [flag.flag]


def _filled(texts: tuple[str, ...], known: Mapping[str, str]) -> list[str]:
    return [Template(each).substitute(known) for each in texts]


def _text(word: str) -> str:
    """As YAML; compose would put a variable in place of a single `$`."""
    return json.dumps(word.replace("$", "$$"))
