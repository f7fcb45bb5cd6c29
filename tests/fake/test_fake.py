"""The fake refuses what real servers refuse, in words that are told apart; and speaks as its script says."""

from collections.abc import AsyncIterator, Iterable
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest

from backends.errors import refusal
from backends.flags import TITLES, flagged
from backends.lane import Backend, Lane
from backends.prompt import Image, Prompt, UserTurn
from backends.registry import Registry, load
from backends.runner import Run
from tests.backends.conftest import SQUARE
from tests.fake.script import STAMP, Script
from tests.fake.server import KINDS, fake
from tests.fake.serving import faking
from tests.fake.shows import SHOWS, demo

USER = {"role": "user", "content": "(fake rate=0 tokens=8)"}
PICTURE = {"type": "image_url", "image_url": "data:image/png;base64,iVBOR"}
CALL = {"id": "call_0f3c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "call_0f3c", "name": "f", "content": "4"}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}


async def asked(kind: str, key: str = "", **request: Any) -> httpx.Response:
    body = {"model": "simulated", "messages": [USER], "stream": True} | request
    async with httpx.AsyncClient(transport=httpx.ASGITransport(fake(key)), base_url="http://fake") as http:
        return await http.post(f"/{kind}/v1/chat/completions", json=body)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_streams(kind: str) -> None:
    response = await asked(kind)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


@pytest.mark.parametrize(
    ("kind", "request_", "status", "failure"),
    [
        ("mistral", {"stream_options": {}}, 422, "extra_field"),
        ("mistral", {"messages": [USER, {"role": "assistant", "content": "", "reasoning": "x"}]}, 422, "extra_field"),
        ("mistral", {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, RESULT]}, 400, "refused"),
        ("mistral", {"messages": [RESULT | {"tool_call_id": "k3Jd9QpZa"}, USER]}, 400, "template"),
        ("transformers", {"top_k": 3}, 422, "extra_field"),
        ("vllm", {"chat_template_kwargs": {}}, 400, "template"),
        ("nim", {"chat_template_kwargs": {}}, 400, "template"),
        ("mistral", {"reasoning_effort": "medium"}, 400, "bad_effort"),
        ("vllm", {"reasoning_effort": "medium"}, 400, "bad_effort"),
        ("sglang", {"reasoning_effort": "medium"}, 400, "bad_effort"),
        ("llamacpp", {"reasoning_effort": "medium"}, 500, "bad_effort"),
        ("transformers", {"chat_template_kwargs": {"reasoning_effort": "medium"}}, 500, "bad_effort"),
        ("vllm", {"tools": []}, 400, "refused"),
        ("vllm", {"messages": [{"role": "user", "content": [PICTURE]}]}, 400, "refused"),
        ("vllm", {"messages": [USER, {"role": "assistant", "content": [THINKING]}]}, 400, "refused"),
        ("llamacpp", {"messages": [USER, USER]}, 500, "template"),
        ("llamacpp", {"messages": [USER, {"role": "assistant", "content": [THINKING]}]}, 400, "template"),
    ],
)
async def test_what_a_kind_does_not_take_is_refused(
    kind: str, request_: dict[str, Any], status: int, failure: str
) -> None:
    response = await asked(kind, **request_)
    error = refusal(Backend("lane", kind), response.status_code, response.content, response.headers)
    assert (response.status_code, error.kind) == (status, failure), error


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_with_a_key_lets_nobody_in_without_it(kind: str) -> None:
    response = await asked(kind, key="secret")
    error = refusal(Backend("lane", kind), response.status_code, response.content, response.headers)
    assert (response.status_code, error.kind) == (401, "auth")


async def test_a_call_is_made_once_and_its_result_gets_words() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    assert '"name":"f"' in (await asked("openai", tools=tools)).text
    replied = [USER, {"role": "assistant", "content": "", "tool_calls": [CALL]}, RESULT]
    assert "tool_calls" not in (await asked("openai", tools=tools, messages=replied)).text


async def test_effort_high_reasons_and_none_does_not() -> None:
    for effort, reasons in (("high", True), ("none", False)):
        assert ("reasoning" in (await asked("vllm", reasoning_effort=effort)).text) == reasons


async def test_stamps_tell_when_a_word_left() -> None:
    script = Script(tokens=4, rate=0, stamp=1)
    said = (await asked("openai", messages=[{"role": "user", "content": str(script)}])).text
    stamps = STAMP.findall(said)
    assert [int(index) for index, _ in stamps] == [0, 1, 2, 3]
    assert all(one <= other for (_, one), (_, other) in pairwise(stamps))


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    """The demo's backends, and an honest one of each kind, on a running fake."""
    with faking() as running:
        honest = [
            f'[[backend]]\nname = "{kind}"\nkind = "{kind}"\nbase_url = "{running.url}/{kind}/v1"\n' for kind in KINDS
        ]
        (tmp_path / "backends.toml").write_text("\n".join([demo(running.url), *honest]), encoding="utf-8")
        found = load(tmp_path / "backends.toml", {})
        yield found
        await found.aclose()


@pytest.fixture
def question() -> Prompt:
    """With an image and a tool."""
    drawn = BytesIO()
    PIL.Image.new("RGB", (320, 240)).save(drawn, "PNG")
    image = Image("0" * 64, "image/png", 320, 240, drawn.getvalue())
    return Prompt("Be brief.", (UserTurn("How long is this edge?", (image,)),), (SQUARE,))


async def flags(registry: Registry, question: Prompt, names: Iterable[str]) -> dict[str, set[str]]:
    backends = {name: registry.find(name) for name in names}
    asked = [(Lane(each, each.model, effort=registry.efforts(each)[0]), question) for each in backends.values()]
    run = Run(registry.stream, asked)
    await run.ended()
    found = flagged(asked, run.answers())
    return {name: {flag.code for flag in each} for name, each in zip(backends, found, strict=True)}


async def test_every_flag_has_a_lane_that_raises_it(registry: Registry, question: Prompt) -> None:
    assert registry.problems == ()
    shows = {name: show.flag for name, show in SHOWS.items() if show.flag}
    raised = await flags(registry, question, shows)
    assert {name: shows[name] for name, codes in raised.items() if shows[name] not in codes} == {}
    assert set(shows.values()) == set(TITLES) - {"imported"}  # that no lane raises: it comes with a file


async def test_an_honest_lane_raises_no_flag(registry: Registry, question: Prompt) -> None:
    assert await flags(registry, question, KINDS) == {kind: set() for kind in KINDS}
