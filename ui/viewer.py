"""Who looks at a page: a browser, known by a cookie that no script can read. Only the cookie's hash is stored."""

import secrets
from hashlib import sha256

import gradio as gr
from starlette.requests import Request, cookie_parser

COOKIE = "lanewise"
YEAR = 365 * 24 * 3600


def of(request: gr.Request) -> str:
    """The viewer of a page; a browser without cookies is another one in each of its tabs."""
    return named(request.cookies.get(COOKIE) or request.session_hash or "")


def who(request: Request) -> str:
    """The viewer that asks for anything but a page."""
    return named(request.cookies.get(COOKIE, ""))


def named(token: str) -> str:
    """What is stored of a cookie."""
    return sha256(token.encode()).hexdigest()[:16]


def token(header: str) -> str:
    """The viewer's cookie in a request's header; "" where it has none."""
    return cookie_parser(header).get(COOKIE, "")


def new() -> str:
    """The header that gives a browser its cookie."""
    return f"{COOKIE}={secrets.token_urlsafe(24)}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax"
