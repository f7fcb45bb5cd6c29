"""Whether a server is what its declaration promises: model, context, token counts."""

from collections.abc import Sequence

import orjson

from backends.check.advice import advice
from backends.check.probe import Ask, Heard, Probe, Said, Subject, doubtful, failed, passed, question, skipped
from backends.check.tools import WEATHER
from backends.inquiry import within
from backends.model import agree, family
from backends.parity import mismatches
from backends.tokens import is_mistral, prompt_tokens

PLAIN = "What is the capital of France?"
COUNTED = (question(PLAIN), question(f"{PLAIN} " * 20, tools=(WEATHER,)))
LARGEST = 500_000  # tokens of context: beyond it, a prompt would be several megabytes
UNCLEAR = ("midstream", "truncated", "timeout", "malformed", "not_a_stream")
NEAR = 40  # tokens that chat templates and other versions of a vocabulary may make
DRAFTED, ACCEPTED, PER_STEP = "tokens drafted", "drafts accepted %", "tokens per step"


def _model_asks(subject: Subject) -> Sequence[Ask]:
    return [(subject.lane(max_tokens=1), question("Hi"))]


def _model(subject: Subject, heard: Sequence[Heard]) -> Said:
    wanted, reported, listed = subject.backend.model, heard[0].answer.model, subject.status.server.models
    if not wanted:
        said = f"no model is declared, {reported or subject.model or 'an unnamed one'} answers"
        return doubtful(
            f"It can't be told whether it is the right one: {said}.", "Name it as `model` in backends.toml."
        )
    fix = "Correct `model` in backends.toml, or serve it under that name."
    if reported and not agree(wanted, reported):
        return failed(f"{wanted} was asked for, and {reported[:200]} says that it answered.", fix)
    if listed and not subject.told and not any(agree(wanted, each.id) for each in listed):
        names = ", ".join(each.id for each in listed[:5])
        return failed(f"The server does not list {wanted}, but {names[:300]}.", fix)
    if not reported and not subject.told:
        return doubtful(f"Neither its list of models nor its answers name {wanted}.")
    return passed(f"{reported or wanted} is listed and answers." if subject.told else f"{reported} answers.")


def _context_asks(subject: Subject) -> Sequence[Ask] | Said:
    told = subject.told
    if told is None or told.context is None:
        return skipped("The server does not tell its context size.")
    return []


def _context(subject: Subject, heard: Sequence[Heard]) -> Said:
    promised, told = subject.backend.context, subject.told
    size = told.context if told and told.context else 0
    if promised and size < promised:
        words = f"{promised:,} tokens are promised in backends.toml, and the server takes {size:,}."
        return failed(words, advice("context", subject.kind))
    return passed(f"It takes {size:,} tokens{f', and {promised:,} are promised' if promised else ''}.")


def _overlong_asks(subject: Subject) -> Sequence[Ask] | Said:
    size = (subject.told.context if subject.told else None) or subject.backend.context
    if not size:
        return skipped("The size of its context is not known.")
    if size > LARGEST:
        return skipped(f"A prompt beyond {size:,} tokens would be too large to send.")
    # a token a word, or hardly less
    return [(subject.lane(max_tokens=1), question("house " * (size + size // 4 + 100)))]


def _overlong(subject: Subject, heard: Sequence[Heard]) -> Said:
    failure = heard[0].answer.failure
    if failure and failure.kind == "context_overflow":
        return passed("It refuses a prompt beyond its context, and says why.")
    if failure and failure.kind in UNCLEAR:
        return failed(f"A prompt beyond its context ends without a clear word. {failure.message}")
    if failure:
        return doubtful(f"It refuses a prompt beyond its context, but not clearly. {failure.message}")
    count = heard[0].answer.usage.prompt
    words = f"A prompt beyond its context is taken, as if it had {count} tokens" if count else "Such a prompt is taken"
    return failed(f"{words}: a part of it is lost without a word.", advice("overlong", subject.kind))


def _usage_asks(subject: Subject) -> Sequence[Ask]:
    return [(subject.lane(), question(PLAIN))]


def _usage(subject: Subject, heard: Sequence[Heard]) -> Said:
    usage = heard[0].answer.usage
    missing = [name for name in ("prompt", "completion") if not getattr(usage, name)]
    if missing:
        words = f"The server does not count the tokens of the {' and the '.join(missing)}."
        return failed(words, "Speed and cost can't be told. See whether a gateway drops `stream_options`.")
    return passed(f"It counts {usage.prompt} tokens of the prompt and {usage.completion} of the answer.")


def _tokens_asks(subject: Subject) -> Sequence[Ask] | Said:
    if not is_mistral(subject.model):
        return skipped("Only the tokens of Mistral's models can be counted here.")
    return [(subject.lane(max_tokens=1), prompt) for prompt in COUNTED]


def _tokens(subject: Subject, heard: Sequence[Heard]) -> Said:
    for each in heard:
        told, counted = each.answer.usage.prompt, prompt_tokens(each.prompt, subject.model)
        if told is None:
            return skipped("The server does not count the tokens of a prompt.")
        if abs(told - counted) > max(NEAR, counted // 4):
            words = f"It counts {told} tokens for a prompt in which mistral-common counts about {counted}."
            return failed(words, advice("counts", subject.kind))
    counts = " and ".join(str(each.answer.usage.prompt) for each in heard)
    return passed(f"It counts {counts} tokens, about as many as mistral-common.")


def _parity_asks(subject: Subject) -> Sequence[Ask] | Said:
    other = subject.reference
    if other is None or other == subject.backend:
        return skipped("No other backend was named to compare with.")
    if family(other.model) != family(subject.backend.model):
        return skipped(f"{other.name} serves another model.")
    return [(subject.lane(max_tokens=1, backend=each), p) for p in COUNTED for each in (subject.backend, other)]


def _parity(subject: Subject, heard: Sequence[Heard]) -> Said:
    for pair in zip(heard[::2], heard[1::2], strict=True):
        for one, whose in zip(pair, ("", "The reference fails: "), strict=True):
            if failure := one.answer.failure:
                return (skipped if whose else failed)(whose + failure.message)
        if any(each.answer.usage.prompt is None for each in pair):
            return skipped("One of the two does not count the tokens of a prompt.")
        found = mismatches([(each.lane, each.prompt) for each in pair], [each.answer for each in pair])
        if 0 in found:
            return failed(found[0].detail, advice("counts", subject.kind))
    counts = " and ".join(str(each.answer.usage.prompt) for each in heard[::2])
    return passed(f"It counts {counts} tokens, as {pair[1].lane.backend.name} does.")


def _drafts_asks(subject: Subject) -> Sequence[Ask] | Said:
    if "eagle" not in subject.backend.artifact.lower():
        return skipped("Its artifact names no eagle head.")
    return [(subject.lane(max_tokens=100), question("Count from 1 to 40, with commas."))]


def _drafts(subject: Subject, heard: Sequence[Heard]) -> Said:
    before, after = (status.server.load for status in (subject.status, subject.after))
    fix = advice("speculation", subject.kind)
    counted = after.get(DRAFTED, 0) > before.get(DRAFTED, 0)
    # SGLang tells no counters, but how it fares
    fares = DRAFTED not in after and (after.get(ACCEPTED, 0) > 0 or after.get(PER_STEP, 0) > 1)
    if counted or fares or _drafted(heard[0].answer.rounds[-1].measured):
        told = f": {after[ACCEPTED]:.0f} % of its drafts are accepted" if ACCEPTED in after else ""
        return passed(f"It decodes speculatively{told}.")
    if not after:
        return doubtful("It tells no metrics, so nobody knows whether the eagle head is in use.", fix)
    return failed("Nothing was drafted while it answered: the eagle head is not in use.", fix)


def _drafted(measured: str) -> bool:
    """Whether the server's own figures of one answer tell of drafts: llama.cpp's, vLLM's."""
    found = orjson.loads(measured or "{}")
    return bool(within(found, "draft_n") or within(found, "speculative_decoding", "mean_acceptance_length"))


PROBES = (
    Probe("model", "the model that was asked for", _model_asks, _model),
    Probe("context", "context size as promised", _context_asks, _context),
    Probe("overlong", "overlong prompt refused clearly", _overlong_asks, _overlong, takes_failures=True),
    Probe("usage", "token counts told", _usage_asks, _usage),
    Probe("tokens", "prompt counted as mistral-common does", _tokens_asks, _tokens),
    Probe("parity", "prompt counted as the reference does", _parity_asks, _parity, takes_failures=True),
    Probe("drafts", "speculative decoding really on", _drafts_asks, _drafts, alone=True, looks_again=True),
)
