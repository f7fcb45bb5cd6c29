"""Battles as LMArena publishes them: two conversations and a vote. Each turn is a comparison, the last is rated."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from backends.prompt import AssistantTurn, Image, Prompt, UserTurn
from storage.errors import ImageError, TransferError
from storage.images import ImageStore
from storage.imports import elsewhere
from storage.imports.columns import moment, short, text
from storage.imports.elsewhere import Said

COLUMNS = {"model_a", "model_b", "winner", "conversation_a", "conversation_b"}

RANKINGS = {
    "model_a": [[0], [1]],
    "model_b": [[1], [0]],
    "tie": [[0, 1]],
    "both_bad": [[0, 1]],
    "tie (bothbad)": [[0, 1]],
}
BAD = ("both_bad", "tie (bothbad)")
EVALUATORS = ("evaluator", "judge", "judge_hash", "user_id", "evaluation_session_id")  # the first that is there
MOMENTS = ("timestamp", "tstamp", "created_at")
BLIND = ("blind", "anony")
LONGEST = 80  # letters of an evaluator's name


class _Turn(NamedTuple):
    asked: UserTurn
    answer: str


def kept(row: Mapping[str, Any], files: ImageStore) -> Iterator[dict[str, Any]]:
    """The comparisons of one battle, oldest first. Raises TransferError."""
    name = orjson.dumps(row, default=str).decode()
    made, rating = _made(row), _rating(row)
    models = [text(row, f"model_{side}") for side in "ab"]
    systems, talks = zip(*(_talk(row, f"conversation_{side}", files) for side in "ab"), strict=True)
    if len(talks[0]) != len(talks[1]):
        raise TransferError(f"conversation_a has {len(talks[0])} answers, and conversation_b {len(talks[1])}.")
    follows = None
    for last, (turn, _) in enumerate(talks[0]):
        answers = [
            Said(model, Prompt(system, _history(talk[: last + 1])), talk[last].answer)
            for model, system, talk in zip(models, systems, talks, strict=True)
        ]
        at = made + timedelta(microseconds=last)  # what is listed by time has to have its order
        voted = {**rating, "created_at": at} if rating and last == len(talks[0]) - 1 else None
        comparison = elsewhere.kept(f"{name}:{last}", at, Prompt(systems[0], (turn,)), answers, follows, voted)
        yield comparison
        follows = comparison["id"]


def _history(talk: Sequence[_Turn]) -> tuple[UserTurn | AssistantTurn, ...]:
    """All up to the last question."""
    *before, last = talk
    return (*(turn for asked, answer in before for turn in (asked, AssistantTurn(answer))), last.asked)


def _talk(row: Mapping[str, Any], at: str, files: ImageStore) -> tuple[str, list[_Turn]]:
    """The system text, and what was asked with what was answered."""
    messages = row.get(at)
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise TransferError(f"{at} must be a list of messages, not {short(messages)}.")
    said = [_said(each.get("content"), f"{at}[{place}].content", files) for place, each in enumerate(messages)]
    roles = [each.get("role") for each in messages]
    system = said.pop(0)[0] if roles[:1] == ["system"] else ""
    roles = roles[-len(said) :]
    if not said or roles != ["user", "assistant"] * (len(said) // 2):
        raise TransferError(f"{at} must be turns of user and assistant, each after the other, up to an answer.")
    pairs = zip(said[::2], said[1::2], strict=True)
    return system, [_Turn(UserTurn(*asked), answer) for asked, (answer, _) in pairs]


def _said(content: Any, at: str, files: ImageStore) -> tuple[str, tuple[Image, ...]]:
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise TransferError(f"{at} must be text or a list of parts, not {short(content)}.")
    words = [part["text"] for part in parts if part.get("text")]
    shown = [part["image"] for part in parts if part.get("image")]
    if not all(isinstance(each, str) for each in words):
        raise TransferError(f"{at} has a text that is none.")
    return "\n\n".join(words), tuple(_image(each, at, files) for each in shown)


def _image(given: Any, at: str, files: ImageStore) -> Image:
    """From its bytes, or base64 with or without `data:` before. Nothing is fetched."""
    try:
        if isinstance(given, dict):
            given = given.get("bytes")
        if isinstance(given, str):
            given = base64.b64decode(given.partition("base64,")[2] or given, validate=True)
        return files.add(given)
    except (ImageError, TypeError, ValueError) as error:
        raise TransferError(f"{at} has an image that is not in the file itself, or can't be read.") from error


def _made(row: Mapping[str, Any]) -> datetime:
    found = next((name for name in MOMENTS if row.get(name) is not None), None)
    if found is None:
        return datetime.now(UTC)
    value = row[found]
    if not isinstance(value, int | float):
        return moment(value, found)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OSError, OverflowError, ValueError):
        raise TransferError(f"{found} is no time in seconds: {value}.") from None


def _rating(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The vote, None where there is none. Arenas show battles without names, unless the row says otherwise."""
    winner = row.get("winner")
    if winner is None:
        return None
    if not isinstance(winner, str) or winner not in RANKINGS:
        raise TransferError(f"winner must be one of {', '.join(RANKINGS)}, not {short(winner)}.")
    judge = next((str(row[name]) for name in EVALUATORS if row.get(name)), elsewhere.ORIGIN)
    blind = next((row[name] for name in BLIND if isinstance(row.get(name), bool)), True)
    return {
        "evaluator": judge[:LONGEST],
        "ranking": RANKINGS[winner],
        "all_bad": winner in BAD,
        "skipped": "",
        "blind": blind,
    }
