"""What the fake server is asked to say, and what it says then, in no dialect yet.

A prompt asks by a directive such as `(fake tokens=400 rate=100 reasoning=50 first=200 stamp=4 fault=split)`: 50 tokens
of reasoning, then 400 of text, 100 a second (0: as fast as it goes), the first after 200 ms; every 4th token of the
text, and the last, carries its index and the microsecond at which it leaves, as `w12u1763912345678901` (0: none does).
Without one, it does what it understands of the prompt (see `wits`), within the limits that the request sets.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from io import BytesIO
from itertools import cycle, islice
from typing import Any, get_type_hints

import orjson
from PIL import Image, UnidentifiedImageError

from backends.events import ReasoningDelta, TextDelta, Usage
from backends.prompt import ToolCall
from backends.tokens import image_tokens
from tests.fake import wits
from tests.fake.recall import recalled

STAMP = re.compile(r"w(\d+)u(\d{16})")
UNSTAMPED = "0" * 16  # where the moment of leaving goes
OBEYED = ("", "burst", "hides_refusals")  # faults that leave the answer as it is
CACHED, SYSTEM = 4, 620  # tokens: of a prompt; of the system prompt that a template brings by itself

_DIRECTIVE = re.compile(rb"\(fake ([^)]*)\)")
_WORDS = ["plain ", "words ", "that ", "stand ", "in ", "for ", "an ", "answer "]
_THOUGHTS = ["First ", "I ", "think ", "about ", "it. "]
_WEATHER = ToolCall("k3Jd9QpZa", "get_weather", '{"city": "Oslo"}')

# What a text holds in place of plain words.
_TEXTS = {
    "leak": "[THINK]The question is easy.[/THINK]It is 4.",
    "split_marker": "[THINK]The question is easy.[/THINK]It is 4.",
    "leaked_tag": "<think>The question is easy.</think>It is 4.",
    "leaked_call": '[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}',
    "brackets": "See [the docs](https://example.com) and a[0] = b[1].",
    "stripped_thought": "First I think about it. 17 and 25 are 42. It is 42.",
    "named": "The edge is 4 long, as far as vLLM can tell.",
    "nothing": "",
    "separators": "One line\u2028another\u0085a third\u2029and 🙂 the last.",
}


@dataclass(frozen=True, slots=True)
class Script:
    """What a prompt asks for. `first` is in milliseconds, `rate` in tokens a second.

    `reasoning` and `calls` are by themselves as the request has it: reasoning at effort high, one call where tools are
    given; `rounds`: how often calls follow on results. `recall`: it answers from the first so many tokens of what it is
    given; `context`: it refuses more than so many, 0 for its kind's. `show` is an oddity of what is said, `fault` one
    of how it travels, which begins after `after` chunks.
    """

    tokens: int = 100
    rate: int = 100
    reasoning: int | None = None
    calls: int | None = None
    rounds: int = 1
    first: int = 0
    stamp: int = 0
    after: int = 3
    recall: int = 0
    context: int = 0
    show: str = ""
    fault: str = ""

    def __str__(self) -> str:
        said = ((field.name, getattr(self, field.name)) for field in fields(self))
        return f"(fake {' '.join(f'{name}={value}' for name, value in said if value is not None and value != '')})"


_TYPES = get_type_hints(Script)


def asked(raw: bytes) -> Script | None:
    """The newest directive of a request."""
    if not (found := _DIRECTIVE.findall(raw)):
        return None
    pairs = (pair.split("=") for pair in found[-1].decode().split())
    return Script(**{name: value if _TYPES[name] is str else int(value) for name, value in pairs})


@dataclass(frozen=True, slots=True)
class Speech:
    """A script as this request makes it: everything that is said, and nothing about how. `prompt` and `image` are
    tokens: of what was asked, and of its images alone."""

    script: Script
    reasoning: int
    calls: tuple[ToolCall, ...]
    model: str
    prompt: int
    image: int
    tools: bool = False
    progress: bool = False
    reply: str | None = None
    limit: int | None = None
    stop: str = ""
    recalled: str = ""

    @property
    def pieces(self) -> Iterator[ReasoningDelta | TextDelta]:
        return islice(self._until_stopped(), self.limit)

    def _until_stopped(self) -> Iterator[ReasoningDelta | TextDelta]:
        for piece in self._said():
            if self.stop and self.stop in piece.text:
                yield TextDelta(piece.text.partition(self.stop)[0])
                return
            yield piece

    def _said(self) -> Iterator[ReasoningDelta | TextDelta]:
        show = self.script.show
        if show in ("swallowed", "spent"):
            yield from map(ReasoningDelta, _repeated(_THOUGHTS, max(self.reasoning, self.script.tokens)))
            return
        for index, thought in enumerate(_repeated(_THOUGHTS, self.reasoning)):
            yield ReasoningDelta(thought + _broken(index))
        text = self.recalled or _TEXTS.get(show, self.reply)
        cuts = r".{1,3}" if show == "split_marker" else r"\S+\s*"
        yield from map(TextDelta, self._words() if text is None else re.findall(cuts, text, re.DOTALL))

    def _words(self) -> Iterator[str]:
        stamp, last = self.script.stamp, self.script.tokens - 1
        for index, word in enumerate(_repeated(_WORDS, self.script.tokens)):
            stamped = stamp and (index % stamp == 0 or index == last)
            yield (f"w{index}u{UNSTAMPED} " if stamped else word) + _broken(index)

    @property
    def reason(self) -> str:
        told = {"spent": "length", "cut_short": "length", "odd_finish": "abort", "lost_calls": "tool_calls"}
        told["named_stops"] = "stop"
        cut = self.limit is not None and len(list(islice(self._until_stopped(), self.limit + 1))) > self.limit
        return told.get(self.script.show, "length" if cut else "tool_calls" if self.calls else "stop")

    @property
    def usage(self) -> Usage | None:
        """Everything that a server may count; a dialect tells its part of it."""
        if self.script.show == "no_usage":
            return None
        show, said = self.script.show, [*self.pieces, *self.calls]
        seen = 0 if show == "image_ignored" else self.image
        asked = self.prompt + seen + (SYSTEM if show == "system_prompt" else 0)
        return Usage(
            asked * (2 if show == "counts_double" else 1),
            len(said),
            sum(isinstance(piece, ReasoningDelta) for piece in said),
            CACHED,
            seen,
        )


def _broken(index: int) -> str:
    return "\n\n" if index % 60 == 59 else ""


def _repeated(words: list[str], count: int) -> Iterator[str]:
    return islice(cycle(words), count)


def speech(script: Script, body: dict[str, Any], effort: str, number: int = 0, *, directed: bool = True) -> Speech:
    """What `script` says to this request, in which `effort` was asked for; `number` counts requests. Where nobody
    `directed` it, it keeps to the request."""
    script = _shown(script, body, effort)
    messages, tools, show = body["messages"], body.get("tools") or [], script.show
    replied = sum("tool_calls" in message for message in messages)
    obeys = not directed and script.fault in OBEYED
    reply, cities = (wits.reply(body, show), wits.cities(body)) if obeys else (None, [])
    wanted = script.calls if script.calls is not None else len(cities) or int(bool(tools) and not wits.no_calls(body))
    parts = [part for message in messages for part in _parts(message.get("content"))]
    question = "\n".join(part["text"] for part in parts if part.get("text"))
    text = len(question) + sum(map(_thoughts, messages)) * (show != "forgets_thoughts") + len(orjson.dumps(tools))
    if show == "doubled_system":
        text += len(messages[0]["content"])
    if show == "dropped_system":
        text -= len(messages[0]["content"])
    if show == "image_ignored" and reply in wits.CORNERS:
        reply = "There is no picture."
    if show == "unrepeatable" and reply:
        reply = f"{number} {reply}"
    if obeys and reply is None and wanted and (cities or body.get("tool_choice")):
        reply = ""  # it calls, and says nothing
    stops = body.get("stop") or [""]
    reasoning = script.reasoning if script.reasoning is not None else 20 * (effort == "high")
    return Speech(
        script,
        reasoning,
        tuple(_calls(script, tools, body.get("tool_choice"), wanted, cities)) if replied < script.rounds else (),
        "none-of-the-models" if show == "other_model" else str(body["model"]),
        text // 4,
        sum(_image_tokens(part["image_url"]) for part in parts if part.get("type") == "image_url"),
        bool(tools),
        bool(body.get("return_progress")),
        reply,
        None if directed or show == "unlimited" else body.get("max_tokens"),
        "" if directed or show == "unstopped" else stops[0],
        recalled(question, script.recall) if script.recall else "",
    )


def _shown(script: Script, body: dict[str, Any], effort: str) -> Script:
    """The script with what it shows to this request: some oddities are seen only now and then."""
    show, choice = script.show, body.get("tool_choice")
    after_result = body["messages"][-1]["role"] == "tool"
    seldom = {
        "swallowed_result": ("swallowed", after_result),
        "leaks_without_effort": ("leak", not effort),
        "stripped": ("stripped_thought", effort == "high"),
        "named_stops": ("named_stops", isinstance(choice, dict)),
        "whole_differs": ("lost_calls", not body.get("stream")),
    }
    if show not in seldom:
        return script
    then, now = seldom[show]
    return replace(script, show=then if now else "")


def _thoughts(message: dict[str, Any]) -> int:
    """The characters of the reasoning that goes back in a message, in whatever form."""
    parts = message["content"] if isinstance(message.get("content"), list) else ()
    listed = sum(len(piece["text"]) for part in parts for piece in part.get("thinking") or ())
    return listed + len(message.get("reasoning") or message.get("reasoning_content") or "")


def _parts(content: str | list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [{"text": content or ""}] if content is None or isinstance(content, str) else content


def _image_tokens(given: str | dict[str, str]) -> int:
    """As Mistral Small 4 counts them; what is no image costs what a small one does."""
    address = given if isinstance(given, str) else given["url"]
    try:
        with Image.open(BytesIO(b64decode(address.partition(",")[2]))) as image:
            return image_tokens(*image.size)
    except UnidentifiedImageError:
        return image_tokens(1, 1)


def _calls(script: Script, tools: list[Any], choice: object, wanted: int, cities: list[str]) -> Iterator[ToolCall]:
    show, offered = script.show, [_sample(tool["function"]) for tool in tools] or [_WEATHER]
    if isinstance(choice, dict):
        offered = [call for call in offered if call.name == choice["function"]["name"]]
    if (choice == "none" and show != "none_ignored") or show == "lost_calls":
        return
    for number, call in enumerate(islice(cycle(offered), wanted)):
        name = "no_such_tool" if show == "unknown_tool" else call.name
        given = orjson.dumps({"city": cities[number]}).decode() if number < len(cities) else call.arguments
        arguments = given[:-2] if show == "bad_arguments" else given
        id_ = {"same_ids": call.id, "no_ids": ""}.get(show, f"{call.id[:-1]}{number}")
        yield ToolCall(id_, name, arguments)


def _sample(function: dict[str, Any]) -> ToolCall:
    properties = (function.get("parameters") or {}).get("properties", {})
    arguments = {name: _value(schema) for name, schema in properties.items()}
    return ToolCall(_WEATHER.id, function["name"], orjson.dumps(arguments).decode())


def _value(schema: dict[str, Any]) -> object:
    samples = {"integer": 7, "number": 4.2, "boolean": True, "array": [], "object": {}}
    return schema["enum"][0] if "enum" in schema else samples.get(schema.get("type", ""), "Oslo")
