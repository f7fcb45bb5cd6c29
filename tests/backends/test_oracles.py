"""What others' code says of our requests: `mistral-common`, which vLLM and SGLang ask, and the Mistral API's SDK."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mistral_common.protocol.instruct.chunk import ThinkChunk
from mistral_common.protocol.instruct.messages import AssistantMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode, get_validator
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistralai.client.models import ChatCompletionStreamRequest

from backends import llamacpp, mistral, nim, sglang, vllm
from backends.chat import request_body
from backends.lane import Backend, Lane
from backends.prompt import AssistantTurn, Prompt, ToolCall, ToolTurn, Turn, UserTurn, follow_up
from backends.registry import kinds
from tests.backends.conftest import SQUARE, picture

BACKEND = Backend("lane", "vllm")
SMALL_4 = get_validator(TokenizerVersion.v15, ValidationMode.serving)

names = st.from_regex(r"[a-zA-Z_]{1,12}", fullmatch=True)
words = st.text(min_size=1, max_size=12)
arguments = st.one_of(st.just('{"edge":"AB"}'), st.text(max_size=8), st.just('{"edge":'))
call_ids = st.from_regex(r"call_[0-9a-f]{24}|[a-zA-Z0-9]{9}|[0-9a-f]{8}_tool_call_[0-9]", fullmatch=True)
images = st.lists(st.integers(0, 9).map(picture), max_size=3).map(tuple)


@st.composite
def replies(draw: st.DrawFn) -> tuple[Turn, ...]:
    """The turns of an answer: calls with their results for as long as it asks, the last perhaps without, or nothing."""
    turns: list[Turn] = []
    for calls in draw(st.lists(st.lists(st.tuples(call_ids, names, arguments), max_size=2), min_size=1, max_size=3)):
        made = tuple({call.id: call for call in (ToolCall(*call) for call in calls)}.values())
        text = draw(st.text(max_size=12))
        turns.append(AssistantTurn(text, draw(st.text(max_size=12)) if text or made else "", made))
        answered = [call for call in made if draw(st.booleans())]
        turns += (ToolTurn(call.id, call.name, draw(words)) for call in answered)
        if not made or len(answered) < len(made):
            break
    return tuple(turns)


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    """A conversation as the page makes it: a first question, then answers and what was said to each."""
    tools = draw(st.sampled_from([(), (SQUARE,)]))
    choice = draw(st.sampled_from(["", "auto", "none", "required", "measure"]))
    prompt = Prompt(draw(st.text(max_size=12)), (UserTurn(draw(words), draw(images)),), tools, choice)
    for reply in draw(st.lists(replies(), max_size=3)):
        try:
            prompt = follow_up(prompt, reply, draw(words), draw(images))
        except ValueError:  # images for a tool's result
            prompt = follow_up(prompt, reply, draw(words))
    return prompt


lanes = st.builds(
    Lane,
    st.just(BACKEND),
    effort=st.sampled_from(["none", "high"]),
    temperature=st.sampled_from([None, 0.0, 0.7]),
    max_tokens=st.sampled_from([None, 9]),
    seed=st.sampled_from([None, 0, 7]),
    replays=st.booleans(),
)


@given(lanes, prompts())
@settings(max_examples=60, deadline=None)
def test_turns_alternate_and_every_result_answers_its_call_in_every_dialect(lane: Lane, prompt: Prompt) -> None:
    for kind in kinds().values():
        first, *messages = request_body(kind.dialect, "m", lane, prompt)["messages"]
        assert first == {"role": "system", "content": prompt.system}
        may_follow = {"user": {"assistant"}, "assistant": {"user"}, "tool": {"tool", "assistant"}}
        allowed, waiting = {"user"}, []
        for message in messages:
            assert message["role"] in allowed
            assert message["content"] is not None
            allowed = may_follow[message["role"]]
            if message["role"] == "tool":
                assert isinstance(message["content"], str)
                waiting.remove(message["tool_call_id"])
            else:
                assert not waiting
            if calls := message.get("tool_calls"):
                allowed, waiting = {"tool"}, [call["id"] for call in calls]
                assert all(isinstance(orjson.loads(call["function"]["arguments"]), dict) for call in calls)
        assert not waiting
        assert messages[-1]["role"] in ("user", "tool")


def accepted(body: dict[str, Any]) -> ChatCompletionRequest[Any]:
    request = ChatCompletionRequest.from_openai(**body)
    SMALL_4.validate_request(request)
    return request


@pytest.mark.parametrize("dialect", [vllm.DIALECT, nim.DIALECT, sglang.DIALECT, llamacpp.DIALECT])
@given(lane=lanes, prompt=prompts())
@settings(max_examples=60, deadline=None)
def test_mistral_common_accepts_what_its_servers_are_sent(dialect: Any, lane: Lane, prompt: Prompt) -> None:
    body = request_body(dialect, "m", lane, prompt)
    request = accepted(body)
    assert request.reasoning_effort == lane.effort
    assert len(request.messages) == len(body["messages"])
    turns = [turn for turn in prompt.turns if isinstance(turn, AssistantTurn)]
    said = [message for message in request.messages if isinstance(message, AssistantMessage)]
    assert [thought(message) for message in said] == [turn.reasoning if lane.replays else "" for turn in turns]


def thought(message: AssistantMessage) -> str:
    parts = message.content if isinstance(message.content, list) else []
    return "".join(part.thinking for part in parts if isinstance(part, ThinkChunk))


@given(lanes, prompts())
@settings(max_examples=100, deadline=None)
def test_the_sdk_writes_every_key_that_the_mistral_api_is_sent(lane: Lane, prompt: Prompt) -> None:
    body = request_body(mistral.DIALECT, "m", lane, prompt)
    assert orjson.loads(mistral.typed(body)) == body  # it leaves out what it does not know, at any depth


def test_the_sdk_leaves_out_what_the_mistral_api_does_not_take() -> None:
    assert mistral.DIALECT.keys <= ChatCompletionStreamRequest.model_fields.keys()
    message = {"role": "assistant", "content": "Hi", "reasoning_content": "R"}
    written = orjson.loads(mistral.typed({"model": "m", "messages": [message], "seed": 1}))
    assert written == {"model": "m", "messages": [{"role": "assistant", "content": "Hi"}]}
