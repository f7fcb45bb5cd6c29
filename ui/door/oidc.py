"""Login through an OpenID Connect provider: the authorization code flow with PKCE, state and nonce, by authlib."""

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request
from fastapi.responses import Response
from httpx2 import HTTPError
from joserfc.errors import JoseError

from ui.access import Account, Role
from ui.door.login import Refused
from ui.door.settings import Provider

log = logging.getLogger(__name__)

PATIENCE = 10.0
KEPT = "to"
SIGNING = frozenset(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)) | {"EdDSA"}
"""By a key that the provider alone has: whatever it offers, nothing unsigned or signed by what it shares."""


class Oidc:
    def __init__(self, provider: Provider) -> None:
        self.provider, self.host = provider, urlsplit(provider.issuer).hostname or "your provider"
        self._app = OAuth().register(
            "provider",
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            server_metadata_url=f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration",
            # authlib's client follows no redirect: what the issuer says of itself is asked of the issuer alone
            client_kwargs={"scope": provider.scope, "code_challenge_method": "S256", "timeout": PATIENCE},
        )

    async def ask(self, request: Request, to: str) -> Response:
        """Sends the browser to the provider; `to` is where it goes when it comes back."""
        try:
            await self._known()
            back = str(request.url_for("come_back"))
            request.session[KEPT] = to
            response: Response = await self._app.authorize_redirect(request, back)
        except (HTTPError, AuthlibBaseError, ValueError, RuntimeError) as error:
            log.error("the login's provider can't be used: %r", error)
            raise Refused(f"{self.host} can't be reached, or is no provider: the app's log says more.") from error
        return response

    async def come_back(self, request: Request) -> tuple[Account, str]:
        """Who the provider says has come, and where they wanted to go. Raises Refused."""
        try:
            await self._known()
            # an answer that was asked for by this browser: its state is in the browser's own cookie
            issuer = {"iss": {"essential": True, "value": self._app.server_metadata["issuer"]}}
            async with asyncio.timeout(2 * PATIENCE):
                token = await self._app.authorize_access_token(request, claims_options=issuer)
        except (HTTPError, AuthlibBaseError, JoseError, ValueError, RuntimeError, KeyError, TimeoutError) as error:
            log.warning("a login through the provider failed: %s", type(error).__name__)
            raise Refused("That login did not work, or took too long: begin it again.") from error
        to = str(request.session.pop(KEPT, "") or "/")
        claims = token.get("userinfo") or {}
        if not claims.get("sub"):
            raise Refused(f"{self.host} did not say who you are.")
        account = account_of(claims, self.provider)
        if account is None:
            raise Refused(f"{self.host} knows you, but you may not use Lanewise: ask whoever runs it.")
        return account, to

    async def _known(self) -> None:
        """What the provider says of itself, once it is the one that was meant and signs well."""
        found = await self._app.load_server_metadata()
        if str(found.get("issuer", "")).rstrip("/") != self.provider.issuer.rstrip("/"):
            raise ValueError(f"it calls itself {found.get('issuer')!r}")
        offered = found.get("id_token_signing_alg_values_supported") or ["RS256"]
        found["id_token_signing_alg_values_supported"] = [each for each in offered if each in SIGNING] or ["RS256"]


def account_of(claims: dict[str, Any], provider: Provider) -> Account | None:
    """Nobody is let in by a name that they could have chosen: ids, verified addresses and roles count."""
    sub = str(claims["sub"])
    marks = {sub, *(f"role:{each}" for each in _roles(claims, provider.claim))}
    if claims.get("email") and claims.get("email_verified") is True:
        marks.add(str(claims["email"]))
    role: Role = "admin" if marks & provider.admins else "evaluator"
    if role != "admin" and provider.evaluators and not marks & provider.evaluators:
        return None
    said = " ".join(str(claims.get(provider.name) or sub).split())
    return Account(f"oidc:{provider.issuer}:{sub}", "".join(filter(str.isprintable, said))[:80] or sub[:80], role)


def _roles(claims: dict[str, Any], claim: str) -> list[str]:
    """The values of a claim, which may lie deeper: `realm_access.roles`."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for step in claim.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, str):
        return found.split()
    return [str(each) for each in found] if isinstance(found, list) else []
