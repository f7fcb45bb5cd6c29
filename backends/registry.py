"""Which backends there are: declared in a TOML file, named by the environment, or always there.

What is wrong in a declaration becomes a problem in words; the rest still works. It knows no wire format.
"""

import pkgutil
import re
import tomllib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import backends
from backends.errors import BackendError
from backends.events import Event
from backends.kind import Client, Kind
from backends.lane import Backend, Lane
from backends.prompt import Prompt


@cache
def kinds() -> dict[str, Kind]:
    """Every kind, by name: each is the `KIND` of one module of this folder."""
    modules = [import_module(f"{backends.__name__}.{found.name}") for found in pkgutil.iter_modules(backends.__path__)]
    return {module.KIND.name: module.KIND for module in modules if hasattr(module, "KIND")}


class Registry:
    """The backends of one app and their clients: one each, made when first asked, kept until `aclose`."""

    def __init__(self, backends: tuple[Backend, ...], problems: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self.backends = backends
        self.problems = problems
        self._environ = environ
        self._clients: dict[Backend, Client] = {}

    def kind(self, backend: Backend) -> Kind:
        """Raises BackendError for a kind that this version does not have (an old comparison may name one)."""
        if backend.kind not in kinds():
            raise BackendError(
                "setup", f"{backend.name} is of the kind {backend.kind!r}, which Lanewise does not have."
            )
        return kinds()[backend.kind]

    def efforts(self, backend: Backend) -> tuple[str, ...]:
        """The efforts to choose from, the default first ("" means: not sent)."""
        return backend.efforts or self.kind(backend).efforts

    def missing_key(self, backend: Backend) -> str:
        """The name of the variable that should hold the key and does not; "" when nothing is missing."""
        return backend.key_env if backend.key_env and not self._environ.get(backend.key_env, "").strip() else ""

    def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        """Asks the lane's backend (this is a `runner.Stream`)."""
        client = self._clients.get(lane.backend)
        if client is None:
            client = self._clients[lane.backend] = self.kind(lane.backend).connect(lane.backend)
        return client.stream(lane, prompt)

    async def aclose(self) -> None:
        while self._clients:
            await self._clients.popitem()[1].aclose()


def load(path: Path | None, environ: Mapping[str, str]) -> Registry:
    """Reads the declarations in `path`, if there is such a file, then what `environ` names. It does no other I/O."""
    problems: list[str] = []
    declared: dict[str, Backend] = {}
    for where, entry in _entries(path, problems) if path else ():
        try:
            backend = _backend(entry)
            if backend.name in declared:
                raise ValueError(f"the name {backend.name!r} is taken by an earlier entry: give each its own")
            declared[backend.name] = backend
        except ValueError as error:
            problems.append(f"{where}: {error}.")
    for where, entry in _named_by(environ):
        try:
            backend = _backend(entry)
            declared.setdefault(backend.name, backend)
        except ValueError as error:
            problems.append(f"{where}: {error}.")
    always = {backend.name: backend for kind in kinds().values() if kind.always for backend in [kind.always()]}
    return Registry(tuple((always | declared).values()), tuple(problems), environ)


def _entries(path: Path, problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each `[[backend]]` of the file, with where it stands."""
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:  # a TOML error names its line
        problems.append(f"{path.name} can't be read: {getattr(error, 'strerror', None) or error}.")
        return
    if unknown := found.keys() - {"backend"}:
        problems.append(
            f"{path.name}: unknown {', '.join(sorted(unknown))}; a backend's keys follow a line [[backend]]."
        )
    entries = found.get("backend", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        problems.append(f"{path.name}: write [[backend]], with two brackets, above each backend.")
        return
    headers = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*backend\s*\]\]", line)]
    lines = headers if len(headers) == len(entries) else [0] * len(entries)
    for line, entry in zip(lines, entries, strict=True):
        at = f"{path.name}, line {line}" if line else path.name
        name = entry.get("name")
        yield (f"{at} ({name!r})" if isinstance(name, str) and name else at), entry


def _named_by(environ: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The backends that the environment names: a hosted service by its key, one's own server by its address."""
    for kind in kinds().values():
        key = kind.key_env if environ.get(kind.key_env) else ""
        if key and kind.base_url:
            yield key, {"name": kind.name, "kind": kind.name} | _settings(environ, key.removesuffix("_API_KEY"))
        if address := environ.get(kind.url_env):
            # the key of a hosted service is for that service alone
            mine = {"name": f"{kind.name}-own"} if kind.base_url else {"name": kind.name, "key_env": key}
            own = {"kind": kind.name, "base_url": address, **mine}
            yield kind.url_env, own | _settings(environ, kind.url_env.removesuffix("_BASE_URL"))


def _settings(environ: Mapping[str, str], prefix: str) -> dict[str, Any]:
    found = {key: environ.get(f"{prefix}_{key.upper()}", "") for key in ("model", "artifact")}
    return {key: value for key, value in found.items() if value}


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
            parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:
        return False


def _is_efforts(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(effort, str) for effort in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


_RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "name": (_is_name, "a name for the lane, as text"),
    "kind": (lambda value: value in kinds(), "one of the kinds that Lanewise has"),
    "base_url": (_is_address, "an address such as http://127.0.0.1:8000/v1, without a password"),
    "model": (_is_text, "the model id, as text"),
    "artifact": (_is_text, 'text such as "FP8" or "NVFP4"'),
    "key_env": (
        _is_variable,
        "the name of the variable that holds the key, such as VLLM_API_KEY; never the key itself",
    ),
    "efforts": (_is_efforts, 'a list such as ["none", "high"]'),
    "price_in": (_is_number, "US dollars per million tokens, 0 or more"),
    "price_out": (_is_number, "US dollars per million tokens, 0 or more"),
    "timeout": (lambda value: _is_number(value) and value != 0, "the seconds that the server may stay silent, above 0"),
    "note": (_is_text, "text"),
}
assert set(_RULES) == {field.name for field in fields(Backend)}


def _backend(entry: dict[str, Any]) -> Backend:
    """The entry as a backend, completed from its kind. Raises ValueError, naming the key and what is allowed."""
    for key, value in entry.items():
        if key in ("key", "api_key", "token"):
            raise ValueError(
                f"`{key}`: keys don't belong in this file; put it in a variable, and its name in `key_env`"
            )
        if key not in _RULES:
            raise ValueError(f"unknown key `{key}`; allowed are {', '.join(_RULES)}")
        fits, allowed = _RULES[key]
        if key == "kind" and not (isinstance(value, str) and fits(value)):
            raise ValueError(f"`kind` must be one of {', '.join(kinds())}")
        if not fits(value):
            raise ValueError(f"`{key}` must be {allowed}")
    for key in ("name", "kind"):
        if key not in entry:
            raise ValueError(f"`{key}` is missing: {_RULES[key][1]}")
    kind = kinds()[entry["kind"]]
    if kind.url_env and not (entry.get("base_url") or kind.base_url):
        raise ValueError(f"`base_url` is missing: {_RULES['base_url'][1]}")
    return _completed(kind, entry)


def _completed(kind: Kind, entry: dict[str, Any]) -> Backend:
    """What the entry leaves out and its kind knows; a hosted service's model, key and prices are its own alone."""
    completed: dict[str, Any] = {"base_url": kind.base_url} | entry
    if kind.base_url and completed["base_url"] == kind.base_url:
        completed = {"model": kind.model, "key_env": kind.key_env} | completed
        if completed["model"] == kind.model:
            completed = {"price_in": kind.price_in, "price_out": kind.price_out} | completed
    if "efforts" in completed:
        completed["efforts"] = tuple(completed["efforts"])
    return Backend(**completed)
