"""One backend as declared: its keys checked, and completed from its kind. It reads no file and no environment."""

import pkgutil
import re
import sys
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import backends
from backends.kind import Kind
from backends.lane import Backend


@cache
def kinds() -> dict[str, Kind]:
    """Every kind, by name: each is the `KIND` of one module of this folder."""
    modules = [import_module(f"{backends.__name__}.{found.name}") for found in pkgutil.iter_modules(backends.__path__)]
    return {module.KIND.name: module.KIND for module in modules if hasattr(module, "KIND")}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_variable(value: object) -> bool:
    # capitals only: keys look like variables too, but have small letters
    return isinstance(value, str) and re.fullmatch(r"[A-Z_][A-Z0-9_]*|", value) is not None


def _is_address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return bool(
            parts.scheme in ("http", "https")
            and parts.hostname
            and parts.port != 0
            and not any(mark in value for mark in "@?#")  # a password or a key would hide there
            and value.isprintable()  # urlsplit drops line breaks, and the client then asks something else
            and " " not in value
        )
    except ValueError:
        return False


def _is_efforts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(effort, str) for effort in value)


def _is_number(value: object, most: float = sys.float_info.max) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_time(value: object) -> bool:
    return _is_number(value) and value != 0


def _is_keys(value: object) -> bool:
    return isinstance(value, list) and all(_is_name(key) for key in value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value is not True and value > 0


# What may stand in a declaration: does a value fit, and what is allowed.
RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "name": (_is_name, "a name for the lane, as text"),
    "kind": (lambda value: isinstance(value, str) and value in kinds(), "the name of a kind"),
    "base_url": (_is_address, "an address such as http://127.0.0.1:8000/v1, without a password, ? or #"),
    "model": (_is_text, "the model id, as text"),
    "artifact": (_is_text, 'text such as "FP8" or "NVFP4"'),
    "key_env": (
        _is_variable,
        "the name of the variable that holds the key, such as VLLM_API_KEY; never the key itself",
    ),
    "efforts": (_is_efforts, 'a list such as ["none", "high"]'),
    "price_in": (_is_number, "US dollars per million tokens, 0 or more"),
    "price_out": (_is_number, "US dollars per million tokens, 0 or more"),
    "connect_timeout": (_is_time, "the seconds until a connection stands, above 0"),
    "first_timeout": (_is_time, "the seconds until the first piece of an answer, above 0"),
    "timeout": (_is_time, "the seconds between two pieces of an answer, above 0"),
    "context": (_is_count, "the tokens that prompt and answer may have together, a whole number from 1"),
    "omit": (_is_keys, 'a list of request keys such as ["stream_options"]'),
    "temperature": (partial(_is_number, most=2), "what a new lane starts with, from 0 to 2"),
    "max_tokens": (_is_count, "what a new lane starts with, a whole number from 1"),
    "note": (_is_text, "text"),
    "concurrency": (_is_count, "how many requests it may have at once, a whole number from 1"),
}


def declared(entry: dict[str, Any]) -> Backend:
    """The entry as a backend, completed from its kind. Raises ValueError, naming the key and what is allowed."""
    for key, value in entry.items():
        if key in ("key", "api_key", "token"):
            raise ValueError(
                f"`{key}`: keys don't belong in this file; put it in a variable, and its name in `key_env`"
            )
        if key not in RULES:
            raise ValueError(f"unknown key `{key}`; allowed are {', '.join(RULES)}")
        fits, allowed = RULES[key]
        if not fits(value):
            raise ValueError(f"`{key}` must be {allowed}" + (f": {', '.join(kinds())}" if key == "kind" else ""))
    kind = kinds().get(entry.get("kind", ""))
    needed = ["name", "kind"] + (["base_url"] if kind and kind.url_env and not kind.base_url else [])
    for key in needed:
        if key not in entry:
            raise ValueError(f"`{key}` is missing: {RULES[key][1]}")
    return _completed(kinds()[entry["kind"]], entry)


def _completed(kind: Kind, entry: dict[str, Any]) -> Backend:
    """What the entry leaves out and its kind knows; a hosted service's model, key and prices are its own alone."""
    completed: dict[str, Any] = {"base_url": kind.base_url} | entry
    if not kind.url_env:  # its other addresses serve the same models
        completed["model"] = entry.get("model") or kind.model
    if kind.base_url and completed["base_url"] == kind.base_url:
        completed = {"model": kind.model, "key_env": kind.key_env} | completed
        if completed["model"] == kind.model:
            completed = {"price_in": kind.price_in, "price_out": kind.price_out} | completed
    for key in ("efforts", "omit"):
        if key in completed:
            completed[key] = tuple(completed[key])
    return Backend(**completed)
