"""Refusals in the servers' own shapes become one kind each, with words and advice for a person."""

import json
from pathlib import Path

import httpx
import pytest

from backends.errors import message_of, refusal, transport_error, without_key
from backends.lane import Backend

BACKEND = Backend("lane", "vllm", "http://gpu:8000/v1", key_env="VLLM_API_KEY", timeout=5)
REFUSALS = json.loads((Path(__file__).parent / "refusals.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("kind", "status", "body", "said"), REFUSALS)
def test_each_refusal_has_its_kind_and_keeps_its_words(kind: str, status: int, body: object, said: str) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    error = refusal(BACKEND, status, raw.encode(), httpx.Headers())
    assert error.kind == kind
    assert str(error).startswith(f"lane answered {status}")
    assert said in str(error)


@pytest.mark.parametrize(
    ("after", "said"),
    [("7", "asks to wait 7 s"), ("Wed, 21 Oct 2026 07:28:00 GMT", "asks to wait until Wed, 21 Oct 2026 07:28:00 GMT")],
)
def test_a_rate_limit_says_how_long_to_wait(after: str, said: str) -> None:
    assert said in str(refusal(BACKEND, 429, b"{}", httpx.Headers({"retry-after": after})))


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("no such key: s3cret-and.long, sorry", "no such key: [the key], sorry"),
        ("{'sent': 's3cret-and.long'}", "{'sent': '[the key]'}"),
        ("cut in its middle: s3cret-an", "cut in its middle: [the key]"),
        ("s3cret of another kind", "s3cret of another kind"),
    ],
)
def test_a_key_is_blanked_whole_and_cut(text: str, blanked: str) -> None:
    assert without_key(text, "s3cret-and.long") == blanked
    assert without_key(text, "") == without_key(text, "s3cret") == text


def test_a_refused_request_without_a_declared_key_says_how_to_declare_one() -> None:
    error = refusal(Backend("lane", "vllm"), 401, b'{"error":"Unauthorized"}', httpx.Headers())
    assert "`key_env`" in str(error)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"null", b"[]", b'{"error":null}', b'{"detail":[1,{"msg":"m"}]}', b"{"]
)
def test_any_body_has_words_or_none(body: bytes) -> None:
    assert isinstance(message_of(body), str)


def test_a_long_body_is_cut() -> None:
    assert len(message_of(b"word " * 1000)) <= 300


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (httpx.ConnectError("All connection attempts failed"), "connect", "lane can't be reached"),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), "tls", "certificate"),
        (httpx.ConnectTimeout(""), "timeout", "did not accept a connection"),
        (httpx.ReadTimeout(""), "timeout", "silent for 5 s"),
        (httpx.UnsupportedProtocol(""), "connect", "http:// or https://"),
        (httpx.RemoteProtocolError(""), "truncated", "RemoteProtocolError"),
        (httpx.ReadError(""), "truncated", "ReadError"),
        (httpx.DecodingError(""), "truncated", "DecodingError"),
    ],
)
def test_each_transport_error_says_what_to_look_at(error: httpx.RequestError, kind: str, said: str) -> None:
    found = transport_error(BACKEND, error)
    assert found.kind == kind
    assert said in str(found)
    assert "gpu" not in str(found)
