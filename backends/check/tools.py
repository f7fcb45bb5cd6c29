"""Whether tools are called as they should be, and their results taken."""

import re
from collections.abc import Sequence

from backends.answer import Answer
from backends.arguments import problem
from backends.check.advice import advice
from backends.check.probe import (
    SYSTEM,
    THOUGHT,
    Ask,
    Asks,
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
from backends.decoder import is_ours
from backends.flags import CUT
from backends.prompt import AssistantTurn, Prompt, Tool, ToolCall, ToolTurn, UserTurn

MOST = 80  # tokens of an answer with calls


def _of_a_city(name: str, description: str) -> Tool:
    city = {"type": "string", "description": "The city's name"}
    return Tool(name, description, {"type": "object", "properties": {"city": city}, "required": ["city"]})


WEATHER = _of_a_city("get_weather", "Get the current weather in a city.")
TIME = _of_a_city("get_time", "Get the current time in a city.")
PARIS = "What is the weather in Paris?"
BOTH = "What is the weather in Paris, and what is it in Rome? Call the tool once for each city."
ECHO = "Repeat exactly, and call no tool: first [one], then [two]."
RESULT = "Sunny, 21 degrees."
CALL_MARKS = re.compile(r"</?tool_call>|\[TOOL_CALLS\]|\w\[ARGS\]\s*\{|\"name\":\s*\"get_weather\"")
_CALL = ToolCall("k3Jd9QpZa", "get_weather", '{"city": "Paris"}')
CALLED = Prompt(
    SYSTEM,
    (UserTurn(PARIS), AssistantTurn("", calls=(_CALL,)), ToolTurn(_CALL.id, _CALL.name, RESULT)),
    (WEATHER,),
)


def _one(text: str = PARIS, tools: tuple[Tool, ...] = (WEATHER,), choice: str = "") -> Asks:
    return lambda subject: [(subject.lane(max_tokens=MOST), question(text, tools=tools, choice=choice))]


def _chosen(choice: str, *tools: Tool) -> Asks:
    """Asks with this tool choice, where the server can be told it."""
    kind_of_choice = choice if choice in ("none", "required") else "named"

    def asks(subject: Subject) -> Sequence[Ask] | Said:
        if kind_of_choice not in subject.kind.dialect.tool_choices or "tool_choice" in subject.backend.omit:
            return skipped(f"This kind of server does not honour the tool choice {kind_of_choice}, so it is not told.")
        return _one("Good morning!" if choice == "required" else PARIS, tools, choice)(subject)

    return asks


def _call(subject: Subject, heard: Sequence[Heard]) -> Said:
    answer = heard[0].answer
    return _missing(subject, answer) or _wrong(subject, answer) or passed(f"It called {_told(answer)}.")


def _missing(subject: Subject, answer: Answer, *, forced: bool = False) -> Said | None:
    """Why there is no call, where there is none."""
    if answer.calls:
        return None
    fix, said = advice("tools", subject.kind), f"it said {answer.text[:100]!r}"
    if CALL_MARKS.search(answer.text):
        return failed(f"The call came as text: {said}.", fix)
    if subject.told and subject.told.tools is False:
        return failed("The tools were passed over: the server's chat template knows none.", fix)
    if answer.finish_reason.lower() in CUT:
        return doubtful("It was cut at the limit before it called a tool.")
    if answer.finish_reason == "tool_calls":
        return failed("It ended because of a tool call, and none came: it was lost on the way.", fix)
    if forced:
        return failed(f"It should have called a tool, and {said}.", fix)
    return doubtful(
        f"It called no tool; {said}.", f"A small model may not think of it. If others of its size do: {fix}"
    )


def _wrong(subject: Subject, answer: Answer, tools: tuple[Tool, ...] = (WEATHER,)) -> Said | None:
    """What is wrong with the calls themselves."""
    if answer.finish_reason.lower() in CUT:
        return doubtful(f"It was cut at the limit while it called {_told(answer)}.")
    for call in answer.calls:
        if wrong := problem(call, tools):
            return failed(f"{call.name} {call.arguments[:200]}: {wrong}.", advice("tools", subject.kind))
    return None


def _told(answer: Answer) -> str:
    return ", ".join(f"{call.name} {call.arguments[:100]}" for call in answer.calls)


def _ids(subject: Subject, heard: Sequence[Heard]) -> Said:
    calls = [call for each in heard for call in each.answer.calls]
    if not calls:
        return doubtful("It called no tool, so there are no ids to look at.")
    fix = "Its results can't be told apart by other clients: try a newer version of the server."
    if any(is_ours(call.id) for call in calls):
        return failed("A call came without an id.", fix)
    for each in heard:
        ids = [call.id for call in each.answer.calls]
        if len(set(ids)) < len(ids):
            return failed(f"{len(ids)} calls have the ids {', '.join(ids)}.", fix)
    if any(len(call.id) > 64 or not call.id.isprintable() or " " in call.id for call in calls):
        return failed(f"An id is odd: {calls[0].id[:80]!r}.", fix)
    return passed(f"Each call has its id: {', '.join(call.id for call in calls)}.")


def _required(subject: Subject, heard: Sequence[Heard]) -> Said:
    answer = heard[0].answer
    if found := _missing(subject, answer, forced=True) or _wrong(subject, answer):
        return found
    return passed(f"It had to call a tool, and called {_told(answer)}.")


def _named(subject: Subject, heard: Sequence[Heard]) -> Said:
    answer = heard[0].answer
    if found := _missing(subject, answer, forced=True):
        return found
    if others := [call.name for call in answer.calls if call.name != TIME.name]:
        return failed(f"{TIME.name} was named, and it called {', '.join(others)[:200]}.", advice("tools", subject.kind))
    if found := _wrong(subject, answer, (TIME,)):
        return found
    if answer.finish_reason == "stop":
        words = f"It called {TIME.name}, but ends with the finish reason `stop`."
        return doubtful(words, "Clients must go by the calls, as Lanewise does, not by the reason (vllm#44596).")
    return passed(f"It was to call {TIME.name}, and did.")


def _none(subject: Subject, heard: Sequence[Heard]) -> Said:
    answer = heard[0].answer
    if answer.calls:
        return failed(f"It was told to call no tool, and called {_told(answer)}.", "Give such prompts no tools.")
    return passed("It was told to call no tool, and called none.")


def _parallel(subject: Subject, heard: Sequence[Heard]) -> Said:
    answer = heard[0].answer
    if found := _missing(subject, answer) or _wrong(subject, answer):
        return found
    if len(answer.calls) == 1:
        return doubtful(f"Two calls were asked for, and one came: {_told(answer)}.", "Models may call one by one.")
    if len({call.arguments.replace(" ", "") for call in answer.calls}) < 2:
        return doubtful(f"Its calls are all the same: {_told(answer)}.")
    return passed(f"{len(answer.calls)} calls came in one answer: {_told(answer)}.")


def _result_asks(subject: Subject) -> Sequence[Ask]:
    efforts = [subject.quiet, *(["high"] if "high" in subject.efforts else [])]
    return [(subject.lane(effort, THOUGHT if effort == "high" else MOST), CALLED) for effort in dict.fromkeys(efforts)]


def _result(subject: Subject, heard: Sequence[Heard]) -> Said:
    for each in heard:
        answer, effort = each.answer, each.lane.effort or "unset"
        if answer.failure:
            words = f"It refuses the result of a tool (effort {effort}). {answer.failure.message}"
            return failed(words, advice("tools", subject.kind))
        if answer.finish_reason.lower() in CUT and not answer.text:
            return doubtful(f"It was cut at the limit before it answered (effort {effort}).")
        if answer.reasoning and not answer.text and not answer.calls:
            words = f"After the result of a tool, the answer stands inside the reasoning (effort {effort})."
            return failed(words, advice("reasoning", subject.kind))
    first = heard[0].answer
    if "21" not in first.text:
        return doubtful(
            f"It took the result, but does not tell it: {first.text[:100]!r}.", "A small model may not do it."
        )
    return passed(f"It took the result of a tool: {first.text[:100]!r}.")


def _brackets(subject: Subject, heard: Sequence[Heard]) -> Said:
    text = heard[0].answer.text
    if "]" in text:
        return passed("Brackets arrive whole while tools are given.")
    if "[" in text:
        words = f"Each ] is missing while tools are given: {text[:100]!r}."
        return failed(
            words, "SGLang's parser for Mistral's calls drops them while it streams (sglang#34898): use vLLM."
        )
    return doubtful(f"It did not repeat the brackets: {text[:100]!r}.", "A small model may not do it.")


PROBES = (
    Probe("tool-call", "tool call parsed, arguments valid", _one(), _call),
    Probe("tool-parallel", "several tool calls in one answer", _one(BOTH), _parallel),
    Probe("tool-ids", "ids of tool calls there and distinct", _one(BOTH), _ids),
    Probe("tool-required", "tool choice required honoured", _chosen("required", WEATHER), _required),
    Probe("tool-named", "named tool honoured", _chosen(TIME.name, WEATHER, TIME), _named),
    Probe("tool-none", "tool choice none honoured", _chosen("none", WEATHER), _none),
    Probe("tool-result", "result of a tool taken", _result_asks, _result, takes_failures=True),
    Probe("brackets", "closing brackets kept beside tools", _one(ECHO), _brackets),
)
