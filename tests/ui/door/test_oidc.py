"""Login through a provider: a small real one, with a door that trusts it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from tests.fake.serving import served
from tests.ui.door.conftest import SECRET, Client, enter
from ui.door.accounts import Users
from ui.door.oidc import account_of
from ui.door.settings import Provider, Settings

Behind = Callable[..., Client]
HTML = {"accept": "text/html"}


KEY = RSAKey.generate_key(2048, {"kid": "k-1", "alg": "RS256", "use": "sig"})


class Identity:
    """A provider: whoever asks is `claims`; what a test changes, it says wrongly."""

    def __init__(self) -> None:
        self.url = ""
        self.claims: dict[str, Any] = {"sub": "u-1", "preferred_username": "Ann", "roles": ["staff"]}
        self.token: dict[str, Any] = {}
        self.key = KEY
        self.signs: tuple[dict[str, str], Any] | None = None
        self.found: dict[str, Any] = {}
        self.codes: dict[str, dict[str, list[str]]] = {}
        self.asked: list[str] = []

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def metadata() -> dict[str, Any]:
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            } | self.found

        @app.get("/jwks")
        def jwks() -> dict[str, Any]:
            return KeySet([self.key]).as_dict(private=False)  # type: ignore[return-value]

        @app.get("/authorize")
        def authorize(request: Request) -> RedirectResponse:
            asked = parse_qs(request.url.query)
            code = f"code-{len(self.codes)}"
            self.codes[code] = asked
            return RedirectResponse(f"{asked['redirect_uri'][0]}?code={code}&state={asked['state'][0]}")

        @app.post("/token")
        def exchange(code: str = Form(), code_verifier: str = Form(""), redirect_uri: str = Form("")) -> Response:
            asked = self.codes.pop(code, None)
            if asked is None or create_s256_code_challenge(code_verifier) != asked["code_challenge"][0]:
                return JSONResponse({"error": "invalid_grant"}, 400)
            assert redirect_uri == asked["redirect_uri"][0]
            now = int(time.time())
            said = {"iss": self.url, "aud": "lanewise", "iat": now, "exp": now + 60, "nonce": asked["nonce"][0]}
            header, key = self.signs or ({"alg": "RS256", "kid": "k-1"}, self.key)
            token = jwt.encode(header, said | self.claims | self.token, key, algorithms=["RS256", "HS256"])
            return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": token})

        @app.middleware("http")
        async def note(request: Request, go_on: Any) -> Response:
            self.asked.append(request.url.path)
            answer: Response = await go_on(request)
            return answer

        return app


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[Identity]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    provider = Identity()
    with served(provider.app(), lifespan="off") as provider.url:
        yield provider


@pytest.fixture
def settings(identity: Identity) -> Settings:
    known = Provider(identity.url, "lanewise", "client secret", admins=frozenset({"role:boss", "ann@example.org"}))
    return Settings(provider=known, secret=SECRET, near=False)


async def go(client: Client, to: str = "/?run=7") -> httpx.Response:
    """Through the provider, as a browser would: the answer to its coming back."""
    asked = await client.get("/login/provider", params={"next": to})
    return await client.get(await back_from(asked))


async def back_from(asked: httpx.Response) -> str:
    """Where the provider sends who agrees."""
    assert asked.status_code == 302, asked.text
    async with httpx.AsyncClient(trust_env=False) as browser:
        return (await browser.get(asked.headers["location"])).headers["location"]


async def test_whoever_the_provider_knows_is_an_evaluator_under_their_name(
    behind: Behind, settings: Settings, identity: Identity
) -> None:
    client = behind(settings)
    page = await client.get("/login?next=/?run=7")
    assert "Log in through 127.0.0.1" in page.text
    assert "password" not in page.text
    entered = await go(client)
    assert (entered.status_code, entered.headers["location"]) == (303, "/?run=7")
    found = (await client.get("/")).json()
    assert (found["name"], found["admin"]) == ("Ann", False)
    other = behind(settings)
    identity.claims |= {"sub": "u-2"}  # another person who calls themselves the same
    await go(other)
    assert (await other.get("/")).json()["viewer"] != found["viewer"]


async def test_what_is_asked_is_bound_to_the_browser_and_to_one_answer(
    behind: Behind, settings: Settings, identity: Identity
) -> None:
    asked = await behind(settings).get("/login/provider")
    query = parse_qs(urlsplit(asked.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == ["http://localhost/login/return"]
    assert all(len(query[each][0]) >= 16 for each in ("state", "nonce", "code_challenge"))
    cookie = asked.headers["set-cookie"]
    assert "lanewise_underway=" in cookie
    assert "httponly" in cookie.lower()
    assert "client secret" not in asked.headers["location"]


async def test_no_other_page_logs_anybody_in_as_somebody_else(
    behind: Behind, settings: Settings, identity: Identity
) -> None:
    mallory, victim = behind(settings), behind(settings)
    link = await back_from(await mallory.get("/login/provider"))
    refused = await victim.get(link)
    assert refused.status_code == 403
    assert "begin it again" in refused.text
    assert (await victim.get("/")).status_code == 401
    await victim.get("/login/provider")  # on the way itself, the victim has another state
    assert (await victim.get(link)).status_code == 403
    assert (await mallory.get(link)).status_code == 303
    assert (await mallory.get(link)).status_code == 403  # once


@pytest.mark.parametrize(
    "token",
    [
        {"iss": "https://another.example"},
        {"aud": "another app"},
        {"nonce": "another"},
        {"exp": 1_000_000},
        {"sub": ""},
    ],
)
async def test_a_token_for_somebody_or_something_else_is_refused(
    behind: Behind, settings: Settings, identity: Identity, token: dict[str, Any]
) -> None:
    identity.token = token
    client = behind(settings)
    assert (await go(client)).status_code == 403
    assert (await client.get("/")).status_code == 401


async def test_only_the_providers_own_key_signs_whatever_it_offers(
    behind: Behind, settings: Settings, identity: Identity
) -> None:
    other = RSAKey.generate_key(2048, {"kid": "k-1"})
    for signs in (
        ({"alg": "RS256", "kid": "k-1"}, other),
        ({"alg": "HS256", "kid": "k-1"}, OctKey.import_key("client secret that is long enough for it")),
    ):
        identity.signs = signs
        client = behind(settings)
        assert (await go(client)).status_code == 403
        assert (await client.get("/")).status_code == 401


async def test_a_provider_that_calls_itself_another_or_sends_on_is_not_asked_further(
    behind: Behind, settings: Settings, identity: Identity
) -> None:
    identity.found = {"issuer": "https://another.example"}
    refused = await behind(settings).get("/login/provider")
    assert refused.status_code == 502
    assert "is no provider" in refused.text
    assert identity.asked == ["/.well-known/openid-configuration"]

    elsewhere = FastAPI()

    @elsewhere.get("/{path:path}")
    def on(path: str) -> RedirectResponse:
        return RedirectResponse(f"{identity.url}/.well-known/openid-configuration")

    with served(elsewhere, lifespan="off") as url:
        known = replace(settings, provider=Provider(url, "lanewise", "x"))
        assert (await behind(known).get("/login/provider")).status_code == 502
    assert identity.asked == ["/.well-known/openid-configuration"]


async def test_a_provider_that_is_gone_is_said(behind: Behind, settings: Settings) -> None:
    gone = replace(settings, provider=Provider("http://127.0.0.1:9", "lanewise", "x"))
    assert (await behind(gone).get("/login/provider")).status_code == 502


async def test_both_ways_in_stand_beside_one_another(
    behind: Behind, settings: Settings, users: Users, identity: Identity
) -> None:
    client = behind(replace(settings, users=users))
    page = await client.get("/login")
    assert "Password" in page.text
    assert "Log in through" in page.text
    assert (await enter(client, "bob")).status_code == 303
    await go(client)
    assert (await client.get("/")).json()["name"] == "Ann"


def test_a_session_of_the_provider_ends_when_who_may_come_in_changes(settings: Settings) -> None:
    from ui.door.door import Door

    door = Door(settings)
    account = account_of({"sub": "u-1"}, settings.provider)  # type: ignore[arg-type]
    assert account
    assert door.sessions
    token = door.sessions.begin(account)
    assert Door(settings).sessions.read(token)  # type: ignore[union-attr]
    stricter = replace(settings, provider=replace(settings.provider, evaluators=frozenset({"u-9"})))  # type: ignore[type-var]
    assert Door(stricter).sessions.read(token) is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({}, "evaluator"),
        ({"roles": ["staff", "boss"]}, "admin"),
        ({"roles": "staff boss"}, "admin"),
        ({"email": "ann@example.org", "email_verified": True}, "admin"),
        ({"email": "ann@example.org"}, "evaluator"),
        ({"email": "ann@example.org", "email_verified": "yes"}, "evaluator"),
        ({"preferred_username": "ann@example.org"}, "evaluator"),
        ({"preferred_username": "role:boss", "name": "role:boss"}, "evaluator"),
        ({"roles": {"boss": True}}, "evaluator"),
    ],
)
def test_nobody_becomes_an_admin_by_a_name_that_they_can_choose(claims: dict[str, Any], role: str) -> None:
    known = Provider("https://id.example.org", "lanewise", "x", admins=frozenset({"role:boss", "ann@example.org"}))
    account = account_of({"sub": "u-1"} | claims, known)
    assert account
    assert account.role == role


def test_only_who_is_named_comes_in_where_evaluators_are_named() -> None:
    known = Provider("https://id", "x", "x", frozenset({"u-1"}), frozenset({"role:rater"}), claim="realm_access.roles")
    assert account_of({"sub": "u-2"}, known) is None
    rater = account_of({"sub": "u-2", "realm_access": {"roles": ["rater"]}}, known)
    assert rater
    assert (rater.role, rater.name) == ("evaluator", "u-2")
    boss = account_of({"sub": "u-1"}, known)
    assert boss
    assert boss.role == "admin"
