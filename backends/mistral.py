"""The Mistral API: the `mistralai` SDK checks and writes the typed request; we send it, and read the answer ourselves.

The SDK's parsing of chunks costs many times ours, drops a truncated stream's end silently, and hides unknown fields.
"""

from typing import Any

from pydantic import ValidationError

from backends.chat import COMMON_KEYS, ChatClient, nine_characters
from backends.errors import BackendError
from backends.inquiry import models_listed
from backends.kind import Dialect, ImageLimits, Kind
from backends.prompt import AssistantTurn


def thinking_parts(turn: AssistantTurn) -> dict[str, Any]:
    """Reasoning goes back as it came: a thinking part before the text."""
    if not turn.reasoning:
        return {"content": turn.text}
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": turn.reasoning}]}
    return {"content": [thinking, {"type": "text", "text": turn.text}] if turn.text else [thinking]}


def typed(body: dict[str, Any]) -> bytes:
    """The body as the SDK's own request type writes it. Raises BackendError where it refuses."""
    from mistralai.client.models import ChatCompletionStreamRequest

    try:
        request = ChatCompletionStreamRequest.model_validate(body)
    except ValidationError as error:
        # the error's own text would repeat the whole input
        said = "; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors()[:3])
        raise BackendError("refused", f"The mistralai SDK refuses this request: {said}") from error
    return request.model_dump_json(by_alias=True, exclude_unset=True).encode()


DIALECT = Dialect(
    # the API answers 422 to any key it does not know: stream_options, seed, reasoning_content, ...
    keys=COMMON_KEYS | {"random_seed", "reasoning_effort"},
    replay=thinking_parts,
    call_id=nine_characters,
    written=typed,
)

KIND = Kind(
    name="mistral",
    title="Mistral API",
    dialect=DIALECT,
    efforts=("none", "high"),
    connect=ChatClient,
    discover=models_listed,
    images=ImageLimits(most=8, bytes=10_000_000, longest=10_000),
    proof="scripts from its documentation; requests checked by its SDK (3.7)",
    key_env="MISTRAL_API_KEY",
    base_url="https://api.mistral.ai/v1",
    model="mistral-small-2603",
    price_in=0.15,
    price_out=0.60,
)
