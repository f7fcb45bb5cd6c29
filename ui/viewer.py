"""Who looks at a page: an account, or without a login a browser, known by a cookie that no script can read. Only a hash
is stored."""

import secrets
from hashlib import sha256

import gradio as gr
from starlette.requests import Request, cookie_parser

from ui.access import account

COOKIE = "lanewise"
YEAR = 365 * 24 * 3600


def of(request: gr.Request) -> str:
    """The viewer of a page; a browser without cookies is another one in each of its tabs."""
    return _known(request) or named(request.cookies.get(COOKIE) or request.session_hash or "")


def who(request: Request) -> str:
    """The viewer that asks for anything but a page."""
    return _known(request) or named(request.cookies.get(COOKIE, ""))


def _known(request: Request | gr.Request) -> str:
    """An account is one viewer in all of its browsers, and in one browser another than the next; "" without one."""
    found = account(request).id
    return named(f"account\0{found}") if found else ""  # no cookie holds that character


def named(token: str) -> str:
    """What is stored of a cookie or an account."""
    return sha256(token.encode()).hexdigest()[:16]


def token(header: str) -> str:
    """The viewer's cookie in a request's header; "" where it has none."""
    return cookie_parser(header).get(COOKIE, "")


def new(path: str = "/", secure: bool = False) -> str:
    """The header that gives a browser its cookie."""
    safe = "; Secure" if secure else ""
    return f"{COOKIE}={secrets.token_urlsafe(24)}; Path={path}; Max-Age={YEAR}; HttpOnly; SameSite=Lax{safe}"
