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

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import httpx
import orjson

from backends.lane import Backend

RAW_LIMIT = 300
_NOT_SHOWN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
LONGEST_WAIT = 86_400.0  # seconds, whatever a server says


class BackendError(Exception):
    """A lane's failure. `str(error)` is for a person; `kind` is one of the words above; `retry_after` the seconds that
    the server asks to wait before another try."""

    def __init__(self, kind: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after


def broke(error: Exception) -> str:
    """The words for what is nobody's fault but ours; the traceback is for the log."""
    return f"Something broke inside Lanewise ({type(error).__name__}). Please report it with the app's log."


# The first row whose status (None: any) and pattern match names the failure; patterns are the servers' own words.
_REFUSALS: tuple[tuple[str, int | None, str], ...] = (
    ("not_a_stream", 200, r""),
    (
        "extra_field",
        None,
        r"extra_forbidden|unexpected fields in the request|unrecognized request argument|unknown parameter"
        r"|unsupported parameter|property '\w+' is unsupported|extra inputs are not permitted|unknown name \"",
    ),
    (
        "context_overflow",
        None,
        r"maximum context length|too large for model with|longer than the (maximum model|model's context) length"
        r"|exceeds the available context size|exceed_context_size|prompt too long|tokens to keep from the initial"
        r"|max_(completion_)?tokens.{0,20} is too large",
    ),
    (
        "bad_effort",
        None,
        r"reasoning_effort['\"]? (should be one of|must be|does not support)|reasoning prompt mode is not enabled"
        r"|(literal_error|enum).{0,40}reasoning_effort|does not support thinking|think value .{0,20} is not supported",
    ),
    (
        "tools_disabled",
        None,
        r"enable-auto-tool-choice|tool-call-parser|requires --jinja|does not support tools|that support tool use",
    ),
    (
        "no_vision",
        None,
        r"image input is not supported|mmproj|at most 0 image|not a multimodal model|that support image input",
    ),
    (
        "image_bad",
        None,
        r"cannot identify image|image exceeds|failed to load image|at most [1-9]\d* image|image file is truncated"
        r"|image.{0,20} too large",
    ),
    ("image_bad", 413, r""),
    (
        "template",
        None,
        r"chat_template is not supported|roles must alternate|jinja|code\W+3230\b|unsupported content\[\]\.type"
        r"|chat template|generate parser for this template",
    ),
    ("rate_limit", None, r"service_tier_capacity_exceeded"),
    (
        "billing",
        None,
        r"code\W+1910\b|tier_not_allowed|insufficient_quota|(insufficient|out of|no more|exceeded).{0,20}credit",
    ),
    ("billing", 402, r""),
    ("model_not_found", 404, r"does not exist|NotFoundError|model|not found for account"),
    ("model_not_found", 400, r"invalid_model|invalid model|server is pinned to|not a valid model"),
    ("auth", 401, r""),
    ("auth", 403, r"^\s*$|unauthorized|forbidden|authenticat|authoriz|api key"),
    ("rate_limit", 429, r""),
    ("loading", 503, r"loading"),
    ("loading", 202, r""),
    ("overloaded", 502, r""),
    ("overloaded", 503, r""),
    ("overloaded", 504, r""),
    ("overloaded", 529, r""),
)
_KINDS = tuple((kind, status, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for kind, status, pattern in _REFUSALS)

_ADVICE = {
    "not_a_stream": "is its address that of an OpenAI-compatible API? It often ends in /v1",
    "context_overflow": "shorten the prompt, lower the lane's token limit, or serve the model with a larger context",
    "bad_effort": "choose an effort that this model has",
    "tools_disabled": "start the server with its tool-call parser, or send no tools",
    "no_vision": "remove the images, or serve the model with its vision part",
    "image_bad": "send fewer, smaller or other images",
    "template": "the server's chat template refuses this conversation: start a new comparison, or check the template",
    "model_not_found": "check the model id in backends.toml",
    "billing": "check the plan and credits of this key",
    "rate_limit": "wait, then run again",
    "loading": "the model is still loading: wait, then run again",
    "overloaded": "the server is overloaded or down: wait, then run again",
}

# How servers name a field that they do not know.
_FIELD = re.compile(
    r"unexpected fields in the request: \{?'(\w+)'|unrecognized request arguments? supplied: (\w+)"
    r"|(?:unknown|unsupported) parameter: '([\w.\[\]]+)'|property '(\w+)' is unsupported"
    r"|unknown name \"(\w+)\"|([\w.]+):? extra inputs are not permitted",
    re.IGNORECASE,
)


def refusal(backend: Backend, status: int, body: bytes, headers: Mapping[str, str]) -> BackendError:
    """The error for an answer that is no event stream, from its status and whatever its body says."""
    text, meant = message_of(body), _meant(body) if status == 200 else 0
    answered = f"{backend.name} answered {status}{', but with an error' if meant else ''}"
    status = meant or status
    # a body may carry its code beside its message (exceed_context_size_error, 1910): match both
    haystack = f"{text} {_readable(body[:2000])}"
    kind = next((kind for kind, code, said in _KINDS if code in (None, status) and said.search(haystack)), "refused")
    if kind == "refused" and status == 500 and not meant:
        text = one_line(_readable(body))  # what the server has to say may stand anywhere: a NIM hides refusals in 500s
    after = retry_after(headers) if kind in ("rate_limit", "loading", "overloaded") else None
    advice = _advice(backend, kind, status, text, headers)
    if after:
        advice = f"the server asks to wait {math.ceil(after)} s"
    said = f"{answered}: {text}" if text else answered
    return BackendError(kind, f"{said.rstrip('.')}. {advice[:1].upper()}{advice[1:]}." if advice else said, after)


def _meant(body: bytes) -> int:
    """The status that the error in the body of an answer with 200 would have had; 0 where there is none."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return 0
    match found:
        case {"error": {"code": int() as code}} | {"object": "error", "code": int() as code} if 400 <= code < 600:
            return code
        case {"error": str() | dict() as error} if error:
            return 500
        case {"object": "error"}:
            return 500
        case _:
            return 0


def _advice(backend: Backend, kind: str, status: int, text: str, headers: Mapping[str, str]) -> str:
    match kind:
        case "auth" if backend.key_env:
            return f"check the key in {backend.key_env}"
        case "auth":
            return "name the key's variable as `key_env` in backends.toml"
        case "extra_field":
            return _field_advice(text)
        case "refused" if location := headers.get("location", "") if 300 <= status < 400 else "":
            return f"correct its address in backends.toml: it sends requests on to {_target(backend, location)}"
        case "refused" if status in (404, 405):
            return "check its address: it often ends in /v1"
        case "refused" if status >= 500:
            return "the server failed at this request: its own log may say why"
        case _:
            return _ADVICE.get(kind, "")


def _field_advice(text: str) -> str:
    found = _FIELD.search(text)
    field = next(filter(None, found.groups()), "").removeprefix("body.") if found else ""
    if field.isidentifier():
        return f'this server does not take `{field}`: write omit = ["{field}"] under it in backends.toml'
    return "the declared kind does not fit this server: check `kind` in backends.toml"


def _target(backend: Backend, location: str) -> str:
    """Where a redirect points, as an address to declare: without the path that we add, or what may hold a key."""
    try:
        parts = urlsplit(urljoin(f"{backend.base_url.rstrip('/')}/chat/completions", location))
    except ValueError:
        return "no address at all"
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"[:RAW_LIMIT]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait: `retry-after-ms`, or `Retry-After` as seconds or as an HTTP date."""
    milliseconds, said = headers.get("retry-after-ms"), headers.get("retry-after", "")
    try:
        seconds = float(said) if milliseconds is None else float(milliseconds) / 1000
    except ValueError:
        try:
            date = parsedate_to_datetime(said)
        except (ValueError, OverflowError):  # the latter at a year of many digits
            return None
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else None


def without_key(text: str, key: str) -> str:
    """The text without the key, whole or cut short: some servers repeat what they were sent."""
    return re.sub(re.escape(key[:8]) + r"[^\s\"'<>]*", "[the key]", text.replace(key, "[the key]")) if key[7:] else text


def message_of(body: bytes) -> str:
    """The words of an error body: the JSON shapes that servers use, else its text without markup."""
    try:
        return words_of(orjson.loads(body))
    except orjson.JSONDecodeError:
        return one_line(_readable(body))


def words_of(found: object) -> str:
    """The words of an error found in parsed JSON, on one line and cut to a readable length."""
    return one_line(_words(found))


def one_line(text: str, most: int = RAW_LIMIT) -> str:
    """A server's words where a line has room for them, as in a log: nothing in them moves a cursor or turns a line."""
    return _NOT_SHOWN.sub(" ", text).strip()[:most]


def _readable(body: bytes) -> str:
    text = body.decode(errors="replace")
    return re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]+>", " ", text, flags=re.DOTALL)


def _words(found: object) -> str:
    while True:
        match found:
            case {"error": (dict() | str()) as inner}:
                found = inner
            case {"message": str() as text, "metadata": {"raw": str() as raw}}:  # OpenRouter, of whom it asked
                return f"{text}: {raw}"
            case {"message": (dict() | str()) as inner}:
                found = inner
            case {"detail": [*rows]}:
                return "; ".join(_row(row) for row in rows if isinstance(row, dict))
            case {"detail": str() as text} | {"title": str() as text} | (str() as text):
                return text
            case _:
                return _dumped(found)


def _row(row: dict[str, object]) -> str:
    """One row of a validation error: where, and what."""
    where = row.get("loc")
    path = ".".join(map(str, where)) if isinstance(where, list) else str(where or "")
    return f"{path} {row.get('msg', '')}".strip()


def _dumped(found: object) -> str:
    try:
        return orjson.dumps(found).decode()
    except TypeError:  # nested deeper than it writes
        return ""


def broken_off(name: str, said: str) -> BackendError:
    """The error for a stream in which the server tells of one, in its own words."""
    why = f": {said.rstrip('.')}." if said else " and did not say why."
    return BackendError("midstream", f"{name} broke off{why}")


def silence(backend: Backend, setting: str) -> BackendError:
    """The error for a server that let the time of `setting` pass: `first_timeout` or `timeout`."""
    if setting == "first_timeout":
        said = f"did not begin to answer within {backend.first_timeout:g} s"
    else:
        said = f"was silent for {backend.timeout:g} s. What had arrived is kept"
    return BackendError("timeout", f"{backend.name} {said}. Raise its `{setting}` if it needs longer.")


def transport_error(backend: Backend, error: httpx.RequestError) -> BackendError:
    """The error for a request that got no (whole) answer. It is stored and exported, so it names no address."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return BackendError(
                "timeout",
                f"{backend.name} did not accept a connection within {backend.connect_timeout:g} s. Is its address "
                "right? Raise its `connect_timeout` if it needs longer.",
            )
        case httpx.TimeoutException():
            return silence(backend, "timeout")
        case httpx.ConnectError() if "SSL" in str(error) or "CERTIFICATE" in str(error).upper():
            return BackendError(
                "tls",
                f"{backend.name}: no secure connection. Check its certificate, or use http:// inside your network.",
            )
        case httpx.ConnectError():
            return BackendError(
                "connect",
                f"{backend.name} can't be reached. Is the server running, and is its address right? "
                "One that still loads its model may refuse connections.",
            )
        case httpx.UnsupportedProtocol():
            return BackendError("connect", f"{backend.name}: its address must start with http:// or https://.")
        case _:
            return BackendError(
                "truncated",
                f"{backend.name} broke off the connection ({type(error).__name__}). What had arrived is kept.",
            )
