"""Whether reasoning comes when it is asked for, apart from the answer, and may go back with the history."""

from collections.abc import Sequence
from dataclasses import replace

from backends.check.advice import advice
from backends.check.probe import (
    SMALL,
    SYSTEM,
    THOUGHT,
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
from backends.check.tools import CALL_MARKS, PARIS, WEATHER
from backends.flags import MARKERS
from backends.kind import without_reasoning
from backends.prompt import AssistantTurn, Prompt, UserTurn

SUM = "How much is 17 + 25?"
HISTORY = Prompt(
    SYSTEM,
    (
        UserTurn(SUM),
        AssistantTurn(
            "It is 42.", "Seventeen and twenty are thirty-seven. Five more are forty-two, so the answer is 42."
        ),
        UserTurn("And 42 + 1?"),
    ),
)
UNDECLARED = 'If this model does not reason, write efforts = ["none"] under it in backends.toml.'


def _none_asks(subject: Subject) -> Sequence[Ask] | Said:
    return _at(subject, "none", SMALL)


def _high_asks(subject: Subject) -> Sequence[Ask] | Said:
    return _at(subject, "high", THOUGHT)


def _at(subject: Subject, effort: str, max_tokens: int) -> Sequence[Ask] | Said:
    if effort not in subject.efforts:
        return skipped(f"It has no effort {effort}.")
    return [(subject.lane(effort, max_tokens), question(SUM))]


def _none(subject: Subject, heard: Sequence[Heard]) -> Said:
    answer = heard[0].answer
    if answer.failure and answer.failure.kind == "bad_effort" and not subject.promises_efforts:
        return skipped(f"It has no efforts. {answer.failure.message}")
    if answer.failure:
        return failed(answer.failure.message)
    if answer.reasoning.strip() or answer.usage.reasoning:
        words = "Effort none was asked for, and it reasoned."
        return failed(words, "The server ignores the effort: check its version and its chat template.")
    return passed("Without effort, it answers at once.")


def _high(subject: Subject, heard: Sequence[Heard]) -> Said:
    answer = heard[0].answer
    if answer.failure and answer.failure.kind == "bad_effort" and not subject.promises_efforts:
        return skipped(f"It has no efforts. {answer.failure.message}")
    if answer.failure:
        return failed(answer.failure.message)
    if answer.reasoning.strip():
        return passed(f"It reasoned, in {len(answer.reasoning)} characters apart from the answer.")
    fix = advice("reasoning", subject.kind)
    if answer.usage.reasoning:
        return failed(f"It reasoned in {answer.usage.reasoning} tokens, and none of it came.", fix)
    if MARKERS.search(answer.text):
        return failed("It reasoned, but inside the answer: the reasoning was not told apart.", fix)
    if subject.promises_efforts:
        return failed("Effort high was asked for, and no reasoning came.", f"{fix} {UNDECLARED}")
    return doubtful("Effort high was asked for, and no reasoning came.", f"{fix} {UNDECLARED}")


def _markers_asks(subject: Subject) -> Sequence[Ask]:
    loud = "high" if "high" in subject.efforts else subject.quiet
    weather = question(PARIS, tools=(WEATHER,))
    efforts = dict.fromkeys((subject.quiet, loud))
    plain = [(subject.lane(effort, THOUGHT if effort == "high" else SMALL), question(SUM)) for effort in efforts]
    return [*plain, *((subject.lane(effort, THOUGHT), weather) for effort in efforts)]


def _markers(subject: Subject, heard: Sequence[Heard]) -> Said:
    for each in heard:
        for where, text in (("answer", each.answer.text), ("reasoning", each.answer.reasoning)):
            # of the whole text: a marker may be cut in two by the border of two pieces
            marks = MARKERS.findall(text) or (CALL_MARKS.findall(text) if each.prompt.tools else [])
            if marks:
                topic = "reasoning" if "think" in marks[0].lower() else "tools"
                found = " and ".join(list(dict.fromkeys(marks))[:2])
                words = f"Inside the {where} (effort {each.lane.effort or 'unset'}) there is {found}."
                return failed(words, advice(topic, subject.kind))
    return passed("No marker stands in an answer.")


def _history_asks(subject: Subject) -> Sequence[Ask] | Said:
    if subject.kind.dialect.replay is without_reasoning:
        return skipped(f"Earlier reasoning is not sent to {subject.kind.title}.")
    lane = subject.lane("high" if "high" in subject.efforts else None, max_tokens=1)
    return [(replace(lane, replays=replays), HISTORY) for replays in (True, False)]


def _history(subject: Subject, heard: Sequence[Heard]) -> Said:
    with_it, without = (each.answer for each in heard)
    if without.failure:
        return failed(f"It refuses a history, even without reasoning. {without.failure.message}")
    if with_it.failure:
        words = f"It refuses a history with reasoning. {with_it.failure.message}"
        return failed(words, "Check `kind` in backends.toml, or switch the lane's earlier reasoning off.")
    more, less = with_it.usage.prompt, without.usage.prompt
    if more is None or less is None:
        return passed("A history with reasoning is accepted.")
    if more <= less:
        words = "A history with reasoning is accepted, but takes no more tokens: the reasoning is dropped."
        return doubtful(words, "Some chat templates mean to. Mistral's own tokenizer passes it on.")
    return passed(f"A history with reasoning is accepted: it takes {more - less} tokens more.")


PROBES = (
    Probe("effort-none", "effort none gives no reasoning", _none_asks, _none, takes_failures=True),
    Probe("effort-high", "effort high gives reasoning", _high_asks, _high, takes_failures=True),
    Probe("markers", "no markers in answers", _markers_asks, _markers),
    Probe("history", "history with reasoning accepted", _history_asks, _history, takes_failures=True),
)
