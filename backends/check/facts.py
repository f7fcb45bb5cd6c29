"""Whether a server is what its declaration promises: model, context, token counts."""

from collections.abc import Sequence

from backends.check.advice import advice
from backends.check.probe import Ask, Heard, Probe, Said, Subject, doubtful, failed, passed, question, skipped
from backends.model import agree


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


PROBES = (
    Probe("model", "the model that was asked for", _model_asks, _model),
    Probe("context", "context size as promised", _context_asks, _context),
)
