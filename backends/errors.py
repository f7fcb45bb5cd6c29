"""What goes wrong while asking a backend, in words that say what to do.

BackendError            one exception, told apart by `kind`:
  connect  tls  timeout   the server was not reached, or fell silent
  auth  billing           the key is missing, wrong or out of credit
  model_not_found  context_overflow  bad_effort  no_vision  image_bad  tools_disabled  template  extra_field
                          the server read the request and refuses it
  rate_limit  loading  overloaded
                          it may work later
  not_a_stream  malformed  midstream  truncated  endless
                          what came back is not a whole event stream
  refused  setup          any other refusal; something to install or set here first
"""

import re
from collections.abc import Mapping

import httpx
import orjson

from backends.lane import Backend

RAW_LIMIT = 300


class BackendError(Exception):
    """A lane's failure. `str(error)` is for a person; `kind` is one of the words above; `retry_after` the seconds that
    the server asks to wait before another try."""

    def __init__(self, kind: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


# The first row whose status (None: any) and pattern match names the failure; patterns are the servers' own words.
_REFUSALS: tuple[tuple[str, int | None, str], ...] = (
    ("not_a_stream", 200, r""),
    (
        "context_overflow",
        None,
        r"maximum context length|too large for model with|longer than the (maximum model|model's context) length"
        r"|exceeds the available context size|exceed_context_size|prompt too long|tokens to keep from the initial",
    ),
    ("bad_effort", None, r"reasoning_effort (should be one of|must be either)|Reasoning prompt mode is not enabled"),
    ("tools_disabled", None, r"enable-auto-tool-choice|tool-call-parser"),
    ("no_vision", None, r"image input is not supported|mmproj|At most 0 image|not a multimodal model"),
    ("image_bad", None, r"cannot identify image|Image exceeds|Failed to load image"),
    ("image_bad", 413, r""),
    ("template", None, r"chat_template is not supported|roles must alternate|Jinja|\b3230\b"),
    ("extra_field", None, r"extra_forbidden|Unexpected fields in the request"),
    ("model_not_found", 404, r"does not exist|NotFoundError|model"),
    ("model_not_found", 400, r"invalid_model|Invalid model|Server is pinned to"),
    ("billing", None, r"\b1910\b|insufficient credit|out of credits"),
    ("billing", 402, r""),
    ("auth", 401, r""),
    ("auth", 403, r""),
    ("rate_limit", 429, r""),
    ("loading", 503, r"[Ll]oading"),
    ("loading", 202, r""),
    ("overloaded", 502, r""),
    ("overloaded", 503, r""),
    ("overloaded", 504, r""),
    ("overloaded", 529, r""),
)

_ADVICE = {
    "not_a_stream": "is its address that of an OpenAI-compatible API? It often ends in /v1",
    "context_overflow": "shorten the prompt, or serve the model with a larger context",
    "bad_effort": "choose an effort that this model has",
    "tools_disabled": "start the server with its tool-call parser, or send no tools",
    "no_vision": "remove the images, or serve the model with its vision part",
    "image_bad": "send a smaller or another image",
    "template": "the server's chat template refuses this conversation: start a new comparison, or check the template",
    "extra_field": "the declared kind does not fit this server: check `kind` in backends.toml",
    "model_not_found": "check the model id in backends.toml",
    "billing": "check the plan and credits of this key",
    "auth": "check the key",
    "rate_limit": "wait, then run again",
    "loading": "the model is still loading: wait, then run again",
    "overloaded": "the server is overloaded or down: wait, then run again",
}


def refusal(backend: Backend, status: int, body: bytes, headers: Mapping[str, str]) -> BackendError:
    """The error for an answer that is no event stream, from its status and whatever its body says."""
    text = message_of(body)
    # a body may carry its code beside its message (exceed_context_size_error, 1910): match both
    haystack = f"{text} {body[:2000].decode(errors='replace')}"
    kind = next(
        (kind for kind, code, pattern in _REFUSALS if code in (None, status) and re.search(pattern, haystack)),
        "refused",
    )
    advice = _ADVICE.get(kind, "")
    if kind == "auth":
        advice = (
            f"check the key in {backend.key_env}"
            if backend.key_env
            else "name the key's variable as `key_env` in backends.toml"
        )
    if kind == "rate_limit" and (after := headers.get("retry-after")):
        advice = f"the server asks to wait {after} s" if after.isdigit() else f"the server asks to wait until {after}"
    if kind == "refused" and status in (404, 405):
        advice = "check its address: it often ends in /v1"
    said = f"{backend.name} answered {status}" + (f": {text}" if text else "")
    return BackendError(kind, f"{said.rstrip('.')}. {advice[:1].upper()}{advice[1:]}." if advice else said)


def without_key(text: str, key: str) -> str:
    """The text without the key, whole or cut short: some servers repeat what they were sent."""
    return re.sub(re.escape(key[:8]) + r"[^\s\"'<>]*", "[the key]", text.replace(key, "[the key]")) if key[7:] else text


def message_of(body: bytes) -> str:
    """The words of an error body: the JSON shapes that servers use, else its text without markup."""
    try:
        return words_of(orjson.loads(body))
    except orjson.JSONDecodeError:
        text = body.decode(errors="replace")
        return words_of(re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]+>", " ", text, flags=re.DOTALL))


def words_of(found: object) -> str:
    """The words of an error found in parsed JSON, on one line and cut to a readable length."""
    return re.sub(r"\s+", " ", _words(found)).strip()[:RAW_LIMIT]


def _words(found: object) -> str:
    match found:
        case str():
            return found
        case {"error": (dict() | str()) as inner} | {"message": (dict() | str()) as inner}:
            return _words(inner)
        case {"detail": [*rows]}:
            return "; ".join(
                f"{'.'.join(map(str, row.get('loc') or ()))} {row.get('msg', '')}".strip()
                for row in rows
                if isinstance(row, dict)
            )
        case {"detail": str() as text} | {"title": str() as text}:
            return text
        case _:
            return orjson.dumps(found).decode()


def transport_error(backend: Backend, error: httpx.RequestError) -> BackendError:
    """The error for a request that got no (whole) answer. It is stored and exported, so it names no address."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return BackendError("timeout", f"{backend.name} did not accept a connection in time. Is its address right?")
        case httpx.ReadTimeout() | httpx.WriteTimeout():
            return BackendError(
                "timeout",
                f"{backend.name} was silent for {backend.timeout:g} s. Raise its `timeout` if it needs longer.",
            )
        case httpx.ConnectError() if "SSL" in str(error) or "CERTIFICATE" in str(error).upper():
            return BackendError(
                "tls",
                f"{backend.name}: no secure connection. Check its certificate, or use http:// inside your network.",
            )
        case httpx.ConnectError():
            return BackendError(
                "connect", f"{backend.name} can't be reached. Is the server running, and is its address right?"
            )
        case httpx.UnsupportedProtocol():
            return BackendError("connect", f"{backend.name}: its address must start with http:// or https://.")
        case _:
            return BackendError(
                "truncated",
                f"{backend.name} broke off the connection ({type(error).__name__}). What had arrived is kept.",
            )
