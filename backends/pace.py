"""How fast an answer came and what it cost: the one way in which these are reckoned. Times are microseconds."""

from collections.abc import Iterable

from backends.answer import Answer
from backends.lane import Lane

SHORTEST = 0.1  # seconds: what came in one burst has no speed


def first_token(answer: Answer) -> int | None:
    """TTFT: from sending the request to the first token of any kind."""
    times = answer.times
    return None if times.first is None or times.sent is None else times.first - times.sent


def total(answer: Answer) -> int | None:
    """From sending the request to the end."""
    times = answer.times
    return None if times.end is None or times.sent is None else times.end - times.sent


def span(answer: Answer) -> int | None:
    """From the first piece to the last; None where it is no measure of speed."""
    times = answer.times
    # between two rounds nothing was generated: the time of both is no measure of speed
    if times.first is None or times.last is None or len(answer.rounds) > 1:
        return None
    return times.last - times.first


def speed(answer: Answer) -> float | None:
    """Tokens a second after the first; None where it can't be told exactly."""
    took, tokens = span(answer), answer.usage.completion
    return (tokens - 1) / took * 1e6 if took and took >= SHORTEST * 1e6 and tokens else None


def between_tokens(answer: Answer) -> tuple[float | None, bool]:
    """Inter-token latency: the mean time from a token of this answer to the next, thinking included, as GenAI-Perf has
    it (vLLM's benchmark calls it TPOT); None where all came at once. And whether it is exact, which it is where the
    server counted its tokens, and not the pieces of the stream."""
    took, tokens = span(answer), answer.usage.completion
    gaps = (tokens or answer.pieces) - 1
    return (took / gaps if took and gaps >= 1 else None), tokens is not None


def cost(lane: Lane, answer: Answer) -> float | None:
    """US dollars by the declared prices; None while tokens or prices are unknown."""
    prompt, completion = answer.usage.prompt, answer.usage.completion
    return None if prompt is None or completion is None else priced(lane, prompt, completion)


def priced(lane: Lane, prompt: int, completion: int) -> float | None:
    """The same of so many tokens; None where prices are unknown."""
    into, out = lane.prices
    return None if into is None or out is None else (prompt * into + completion * out) / 1e6


def together(costs: Iterable[float | None]) -> float | None:
    """Their sum; None where one of them is unknown."""
    paid = [*costs]
    known = [cost for cost in paid if cost is not None]
    return sum(known) if len(known) == len(paid) else None
