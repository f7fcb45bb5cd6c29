"""A lane's figures in words: those taken here, and apart from them the server's own; neither stands for the other."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from backends.answer import Answer, Times
from backends.events import Usage, Warmed
from backends.lane import Lane
from backends.pace import SHORTEST, cost, span, speed

Figure = tuple[str, str, str]  # name, value, explanation

MOST, LONGEST, DEEPEST = 24, 80, 4  # figures shown of a server; characters of a name, levels of its JSON

# What servers call their figures: a path in their JSON. "" for a name: another one says the same.
NAMES = {
    # llama.cpp
    "prompt_ms": ("prompt", "Reading what of the prompt was not in its cache"),
    "prompt_per_second": ("prompt speed", "Tokens read a second"),
    "prompt_n": ("prompt read", "Prompt tokens that it had to read"),
    "cache_n": ("cached", "Prompt tokens that it had in its cache"),
    "predicted_ms": ("answer", "Generating the answer, reasoning included"),
    "predicted_per_second": ("speed", "Tokens generated a second"),
    "predicted_n": ("generated", "Tokens generated"),
    "prompt_per_token_ms": ("", ""),
    "predicted_per_token_ms": ("", ""),
    "draft_n": ("drafted", "Tokens that the draft model proposed"),
    "draft_n_accepted": ("accepted", "Proposed tokens that the model kept"),
    # vLLM, with --enable-per-request-metrics
    "queue_time_ms": ("queued", "Waiting in the server before it began"),
    "time_to_first_token_ms": ("first token", "From when the server began, not from when we asked, to its first token"),
    "generation_time_ms": ("answer", "From the first token to the last"),
    "mean_itl_ms": ("between tokens", "The mean time between two tokens"),
    "tokens_per_second": ("speed", "All tokens over the time since it began, reading the prompt included"),
    "speculative_decoding.mean_acceptance_length": ("tokens a step", "Accepted drafts and the model's own token"),
    "speculative_decoding.draft_acceptance_rate": ("drafts kept", "Proposed tokens that the model kept"),
    "speculative_decoding.num_spec_steps": ("draft steps", "Steps of speculative decoding"),
    "speculative_decoding.num_spec_tokens": ("draft length", "Tokens that the draft model may propose a step"),
    "speculative_decoding.num_draft_tokens": ("drafted", "Tokens that the draft model proposed"),
    "speculative_decoding.num_accepted_draft_tokens": ("accepted", "Proposed tokens that the model kept"),
}


def timed_here(lane: Lane, answer: Answer) -> list[Figure]:
    """Times come from the runner's clock, counts from the server's usage."""
    times, usage = answer.times, answer.usage
    rows: list[Figure | None] = [
        _since(times, times.first_reasoning, "first thought", "From sending the request to the first reasoning token"),
        _since(times, times.first_text, "first answer", "From sending the request to the first token of the answer"),
        _speed(answer),
        _tokens(answer),
        _cached(usage),
        _count("images", usage.image, "Prompt tokens that are images, as reported by the server"),
        _rounds(answer),
        _waited(answer),
        _warmed(answer.warmed),
        _since(times, times.end or times.last, "total", "From sending the request to the end (so far)"),
        _cost(lane, answer),
    ]
    return [row for row in rows if row]


def of_the_server(measured: str) -> list[Figure]:
    """What a server measured of one request itself, from its JSON; numbers alone, known ones by better names."""
    found = _numbers(orjson.loads(measured)) if measured else iter(())
    named = ((*NAMES.get(path, (_plain(path), "As the server calls it")), path, value) for path, value in found)
    rows = ((name, _written(path, value), explanation) for name, explanation, path, value in named if name)
    return list(islice(rows, MOST))


def seconds(microseconds: float) -> str:
    value = microseconds / 1e6
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def _since(times: Times, at: int | None, name: str, explanation: str) -> Figure | None:
    if at is None or times.sent is None:
        return None
    return (name, seconds(at - times.sent), explanation)


def _speed(answer: Answer) -> Figure | None:
    if (exactly := speed(answer)) is not None:
        return ("speed", f"{exactly:.0f} tok/s", "Tokens after the first, over the time they took")
    took = span(answer)
    if took is None or took < SHORTEST * 1e6:
        return None
    about = (answer.pieces - 1) / took * 1e6
    return ("speed", f"≈ {about:.0f} tok/s", "Pieces a second: the server has not reported token counts")


def _tokens(answer: Answer) -> Figure | None:
    usage = answer.usage
    counts = [(usage.prompt, "in"), (usage.completion, "out"), (usage.reasoning, "reasoning")]
    told = [f"{count} {name}" for count, name in counts if count is not None]
    if told:
        return ("tokens", " · ".join(told), "As reported by the server")
    if not answer.pieces or answer.times.sent is None:  # what was answered elsewhere did not stream
        return None
    return ("pieces", str(answer.pieces), "Stream pieces so far, near the token count")


def _count(name: str, count: int | None, explanation: str) -> Figure | None:
    return (name, str(count), explanation) if count else None


def _cached(usage: Usage) -> Figure | None:
    explanation = "Prompt tokens that the server had in its cache: it did not read them again, so it began sooner"
    of = f" of {usage.prompt}" if usage.prompt else ""
    return ("cached", f"{usage.cached}{of} in", explanation) if usage.cached else None


def _warmed(warmed: Warmed | None) -> Figure | None:
    if warmed is None:
        return None
    if warmed.failure:
        return ("warm-up", "failed", f"A small request before this lane, seen by nobody: {warmed.failure}")
    return (
        "warm-up",
        seconds(warmed.seconds * 1e6),
        "A small request before this lane, seen by nobody; no time counts it",
    )


def _rounds(answer: Answer) -> Figure | None:
    explanation = "Requests, each after the first with the results of tool calls; times count from the first"
    return ("rounds", str(len(answer.rounds)), explanation) if len(answer.rounds) > 1 else None


def _waited(answer: Answer) -> Figure | None:
    explanation = "The server asked to wait before it was asked again; the times count from then"
    return ("waited", f"{answer.waited:g} s", explanation) if answer.waited else None


def _cost(lane: Lane, answer: Answer) -> Figure | None:
    price = cost(lane, answer)
    explanation = "${} in, ${} out per million tokens".format(*lane.prices)
    return None if price is None else ("cost", f"${price:.5f}", explanation)


def _numbers(found: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """The numbers in parsed JSON, each with the names that lead to it."""
    match found:
        case bool():
            return
        case int() | float():
            yield path, found
        case dict() if path.count(".") < DEEPEST:
            for name, inner in found.items():
                yield from _numbers(inner, f"{path}.{name}" if path else name)


def _plain(path: str) -> str:
    return path.replace(".", " · ").replace("_", " ")[:LONGEST]


def _written(path: str, value: float) -> str:
    if path.endswith("_ms"):
        return seconds(value * 1000)
    if path.endswith("_per_second"):
        return f"{value:.1f} tok/s"
    if path.endswith("_rate"):
        return f"{value:.0%}"
    return str(value) if isinstance(value, int) else f"{value:.4g}"
