"""The login page and its acts: in with a password or by the provider, and out again. It works without scripts."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from jinja2 import Environment
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from ui.access import Account
from ui.door.accounts import LONGEST, Users
from ui.door.cookies import Cookies
from ui.door.logouts import Logouts
from ui.door.session import Sessions

if TYPE_CHECKING:
    from ui.door.oidc import Oidc

log = logging.getLogger(__name__)

ASSETS = Path(__file__).parents[1] / "assets"
PAGE = Environment(autoescape=True, trim_blocks=True).from_string((ASSETS / "login.html").read_text())
STYLE = (ASSETS / "login.css").read_text()
POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# without any referrer, browsers would not say either where the form was sent from
OWN = {"content-security-policy": POLICY, "cache-control": "no-store", "referrer-policy": "same-origin"}
FROM_ONE_PLACE, FOR_ONE_NAME = RateLimitItemPerMinute(10), RateLimitItemPerHour(30)  # that fail
AT_ONCE = 2  # hashes at a time: each wants 64 MB

WRONG = "That name and password don't belong together."
OFTEN = "Too many tries. Wait a minute, then try again."


class Refused(Exception):
    """Nobody came in this way; in words for who tried."""


def routes(
    users: Users | None,
    oidc: "Oidc | None",
    sessions: Sessions,
    logouts: Logouts,
    cookies: Cookies,
    failed: Callable[[str], None],
) -> APIRouter:
    """`failed` is told how a login failed."""
    router, tries, hashing = APIRouter(), MovingWindowRateLimiter(MemoryStorage()), CapacityLimiter(AT_ONCE)

    def page(request: Request, said: str = "", status: int = 200, name: str = "", to: str = "") -> HTMLResponse:
        html = PAGE.render(
            root=request.scope.get("root_path", ""),
            account=_account(request, sessions, cookies),
            said=said,
            name=name,
            to=to,
            by_password=users is not None,
            provider=oidc and oidc.host,
        )
        return HTMLResponse(html, status, OWN)

    def entered(request: Request, account: Account, to: str) -> Response:
        token = sessions.begin(account)
        log.info("login", extra={"role": account.role})
        response = RedirectResponse(_inside(request, to), 303)
        for header in cookies.entered(request.scope, token, account):
            response.headers.append("set-cookie", header)
        return response

    @router.get("/login")
    def ask(request: Request) -> Response:
        return page(request, to=request.query_params.get("next", ""))

    @router.post("/login")
    async def enter(request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=8)
        name, password, to = (str(form.get(each) or "").strip() for each in ("name", "password", "next"))
        password = str(form.get("password") or "")
        where = request.client.host if request.client else ""
        if users is None:
            return page(request, "Log in through your provider.", 400, to=to)
        by_place, by_name = (FROM_ONE_PLACE, "place", where), (FOR_ONE_NAME, "name", where, name)
        async with hashing:  # asked and counted within, so that no flood of tries comes before its first is counted
            if not (tries.test(*by_place) and tries.test(*by_name)):
                failed("often")
                return page(request, OFTEN, 429, name, to)
            user = await to_thread.run_sync(users.verified, name, password[: LONGEST + 1])
            if user is None:
                tries.hit(*by_place)
                tries.hit(*by_name)
        if user is None:
            failed("password")
            return page(request, WRONG, 401, name, to)
        return entered(request, Account(f"user:{user.name}", user.name, user.role), to)

    @router.post("/logout")
    async def leave(request: Request) -> Response:
        if found := sessions.read(cookies.session(request.scope)):
            await logouts.add(found)
        response = RedirectResponse(f"{request.scope.get('root_path', '')}/login", 303)
        for header in cookies.left(request.scope):
            response.headers.append("set-cookie", header)
        return response

    @router.get("/login.css")
    def style() -> Response:
        return Response(STYLE, media_type="text/css", headers={"cache-control": "max-age=3600"})

    if oidc is None:
        return router

    @router.get("/login/provider")
    async def ask_provider(request: Request) -> Response:
        try:
            return await oidc.ask(request, _inside(request, request.query_params.get("next", "")))
        except Refused as error:
            failed("provider")
            return page(request, str(error), 502)

    @router.get("/login/return")
    async def come_back(request: Request) -> Response:
        try:
            account, to = await oidc.come_back(request)
        except Refused as error:
            failed("provider")
            return page(request, str(error), 403)
        return entered(request, account, to)

    return router


def stranger(scope: dict[str, Any], accept: bytes) -> Response:
    """What somebody who is not logged in gets instead: a page leads to the login, all else says so."""
    root, path = scope.get("root_path", ""), scope["path"]
    if scope["method"] in ("GET", "HEAD") and b"text/html" in accept:
        asked = f"{path}?{scope['query_string'].decode('latin-1')}".rstrip("?")
        return RedirectResponse(f"{root}/login?next={quote(asked, safe='')}", 303, {"cache-control": "no-store"})
    return PlainTextResponse("Log in first.", 401, {"cache-control": "no-store"})


def _account(request: Request, sessions: Sessions, cookies: Cookies) -> Account | None:
    found = sessions.read(cookies.session(request.scope))
    return found.account if found else None


def _inside(request: Request, to: str) -> str:
    """Where to go then: a place of ours, whatever an address asks for."""
    root = request.scope.get("root_path", "")
    parts = urlsplit(to) if to.isprintable() and "\\" not in to else None
    own = parts and not parts.scheme and not parts.netloc and to.startswith(f"{root}/") and not to.startswith("//")
    return to if own else f"{root}/"
