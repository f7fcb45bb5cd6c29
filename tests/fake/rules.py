"""What each kind of server refuses, and in which words: its request keys, efforts, roles, images and calls."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

Json = dict[str, Any]


class Wrong(NamedTuple):
    """Why a request is refused."""

    status: int
    type: str
    message: str
    code: str = ""


Check = Callable[[Json], Iterator[Wrong]]

EFFORTS = ("none", "high", None)
ROLES = "After the optional system message, conversation roles must alternate user and assistant roles"


def top(body: Json) -> str | None:
    return body.get("reasoning_effort")


def nested(body: Json) -> str | None:
    return (body.get("reasoning") or {}).get("effort") or top(body)


def by_template(body: Json) -> str | None:
    return (body.get("chat_template_kwargs") or {}).get("reasoning_effort")


def one_of_two_efforts(body: Json) -> Iterator[Wrong]:
    if top(body) not in EFFORTS:
        yield Wrong(400, "BadRequestError", f"reasoning_effort should be one of none, high: got {top(body)}", "3051")


def a_template_takes_two_efforts(body: Json) -> Iterator[Wrong]:
    if (by_template(body) or top(body)) not in EFFORTS:
        yield Wrong(500, "server_error", "Jinja Exception: reasoning_effort must be either none or high")


def no_template_kwargs(body: Json) -> Iterator[Wrong]:
    if "chat_template_kwargs" in body:
        yield Wrong(400, "BadRequestError", "chat_template is not supported for Mistral tokenizers.")


def no_empty_tools(body: Json) -> Iterator[Wrong]:
    if body.get("tools") == []:
        yield Wrong(400, "BadRequestError", "1 validation error: tools must not be an empty array")


def images_are_objects(body: Json) -> Iterator[Wrong]:
    for part in _parts(body):
        if isinstance(part.get("image_url"), str):
            yield Wrong(400, "Bad Request", "1 validation error: image_url must be a valid dictionary")


def no_thinking_lists(body: Json) -> Iterator[Wrong]:
    for part in _parts(body):
        if isinstance(part.get("thinking"), list):
            yield Wrong(400, "Bad Request", "1 validation error: thinking must be a valid string")


def no_thinking_parts(body: Json) -> Iterator[Wrong]:
    for part in _parts(body):
        if part.get("type") == "thinking":
            yield Wrong(400, "invalid_request_error", "unsupported content[].type")


def turns_alternate(body: Json) -> Iterator[Wrong]:
    roles = [message["role"] for message in body["messages"] if message["role"] != "tool"]
    turns = roles[1:] if roles[:1] == ["system"] else roles
    again = any(one == other == "user" for one, other in pairwise(turns))
    if "system" in turns or again:
        yield Wrong(500, "server_error", f"Jinja Exception: {ROLES}")


def no_user_after_a_tool(body: Json) -> Iterator[Wrong]:
    for one, other in pairwise(message["role"] for message in body["messages"]):
        if (one, other) == ("tool", "user"):
            message = "Unexpected role 'user' after role 'tool'"
            yield Wrong(400, "invalid_request_message_order", message, "3230")


def call_ids_of_nine(body: Json) -> Iterator[Wrong]:
    calls = (call["id"] for message in body["messages"] for call in message.get("tool_calls") or ())
    results = (message["tool_call_id"] for message in body["messages"] if message["role"] == "tool")
    for each in (*calls, *results):
        if not re.fullmatch("[a-zA-Z0-9]{9}", each):
            message = f"Tool call id was {each} but must be a-z, A-Z, 0-9, with a length of 9."
            yield Wrong(400, "invalid_request_error", message, "3280")


def no_reasoning_fields(body: Json) -> Iterator[Wrong]:
    for place, message in enumerate(body["messages"]):
        for field in ("reasoning", "reasoning_content"):
            if field in message:
                yield Wrong(422, "extra_forbidden", f"messages.{place}.{field}")


def _parts(body: Json) -> Iterator[Json]:
    for message in body["messages"]:
        if isinstance(message.get("content"), list):
            yield from message["content"]


def in_error(wrong: Wrong) -> Json:
    return {"error": {"message": wrong.message, "type": wrong.type, "param": None, "code": wrong.status}}


def flat(wrong: Wrong) -> Json:
    return {"object": "error", "message": wrong.message, "type": wrong.type, "param": None, "code": wrong.status}


def mistrals(wrong: Wrong) -> Json:
    """At 422 the message is an object."""
    if wrong.status == 422:
        row = {"type": wrong.type, "loc": ["body", *wrong.message.split(".")], "msg": "Extra inputs are not permitted"}
        return {"object": "error", "message": {"detail": [row]}, "type": "invalid_request_error", "param": None}
    return flat(wrong) | {"code": wrong.code, "raw_status_code": wrong.status}


def in_detail(wrong: Wrong) -> Json:
    return {"detail": wrong.message}


def problem(wrong: Wrong) -> Json:
    """As RFC 7807 has it."""
    return {"type": "about:blank", "title": wrong.type, "status": wrong.status, "detail": wrong.message}


@dataclass(frozen=True)
class Rules:
    """What one kind of server takes. `keys`: all others are refused, in the words of `extra`; None: any is taken."""

    checks: tuple[Check, ...] = ()
    effort: Callable[[Json], str | None] = top
    error: Callable[[Wrong], Json] = in_error
    keys: frozenset[str] | None = None
    extra: Callable[[str], Wrong] = lambda key: Wrong(422, "extra_forbidden", key)
    unauthorized: Json | None = None
    too_long: tuple[int, str, str] | None = None
    unknown_model: tuple[int, str, str] = (404, "NotFoundError", "The model `{}` does not exist.")

    def refuses(self, body: Json) -> Wrong | None:
        if self.keys is not None and (unknown := sorted(body.keys() - self.keys)):
            return self.extra(unknown[0])
        return next((wrong for check in self.checks for wrong in check(body)), None)

    def overlong(self, tokens: int, context: int) -> Wrong | None:
        """Why a prompt of so many tokens is refused, where there is a `context` and the kind has a limit."""
        if self.too_long is None or not 0 < context < tokens:
            return None
        status, type_, message = self.too_long
        return Wrong(status, type_, message.format(tokens, context), "3051")


_VLLM = (no_template_kwargs, one_of_two_efforts, no_empty_tools, images_are_objects, no_thinking_lists)


def _keys(names: str) -> frozenset[str]:
    return frozenset(names.split())


_VLLM_TOO_LONG = (
    400,
    "BadRequestError",
    "This model's maximum context length is {1} tokens. However, your prompt contains {0} input tokens.",
)
_COMMON = _keys(
    "model messages stream temperature top_p max_tokens stop tools tool_choice response_format"
    " presence_penalty frequency_penalty n logprobs top_logprobs parallel_tool_calls reasoning_effort"
)

RULES = {
    "openai": Rules(),
    "mistral": Rules(
        (one_of_two_efforts, no_user_after_a_tool, call_ids_of_nine, no_reasoning_fields),
        error=mistrals,
        keys=_COMMON
        | _keys(
            "random_seed metadata min_tokens repetition_penalty top_k prediction prompt_mode guardrails"
            " prompt_cache_key service_tier safe_prompt"
        ),
        unauthorized={"detail": "Unauthorized"},
        too_long=(
            400,
            "invalid_request_prompt",
            "Prompt contains {} tokens, too large for model with {} maximum context length",
        ),
        unknown_model=(400, "invalid_model", "Invalid model: {}"),
    ),
    "vllm": Rules(_VLLM, unauthorized={"error": "Unauthorized"}, too_long=_VLLM_TOO_LONG),
    "sglang": Rules(
        (one_of_two_efforts,),
        error=flat,
        unauthorized={"error": "Unauthorized"},
        too_long=(
            400,
            "BadRequestError",
            "The input ({} tokens) is longer than the model's context length ({} tokens).",
        ),
    ),
    "llamacpp": Rules(
        (a_template_takes_two_efforts, no_thinking_parts, turns_alternate),
        too_long=(
            400,
            "exceed_context_size_error",
            "request ({} tokens) exceeds the available context size ({} tokens), try increasing it",
        ),
    ),
    "nim": Rules(_VLLM, error=problem, too_long=_VLLM_TOO_LONG),
    "transformers": Rules(
        (a_template_takes_two_efforts, turns_alternate),
        effort=by_template,
        error=in_detail,
        keys=_COMMON | _keys("max_completion_tokens seed stream_options user chat_template_kwargs generation_config"),
        extra=lambda key: Wrong(422, "", f"Unexpected fields in the request: {{'{key}'}}"),
        unknown_model=(400, "", "Server is pinned to 'simulated'; requested '{}'."),
    ),
    "ollama": Rules(effort=nested),
    "openrouter": Rules(
        effort=nested,
        too_long=(400, "", "This endpoint's maximum context length is {1} tokens. You requested {0} tokens."),
    ),
    "lmstudio": Rules(),
}
