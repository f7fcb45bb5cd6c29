"""What each kind's voice has of its own, as its documentation, source or recorded answers have it."""

from itertools import pairwise

from backends.events import Usage
from backends.prompt import ToolCall
from tests.fake.script import Speech
from tests.fake.voices import Json, Voice, counts, framed, in_pieces, whole


def _vllm_call(place: int, call: ToolCall) -> list[Json]:
    """The first piece carries the first bit of the arguments."""
    first, second, *others = in_pieces(place, call)
    return [first | {"function": {"name": call.name} | second["function"]}, *others]


def _sglang_call(place: int, call: ToolCall) -> list[Json]:
    """The name, then all arguments; what is not said is null."""
    id_ = f"call_{call.id.encode().hex():0<24}"
    functions = {"name": call.name, "arguments": ""}, {"name": None, "arguments": call.arguments}
    return [
        {"id": told, "index": place, "type": "function", "function": function}
        for told, function in zip((id_, None), functions, strict=True)
    ]


def _transformers_call(place: int, call: ToolCall) -> list[Json]:
    return [each | {"id": f"3f870dad_tool_call_{place}"} for each in whole(place, call)]


def _and_cached(usage: Usage) -> Json:
    return counts(usage) | {"prompt_tokens_details": {"cached_tokens": usage.cached}}


def _and_reasoning(usage: Usage) -> Json:
    return counts(usage) | {"completion_tokens_details": {"reasoning_tokens": usage.reasoning}}


def _sglang_usage(usage: Usage) -> Json:
    return counts(usage) | {"reasoning_tokens": usage.reasoning, "prompt_tokens_details": None}


def _openrouter_usage(usage: Usage) -> Json:
    return _and_cached(usage) | _and_reasoning(usage) | {"cost": 0.00042, "is_byok": False}


def _timings(usage: Usage) -> Json:
    prompt, cached, predicted = usage.prompt or 0, usage.cached or 0, usage.completion or 0
    measured = {"cache_n": cached, "prompt_n": prompt - cached, "prompt_ms": 91.0, "prompt_per_second": 1230.7}
    spoken = {"predicted_n": predicted, "predicted_ms": predicted * 25.0, "predicted_per_second": 40.0}
    return {"timings": measured | spoken | {"draft_n": 30, "draft_n_accepted": 21}}


def _metrics(usage: Usage) -> Json:
    draft = {"mean_acceptance_length": 2.7, "draft_acceptance_rate": 0.57}
    return {"metrics": {"time_to_first_token_ms": 91.0, "mean_itl_ms": 25.0, "speculative_decoding": draft}}


def _progress(done: int) -> Json:
    return {"prompt_progress": {"total": 900, "cache": 0, "processed": done, "time_ms": 800}}


def as_thinking(text: str) -> Json:
    return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}


def _joined(speech: Speech, deltas: list[Json]) -> list[Json]:
    """The Mistral API's last thought and first word come together."""
    for place, (one, other) in enumerate(pairwise(deltas)):
        if isinstance(one.get("content"), list) and isinstance(other.get("content"), str) and other["content"]:
            parts = [one["content"][0] | {"closed": True}, {"type": "text", "text": other["content"]}]
            return [*deltas[:place], {"content": parts}, *deltas[place + 2 :]]
    return deltas


def _without_brackets(speech: Speech, deltas: list[Json]) -> list[Json]:
    """SGLang deletes each ] of the text when there are tools."""
    return [
        delta | {"content": delta["content"].replace("]", "")} if speech.tools and delta.get("content") else delta
        for delta in deltas
    ]


def _details(speech: Speech, deltas: list[Json]) -> list[Json]:
    """OpenRouter tells each thought twice."""
    return [
        delta | {"reasoning_details": [{"type": "reasoning.text", "text": delta["reasoning"]}]}
        if "reasoning" in delta
        else delta
        for delta in deltas
    ]


VOICES = {
    "openai": Voice(),
    "mistral": Voice(
        reasoned=as_thinking,
        call=whole,
        last={"content": ""},
        rework=_joined,
        usage=_and_cached,
        usage_apart=False,
        usage_asked=False,
        calls_end=True,
        error=lambda message: framed({"object": "error", "message": message, "type": "internal_error", "code": "3000"}),
        error_done=False,
    ),
    "vllm": Voice(
        reasoned=lambda text: {"reasoning": text},
        call=_vllm_call,
        choice={"logprobs": None, "stop_reason": None},
        usage=_and_reasoning,
        measured=_metrics,
    ),
    "sglang": Voice(
        call=_sglang_call,
        delta={"reasoning_content": None},
        choice={"logprobs": None, "matched_stop": None},
        rework=_without_brackets,
        usage=_sglang_usage,
        error=lambda message: framed({"error": {"object": "error", "message": message, "code": 500}}),
    ),
    "llamacpp": Voice(
        head={"role": "assistant", "content": None},
        chunk={"system_fingerprint": "b10549-simulated"},
        usage=_and_cached,
        measured=_timings,
        progress=_progress,
        comment=b":\n\n",
        error_done=False,
    ),
    "nim": Voice(call=_vllm_call, usage=_and_reasoning),
    "transformers": Voice(
        call=_transformers_call,
        head={"role": "assistant"},
        usage_apart=False,
        usage_asked=False,
        # pasted in as it is: quotes in the message make it no JSON
        error=lambda message: b'data: {"error": "%b"}\n\n' % message.encode(),
        done=False,
        error_done=False,
    ),
    "ollama": Voice(reasoned=lambda text: {"reasoning": text}, call=whole, chunk={"system_fingerprint": "fp_ollama"}),
    "openrouter": Voice(
        reasoned=lambda text: {"reasoning": text},
        chunk={"provider": "Simulated"},
        rework=_details,
        usage=_openrouter_usage,
        usage_asked=False,
        comment=b": OPENROUTER PROCESSING\n\n",
        error=lambda message: framed(
            {
                "error": {"code": 502, "message": message, "metadata": {"raw": message}},
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
            }
        ),
        error_done=False,
    ),
    "lmstudio": Voice(
        usage=_and_reasoning,
        error=lambda message: b"event: error\n" + framed({"error": {"message": message}}),
        error_done=False,
    ),
}
