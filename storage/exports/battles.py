"""One battle a row: LMArena's columns, and the lanes' factors after them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import orjson

from backends.prompt import AssistantTurn, Prompt, ToolCall, ToolTurn, UserTurn
from backends.tokens import text_tokens
from storage.exports import arrow, dpo, factors, features, lmarena, messages, verdicts
from storage.exports.items import Item, Scope
from storage.exports.verdicts import Lane, Verdict
from storage.exports.view import Field, Left, View
from storage.images import ImageStore

Part = dict[str, str | None]

_FENCED = re.compile(r"```[^`]*```")


def write(batches: Iterable[list[Item]], scope: Scope, _: ImageStore | None, left: Left) -> Iterator[bytes]:
    return arrow.parts(arrow.schema(lmarena.SHAPES | features.shapes(_OURS)), _rows(batches, scope, left))


def _rows(batches: Iterable[list[Item]], scope: Scope, left: Left) -> Iterator[tuple[dict[str, Any], int]]:
    for each in verdicts.verdicts(batches, scope, left):
        yield _row(each), 2 * (len(each.a.text) + len(each.b.text)) + 1000
        left.written["battles"] += 1


def _row(verdict: Verdict) -> dict[str, Any]:
    item, rating, a, b, winner = verdict
    places = [(one, other) for one in range(len(item.lanes)) for other in range(one + 1, len(item.lanes))]
    asked = messages.prompt(item, item.row.prompt_id)
    user = _user(asked.turns[-1])
    sides = {"a": a, "b": b}
    prompts = {side: messages.prompt(item, lane.prompt_id) for side, lane in sides.items()}
    told = {side: _said(lane.text, messages.calls(lane)) for side, lane in sides.items()}
    return {
        "id": f"{rating.id}-{a.position}-{b.position}",
        "model_a": factors.label(a),
        "model_b": factors.label(b),
        "winner": winner,
        "evaluation_session_id": rating.id,
        "evaluation_order": places.index((a.position, b.position)) + 1,
        "conversation_a": [user, _message("assistant", told["a"])],
        # only this side has them, as published
        "conversation_b": [each | {"num_tokens": _tokens(each)} for each in (user, _message("assistant", told["b"]))],
        "full_conversation": _together(prompts["a"], told["a"], prompts["b"], told["b"]),
        "conv_metadata": _metadata(sides, prompts, user),
        "timestamp": rating.created_at.astimezone(UTC).replace(tzinfo=None),
        "system": asked.system,
        "tools": dpo.tools(asked),
        "tags": list(rating.tags),
        **factors.judgement(item, rating),
        **_factors(verdict, a, "a"),
        **_factors(verdict, b, "b"),
    }


def _factors(verdict: Verdict, lane: Lane, side: str) -> dict[str, Any]:
    told = factors.lane(verdict.item, verdict.rating, lane)
    return {f"{_renamed(name)}_{side}": value for name, value in told.items() if name != "lane"}


def _renamed(name: str) -> str:
    """`model_a` is the whole lane."""
    return "model_id" if name == "model" else name


def _metadata(sides: dict[str, Lane], prompts: dict[str, Prompt], user: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, Any] = {"sum_user_tokens": _tokens(user)}
    for side, lane in sides.items():
        counts[f"sum_assistant_{side}_tokens"] = _length(lane.text)
        counts[f"context_{side}_tokens"] = sum(map(_length, _read(prompts[side])))
        counts |= {f"{mark}_{side}": count for mark, count in _marks(lane.text).items()}
    turns = sum(isinstance(turn, UserTurn) for turn in prompts["a"].turns)
    return counts | {"turns": max(turns, 1)}


_length = lru_cache(64)(text_tokens)  # an answer is in many battles, one after another


@lru_cache(16)
def _marks(text: str) -> dict[str, dict[str, int]]:
    """Of style: what stands in code is none."""
    plain = _FENCED.sub("", text)
    return {
        name: {mark: len(pattern.findall(plain)) for mark, pattern in patterns.items()}
        for name, patterns in lmarena.MARKS.items()
    }


def _read(prompt: Prompt) -> Iterator[str]:
    yield prompt.system
    for turn in prompt.turns:
        yield turn.content if isinstance(turn, ToolTurn) else turn.text


def _together(prompt_a: Prompt, told_a: list[Part], prompt_b: Prompt, told_b: list[Part]) -> list[dict[str, Any]]:
    """What both read and said, turn by turn; histories of different length agree at their end."""
    rounds = zip_longest(reversed(_exchanges(prompt_a, told_a)), reversed(_exchanges(prompt_b, told_b)))
    together = []
    for one, other in rounds:
        side = {
            f"model_side_{name}": exchange and _message("assistant", exchange[1])
            for name, exchange in (("a", one), ("b", other))
        }
        together.append({"user": (one or other)[0]} | side)
    return together[::-1]


def _exchanges(prompt: Prompt, told: list[Part]) -> list[tuple[dict[str, Any], list[Part]]]:
    """What the user said, and what came before the user's next turn."""
    exchanges: list[tuple[dict[str, Any], list[Part]]] = []
    for turn in prompt.turns:
        if isinstance(turn, UserTurn) or not exchanges:
            exchanges.append((_user(turn), []))
        match turn:
            case AssistantTurn(text, _, calls):
                exchanges[-1][1].extend(_said(text, calls))
            case ToolTurn(_, _, content):
                exchanges[-1][1].append(_part("tool_result", content))
    exchanges[-1][1].extend(told)
    return exchanges


def _user(turn: object) -> dict[str, Any]:
    if not isinstance(turn, UserTurn):
        return _message("user", [])
    images = [_part("image", None, image.sha256, image.mime) for image in turn.images]
    return _message("user", [*images, _part("text", turn.text)])


def _said(text: str, calls: Sequence[ToolCall]) -> list[Part]:
    called = [{"name": call.name, "arguments": call.arguments} for call in calls]
    return [_part("text", text), *(_part("tool_call", orjson.dumps(each).decode()) for each in called)]


def _message(role: str, content: list[Part]) -> dict[str, Any]:
    return {"role": role, "content": content}


def _part(kind: str, text: str | None, image: str | None = None, mime: str | None = None) -> Part:
    return {"type": kind, "text": text, "image": image, "mimeType": mime}


def _tokens(message: dict[str, Any]) -> int:
    return sum(_length(part["text"]) for part in message["content"] if part["text"])


_SIDE = tuple(each._replace(name=_renamed(each.name)) for each in factors.LANE if each.name != "lane")
_OURS = (
    Field("system", "string", "the system text"),
    dpo.TOOLS,
    Field("tags", "list of strings", "words chosen for it"),
    *factors.JUDGEMENT,
    *(each._replace(name=f"{each.name}_{side}") for side in "ab" for each in _SIDE),
)

VIEW = View(
    name="battles",
    suffix=".parquet",
    media_type="application/vnd.apache.parquet",
    about="Who won against whom, in LMArena's columns, with both lanes' settings as columns of their own.",
    fields=(*lmarena.FIELDS, *_OURS),
    policy=(
        verdicts.JUDGED,
        verdicts.ENDED,
        "A judgement of several answers is a battle of each two of them; they share `evaluation_session_id`. Ties and "
        "`both_bad` are battles.",
    ),
    write=write,
    options=("demo", "names"),
)
