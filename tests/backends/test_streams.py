"""Every recorded and every odd answer folds to the one beside it, however its bytes are cut."""

import json
import random
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from backends.answer import Answer, Fold
from backends.declaration import kinds
from backends.errors import BackendError
from backends.events import Failed, Finished
from backends.http import read
from backends.lane import Backend

BACKEND = Backend("lane", "vllm", "http://127.0.0.1:1/v1")
FOLDER = Path(__file__).parent.parent / "streams"
FILES = sorted(FOLDER.rglob("*.sse")) + sorted(FOLDER.rglob("*.http"))
NAMES = [str(path.relative_to(FOLDER).with_suffix("")) for path in FILES]
WHOLE = [path for path in FILES if "event-stream" in path.read_bytes()[:200].decode() or path.suffix == ".sse"]
AT_ONCE = [path for path in FILES if "whole" in json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))]


def parsed(path: Path) -> tuple[int, str, bytes]:
    """Status, content type and body; a file without a head is the body of an event stream."""
    if path.suffix == ".sse":
        return 200, "text/event-stream", path.read_bytes()
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    status, content_type = head.decode().split("\r\n")
    return int(status.split()[1]), content_type.removeprefix("content-type: "), body


def expected(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return found


async def answer_of(
    pieces: Iterable[bytes], status: int = 200, content_type: str = "text/event-stream", *, whole: bool = False
) -> Answer:
    """The answer as the runner would have it, with a made-up clock; `whole` as in `read`."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    response = httpx.Response(status, headers={"content-type": content_type}, content=body())
    folding, finished = Fold(), False
    try:
        async with aclosing(read(BACKEND, response, whole=whole)) as events:
            async for event in events:
                folding.add(1, event)
                finished = finished or isinstance(event, Finished)
        if not finished:
            folding.add(1, Failed("truncated", ""))
    except BackendError as error:
        folding.add(1, Failed(error.kind, str(error)))
    return folding.answer()


def summary(answer: Answer) -> dict[str, object]:
    usage = answer.usage
    return {
        "reasoning": answer.reasoning,
        "text": answer.text,
        "calls": [[call.id, call.name, call.arguments] for call in answer.calls],
        "usage": [usage.prompt, usage.completion, usage.reasoning, usage.cached, usage.image],
        "model": answer.model,
        "server": answer.server,
        "finish_reason": answer.finish_reason,
        "failure": answer.failure.kind if answer.failure else None,
        "measured": sorted(json.loads(answer.rounds[0].measured or "{}")),
    }


def without_ids(answer: Answer) -> dict[str, object]:
    return summary(answer) | {"calls": [(call.name, call.arguments) for call in answer.calls]}


@pytest.mark.parametrize("path", FILES, ids=NAMES)
async def test_each_answer_folds_to_the_one_beside_it(path: Path) -> None:
    status, content_type, body = parsed(path)
    wanted, answer = expected(path), await answer_of([body], status, content_type)
    if "refused" in wanted:
        assert answer.failure is not None
        assert answer.failure.kind == wanted["refused"]
        return
    found = summary(answer)
    for call, known in zip(found["calls"], wanted["calls"], strict=True):
        if known[0] == "made up":
            assert re.fullmatch("[a-zA-Z0-9]{9}", call[0])
            call[0] = known[0]
    assert found == wanted


@pytest.mark.parametrize("path", AT_ONCE, ids=[str(path.relative_to(FOLDER).with_suffix("")) for path in AT_ONCE])
async def test_an_answer_that_may_come_at_once_folds_to_the_one_beside_it(path: Path) -> None:
    status, content_type, body = parsed(path)
    for pieces in ([body], [body[n : n + 1] for n in range(len(body))]):
        assert summary(await answer_of(pieces, status, content_type, whole=True)) == expected(path)["whole"]
    cut = await answer_of([body[:-2]], status, content_type, whole=True)
    assert (cut.text, cut.failure is None) == ("", False)


def test_each_kind_has_an_answer_of_its_own() -> None:
    whose = {re.sub(r"^recorded/(\w+)/.*|-.*", r"\1", name) for name in NAMES}
    assert {name for name, kind in kinds().items() if not kind.always} <= whose


def test_each_answer_is_explained() -> None:
    explained = re.findall(r"^\| `(\S+)`", (FOLDER / "README.md").read_text(encoding="utf-8"), re.M)
    assert sorted(explained) == sorted(NAMES)


@pytest.mark.parametrize("path", WHOLE, ids=[str(path.relative_to(FOLDER).with_suffix("")) for path in WHOLE])
async def test_a_stream_folds_to_the_same_however_it_is_cut(path: Path) -> None:
    _, _, body = parsed(path)
    whole = without_ids(await answer_of([body]))
    for variant in (body, body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + body):
        assert without_ids(await answer_of(variant[n : n + 1] for n in range(len(variant)))) == whole
    for cut in interesting(body):
        assert without_ids(await answer_of([body[:cut], body[cut:]])) == whole


def interesting(body: bytes) -> Iterator[int]:
    """Every place near the first frame of each shape, near the end, and inside a character; and some at random."""
    seen: set[bytes] = set()
    for frame in re.finditer(rb"data: ?([^\n]*)\n", body):
        shape = re.sub(rb'"(?:[^"\\]|\\.)*"(?!\s*:)|[0-9.]+', b"", frame[1])
        if shape not in seen and len(seen) < 6:
            seen.add(shape)
            yield from range(frame.start(), min(frame.start() + 12, frame.end()))
            yield from range(max(frame.start(), frame.end() - 4), min(frame.end() + 3, len(body)))
    yield from range(max(0, len(body) - 20), len(body))
    yield from [place for place in range(1, len(body)) if body[place] & 0xC0 == 0x80][:24]
    yield from random.Random(len(body)).sample(range(len(body)), min(12, len(body)))
