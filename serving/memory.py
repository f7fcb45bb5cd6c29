"""Does it fit? Weights and cache against the memory of the GPUs, with every step of the sum."""

from dataclasses import dataclass
from enum import StrEnum

from serving.command import Wish, tensor_parallel
from serving.recipe import Recipe

TIGHT = 0.9  # of what the engine may take: beyond, little is left for its own work, whose size nobody publishes


class Verdict(StrEnum):
    FITS = "fits"
    TIGHT = "tight"
    TOO_MUCH = "does not fit"


@dataclass(frozen=True, slots=True)
class Line:
    """One step: what it is, how it is reckoned, what comes out, and where its figures are from."""

    name: str
    sum: str
    result: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """All in bytes, of one GPU. `room` is how many requests of the whole context there is memory for."""

    verdict: Verdict
    says: str
    budget: float
    weights: float
    cache: float
    room: int
    lines: tuple[Line, ...]


def token_bytes(wish: Wish) -> int:
    """What one token leaves in the cache."""
    shape = wish.model.cache
    return (shape.layers + wish.artifact.draft_layers) * sum(shape.values) * shape.bytes


def fit(recipe: Recipe, wish: Wish) -> Fit:
    # weights and cache of an engine that splits layer by layer lie on all GPUs
    spread = tensor_parallel(wish.gpus) if recipe.cache == "copied" else wish.gpus
    stored = recipe.weights.get(wish.artifact.name, wish.artifact.weights)
    budget = wish.hardware.memory * recipe.memory
    weights = stored / spread
    one = wish.context * token_bytes(wish) / (1 if recipe.cache == "copied" else spread)
    cache = one * wish.requests
    room = max(0, int((budget - weights) // one))
    needed = weights + cache
    verdict = Verdict.FITS if needed <= TIGHT * budget else Verdict.TIGHT if needed <= budget else Verdict.TOO_MUCH
    lines = _lines(recipe, wish, spread, stored, budget, weights, cache)
    return Fit(verdict, _says(verdict, wish, budget, weights, room), budget, weights, cache, room, lines)


def _lines(
    recipe: Recipe, wish: Wish, spread: int, stored: int, budget: float, weights: float, cache: float
) -> tuple[Line, ...]:
    shape, hardware, draft = wish.model.cache, wish.hardware, wish.artifact.draft_layers
    values = " + ".join(f"{count} {name}" for count, name in zip(shape.values, shape.value_names, strict=True))
    layers = f"({shape.layers} + {draft}) layers" if draft else f"{shape.layers} layers"
    tokens = f"{wish.requests:,} × {wish.context:,} tokens × {token_bytes(wish):,} bytes"
    whole = recipe.cache == "copied"
    where = "whole on every GPU: a latent can't be split by heads" if whole else "spread with the layers"
    kept = recipe.weights.get(wish.artifact.name)
    source = f"{recipe.title} unpacks them to BF16" if kept else wish.artifact.source
    return (
        Line("One GPU, as far as the engine takes it", f"{size(hardware.memory)} × {recipe.memory:g}", size(budget),
             f"{hardware.source}; {recipe.memory:g} is the recipe's"),
        Line("Weights", f"{size(stored)} / {gpus(spread)}", size(weights), source),
        Line("One token in the cache", f"{layers} × ({values}) × {shape.bytes} bytes", f"{token_bytes(wish):,} bytes",
             shape.source),
        Line("Cache of the requests", tokens if whole else f"{tokens} / {gpus(spread)}", size(cache),
             f"context: {wish.model.context_source}; {where}" if wish.context == wish.model.context else where),
        Line("Together", f"{size(weights)} + {size(cache)}", f"{size(weights + cache)} of {size(budget)}"),
    )  # fmt: skip


def _says(verdict: Verdict, wish: Wish, budget: float, weights: float, room: int) -> str:
    whole = f"requests of {wish.context:,} tokens at once"
    if weights >= budget:
        return "The weights alone are more than the engine may take: choose more GPUs, or a smaller artifact."
    if room == 0:
        return "Not one request of this context has room: choose less context or more GPUs. The server won't start so."
    if verdict is Verdict.TOO_MUCH:
        return f"There is room for {room:,} {whole}: the others wait, or are shorter."
    if verdict is Verdict.TIGHT:
        return f"Room for {room:,} {whole}, and little left for the engine's own work: it may fail at the start."
    return f"Room for {room:,} {whole}."


def size(count: float) -> str:
    """In GB of a thousand million bytes, as makers state memory."""
    return f"{count / 1e9:,.1f} GB"


def gpus(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"
