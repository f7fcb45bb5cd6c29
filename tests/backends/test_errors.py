"""Refusals in the servers' own shapes become one kind each, with words and advice for a person."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from backends.errors import BackendError, message_of, refusal, silence, transport_error, without_key
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


def refused(status: int, **headers: str) -> BackendError:
    return refusal(
        BACKEND, status, b"", httpx.Headers({name.replace("_", "-"): said for name, said in headers.items()})
    )


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (
            {"error": {"code": 429, "message": "Rate limit exceeded"}},
            "rate_limit",
            "Rate limit exceeded. The server asks",
        ),
        ({"object": "error", "message": "Busy", "code": 503}, "overloaded", "Busy. The server asks to wait 7 s."),
        ({"error": {"code": 401, "message": "No such key"}}, "auth", "No such key. Check the key in VLLM_API_KEY."),
        ({"error": {"code": 7, "message": "Out of memory"}}, "refused", "Out of memory. The server failed at this"),
        (
            {"error": {"code": "1300", "message": "Out of memory"}},
            "refused",
            "Out of memory. The server failed at this",
        ),
        ({"error": "Out of memory"}, "refused", "Out of memory. The server failed at this"),
        ({"object": "error", "message": "Out of memory"}, "refused", "Out of memory. The server failed at this"),
        ({"error": "does not support tools"}, "tools_disabled", "does not support tools. Start the server"),
        ({"error": None, "message": "Welcome"}, "not_a_stream", "OpenAI-compatible"),
        ({"error": {}, "object": "list"}, "not_a_stream", "OpenAI-compatible"),
    ],
)
def test_an_error_under_status_200_is_the_error_that_it_names(body: object, kind: str, said: str) -> None:
    error = refusal(BACKEND, 200, json.dumps(body).encode(), httpx.Headers({"retry-after": "7"}))
    assert error.kind == kind
    assert error.retry_after == (7 if kind in ("rate_limit", "overloaded") else None)
    assert said in str(error)
    assert ("answered 200, but with an error:" in str(error)) == (kind != "not_a_stream")


@pytest.mark.parametrize("status", [429, 503, 529])
def test_who_asks_to_wait_is_quoted_and_can_be_obeyed(status: int) -> None:
    error = refused(status, retry_after="7")
    assert error.retry_after == 7.0
    assert "The server asks to wait 7 s." in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after": "9", "retry_after_ms": "250"}, 0.25),
        ({"retry_after": "-3"}, 0.0),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry_after": "1e300"}, 86_400.0),
        ({"retry_after": "Fri, 31 Dec 9999 23:59:59 -0000"}, 86_400.0),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "Fri, 31 Dec 99999999999 23:59:59 GMT"}, None),
        ({"retry_after_ms": "soon"}, None),
        ({}, None),
    ],
)
def test_the_time_to_wait_comes_in_many_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert refused(429, **headers).retry_after == seconds


def test_a_date_to_wait_for_becomes_seconds() -> None:
    after = refused(
        503, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    ).retry_after
    assert after is not None
    assert 80 < after <= 90


def test_only_what_may_work_later_has_a_time_to_wait() -> None:
    assert refused(401, retry_after="7").retry_after is None


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://gpu:8443/v1/chat/completions?token=s3cret", "on to https://gpu:8443/v1."),
        ("/api/v1/chat/completions/", "on to http://gpu:8000/api/v1."),
        ("https://someone:s3cret@sso.example/login?next=x", "on to https://sso.example/login."),
        ("http://[", "no address at all"),
    ],
)
def test_a_redirect_says_where_the_address_should_point_without_what_may_be_a_key(location: str, said: str) -> None:
    error = refused(308, location=location)
    assert (error.kind, said in str(error), "s3cret" in str(error)) == ("refused", True, False)


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
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"error":null}',
        b'{"detail":[1,{"msg":"m"}]}',
        b'{"detail":[{"loc":7}]}',
        b"{",
        b'{"error":' * 900 + b"{}" + b"}" * 900,
        b'{"detail":' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_any_body_has_words_or_none(body: bytes) -> None:
    assert isinstance(message_of(body), str)


def test_a_server_that_does_not_begin_to_answer_names_its_own_setting() -> None:
    error = silence(replace(BACKEND, first_timeout=60), "first_timeout")
    assert str(error) == "lane did not begin to answer within 60 s. Raise its `first_timeout` if it needs longer."


def test_a_long_body_is_cut() -> None:
    assert len(message_of(b"word " * 1000)) <= 300


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (httpx.ConnectError("All connection attempts failed"), "connect", "lane can't be reached"),
        (httpx.ConnectError("Connection refused"), "connect", "still loads its model may refuse connections"),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), "tls", "certificate"),
        (httpx.ConnectTimeout(""), "timeout", "within 10 s. Is its address right? Raise its `connect_timeout`"),
        (httpx.ReadTimeout(""), "timeout", "silent for 5 s. What had arrived is kept. Raise its `timeout`"),
        (httpx.WriteTimeout(""), "timeout", "silent for 5 s"),
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
