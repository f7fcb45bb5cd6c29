"""How answers arrive and end: streamed or whole, repeatable, stopped where they should be."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from backends.answer import Answer
from backends.check.probe import (
    SEED,
    Ask,
    Heard,
    Probe,
    Said,
    Subject,
    doubtful,
    failed,
    passed,
    question,
    skipped,
)
from backends.check.result import Verdict
from backends.check.tools import PARIS, WEATHER
from backends.events import ReasoningDelta, TextDelta, ToolCallDelta
from backends.flags import CUT

COUNT = "Count from 1 to 30, with commas."
STOP = "5"
FAR = "Count from 1 to 300, with commas."
INVENT = "Invent a story about a lighthouse, in one sentence."
FEWEST = 8  # tokens from which an answer should come in several pieces
FASTEST = 5_000  # tokens a second, beyond any model: so many at once were kept back
WAITED = 0.3  # seconds from which on a burst is told from speed
LIMIT = 12


def _streaming_asks(subject: Subject) -> Sequence[Ask]:
    return 2 * [(subject.lane(max_tokens=80), question(COUNT))]


def _streaming(subject: Subject, heard: Sequence[Heard]) -> Said:
    """The better one of two: where this machine was at other work, it may have read one in a burst."""
    one, other = map(_streamed, heard)
    return other if one.verdict is Verdict.FAILED else one


def _streamed(heard: Heard) -> Said:
    deltas = TextDelta | ReasoningDelta | ToolCallDelta
    came = [stamped.at / 1e6 for stamped in heard.recording if isinstance(stamped.event, deltas)]
    answer, advice = heard.answer, "Look for a proxy that buffers: it must pass event streams on at once."
    tokens = max(answer.usage.completion or 0, len(came))
    if not came or tokens < FEWEST:
        return doubtful("The answer was too short to tell.")
    if len(came) < 3:
        return failed(f"{tokens} tokens came in {len(came)} pieces: it does not really stream.", advice)
    spread, waited = came[-1] - came[0], came[-1] - (answer.times.sent or 0) / 1e6
    if waited > WAITED and tokens > FASTEST * spread:
        words = f"{len(came)} pieces came within {spread * 1000:.0f} ms, after {waited - spread:.1f} s of silence"
        return failed(f"{words}: the answer was kept back and sent in one burst.", advice)
    return passed(f"{len(came)} pieces came over {spread:.2f} s.")


def _whole_asks(subject: Subject) -> Sequence[Ask]:
    lane = subject.lane(max_tokens=60)
    prompts = question(COUNT), question(PARIS, tools=(WEATHER,))
    return [(replace(lane, streams=streams), prompt) for prompt in prompts for streams in (True, False)]


def _whole(subject: Subject, heard: Sequence[Heard]) -> Said:
    for streamed, whole in zip(heard[::2], heard[1::2], strict=True):
        one, other = streamed.answer, whole.answer
        if failure := one.failure or other.failure:
            how = "Streamed" if one.failure else "In one piece"
            return failed(f"{how}, it fails. {failure.message}")
        for what, shape in _SHAPES.items():
            if shape(one) != shape(other):
                words = f"Streamed and in one piece, {what} differ: {shape(one)!r:.200} and {shape(other)!r:.200}."
                return failed(words, "The server's parsers for streams and for whole answers differ: try a newer one.")
        if one.text.strip() != other.text.strip():
            words = f"Streamed and in one piece, the texts differ: {one.text[:100]!r} and {other.text[:100]!r}."
            return doubtful(words, "If `repeatable` passes, the server handles the two ways differently.")
    return passed("Streamed and in one piece, the answers are the same.")


_SHAPES: dict[str, Callable[[Answer], object]] = {
    "tool calls": lambda answer: [(call.name, call.arguments.replace(" ", "")) for call in answer.calls],
    "reasoning": lambda answer: bool(answer.reasoning),
    "prompt tokens": lambda answer: answer.usage.prompt,
    "text there or not": lambda answer: bool(answer.text.strip()),
}


def _repeatable_asks(subject: Subject) -> Sequence[Ask]:
    exact = subject.lane()
    ask, random = (exact, question(COUNT)), (replace(exact, temperature=1.0), question(INVENT))
    seeded = _takes(subject, "seed") or _takes(subject, "random_seed")
    return [ask, ask, *([random, random] if seeded else [])]


def _repeatable(subject: Subject, heard: Sequence[Heard]) -> Said:
    first, second, *seeded = (each.answer for each in heard)
    odd = [] if _same(first, second) else ["temperature 0"]
    odd += ["a seed at temperature 1"] if seeded and not _same(*seeded) else []
    if not odd:
        return passed(f"Asked twice at temperature 0{f', and with seed {SEED},' if seeded else ''} it says the same.")
    return doubtful(
        f"Asked twice with {' and with '.join(odd)}, it says different things.",
        "Servers that answer several requests at once may do so; compare several samples, not one.",
    )


def _stop_asks(subject: Subject) -> Sequence[Ask] | Said:
    if not _takes(subject, "stop"):
        return skipped(f"{subject.kind.title} is sent no stop texts.")
    lane = subject.lane()
    return [(lane, question(COUNT)), (replace(lane, stop=(STOP,)), question(COUNT))]


def _stop(subject: Subject, heard: Sequence[Heard]) -> Said:
    free, stopped = (each.answer for each in heard)
    if STOP in stopped.text:
        return failed("It went on after the text at which it should stop.", "Try a newer version of the server.")
    if STOP not in free.text:
        return doubtful("Its answer did not contain the text at which it should stop.")
    if stopped.finish_reason.lower() in CUT or not free.text.strip().startswith(stopped.text.strip()):
        reason = stopped.finish_reason
        return doubtful(f"It stopped, but otherwise than it should: after {stopped.text[:60]!r}, saying {reason!r}.")
    return passed(f"It stopped after {stopped.text.strip()[:60]!r}.")


def _limit_asks(subject: Subject) -> Sequence[Ask]:
    return [(subject.lane(max_tokens=LIMIT), question(FAR))]


def _limit(subject: Subject, heard: Sequence[Heard]) -> Said:
    answer = heard[0].answer
    count, reason = answer.usage.completion, answer.finish_reason
    longer = count > LIMIT + 1 if count is not None else len(answer.text) > 8 * LIMIT
    if longer:
        said = f"{count} tokens" if count is not None else f"{len(answer.text)} characters"
        return failed(f"At most {LIMIT} tokens were asked for, and {said} came.", "Try a newer version of the server.")
    if reason.lower() in CUT:
        return passed(f"It stopped after {LIMIT} tokens, and says so ({reason}).")
    if (count or 0) >= LIMIT:
        words = f"It stopped after {count} tokens, but gives the finish reason {reason!r}, as if it were done."
        return failed(words, "Try a newer version of the server: cut answers look whole.")
    return doubtful("It was done before the limit was reached.")


def _takes(subject: Subject, key: str) -> bool:
    return key in subject.kind.dialect.keys - set(subject.backend.omit)


def _same(one: Answer, other: Answer) -> bool:
    return (one.reasoning, one.text, one.finish_reason) == (other.reasoning, other.text, other.finish_reason)


PROBES = (
    Probe("streaming", "streaming really streams", _streaming_asks, _streaming, alone=True),
    Probe("repeatable", "seed and temperature 0 repeatable", _repeatable_asks, _repeatable, alone=True),
    Probe("whole", "stream and non-stream agree", _whole_asks, _whole, takes_failures=True, alone=True),
    Probe("stop", "stop texts honoured", _stop_asks, _stop),
    Probe("max-tokens", "max tokens honoured", _limit_asks, _limit),
)
