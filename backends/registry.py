"""Which backends there are: declared in a TOML file, named by the environment, or always there.

What is wrong in a declaration becomes a problem in words; the rest still works. It knows no wire format.
"""

import asyncio
import re
import tomllib
from collections.abc import AsyncGenerator, Container, Iterator, Mapping
from contextlib import aclosing
from itertools import chain
from pathlib import Path
from typing import Any

from backends.declaration import declared, kinds
from backends.errors import BackendError
from backends.events import Event
from backends.kind import Client, Kind
from backends.lane import Backend, Lane
from backends.prompt import Prompt


class Registry:
    """The backends of one app and their clients: one each, made when first asked, kept until `aclose`.

    `path` is the file of declarations, if there is to be one.
    """

    def __init__(
        self,
        backends: tuple[Backend, ...],
        problems: tuple[str, ...],
        environ: Mapping[str, str],
        path: Path | None = None,
    ) -> None:
        self.backends = backends
        self.problems = problems
        self.path = path
        self._environ = environ
        self._clients: dict[Backend, Client] = {}
        self._turns: dict[Backend, asyncio.Semaphore] = {}
        self._read = _stamp(path)

    def reread(self) -> bool:
        """Takes the declarations over if the file has changed since; one that can't be read takes none away."""
        stamp = _stamp(self.path)
        if stamp == self._read:
            return False
        self._read = stamp
        now = load(self.path, self._environ)
        self.problems = now.problems
        if not _is_readable(self.path):
            return False
        # clients of what is declared no more stay until the end: a lane may be under way
        self.backends = now.backends
        return True

    def find(self, name: str | None) -> Backend | None:
        return next((backend for backend in self.backends if backend.name == name), None)

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
        """Asks the lane's backend, at its turn where that takes only so many at once (this is a `runner.Stream`)."""
        if lane.backend.concurrency is None:
            return self.client(lane.backend).stream(lane, prompt)
        return self._at_its_turn(lane, prompt, lane.backend.concurrency)

    async def _at_its_turn(self, lane: Lane, prompt: Prompt, most: int) -> AsyncGenerator[Event]:
        # nothing is sent before, so that no latency holds the wait
        turn, client = self._turns.setdefault(lane.backend, asyncio.Semaphore(most)), self.client(lane.backend)
        async with turn, aclosing(client.stream(lane, prompt)) as events:
            async for event in events:
                yield event

    def client(self, backend: Backend) -> Client:
        """Raises BackendError as `kind` does."""
        client = self._clients.get(backend)
        if client is None:
            kind = self.kind(backend)
            client = self._clients[backend] = kind.connect(kind, backend, self._environ)
        return client

    async def aclose(self) -> None:
        while self._clients:
            await self._clients.popitem()[1].aclose()


def load(path: Path | None, environ: Mapping[str, str]) -> Registry:
    """Reads the declarations in `path`, if there is such a file, then what `environ` names. It does no other I/O."""
    found: dict[str, Backend] = {}
    problems: list[str] = []
    for where, entry in chain(_written_in(path, problems) if path else (), _named_by(environ, found)):
        try:
            backend = declared(entry)
            if backend.name in found:
                raise ValueError(f"the name {backend.name!r} is taken by an earlier entry: give each its own")
            found[backend.name] = backend
        except ValueError as error:
            problems.append(f"{where}: {error}.")
    always = {backend.name: backend for kind in kinds().values() if kind.always for backend in [kind.always(environ)]}
    return Registry(tuple((always | found).values()), tuple(problems), environ, path)


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Another whenever the file is."""
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


def _is_readable(path: Path | None) -> bool:
    try:
        tomllib.loads(path.read_text(encoding="utf-8") if path else "")
    except FileNotFoundError:
        return True  # it was taken away
    except (OSError, ValueError):
        return False
    return True


def _written_in(path: Path, problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each `[[backend]]` of the file, with where it stands; what is wrong with the file itself goes to `problems`."""
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


def _named_by(environ: Mapping[str, str], taken: Container[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The backends that the environment names, where the file has none of that name: a hosted service by its key, one's
    own server by its address."""
    for kind in kinds().values():
        key = kind.key_env if environ.get(kind.key_env) else ""
        if key and kind.base_url and kind.name not in taken:
            yield key, {"name": kind.name, "kind": kind.name} | _settings(environ, key.removesuffix("_API_KEY"))
        # the key of a hosted service is for that service alone
        name, key = (f"{kind.name}-own", "") if kind.base_url else (kind.name, key)
        if (address := environ.get(kind.url_env)) and name not in taken:
            own = {"name": name, "kind": kind.name, "base_url": address, "key_env": key}
            yield kind.url_env, own | _settings(environ, kind.url_env.removesuffix("_BASE_URL"))


def _settings(environ: Mapping[str, str], prefix: str) -> dict[str, Any]:
    found = {key: environ.get(f"{prefix}_{key.upper()}", "") for key in ("model", "artifact")}
    return {key: value for key, value in found.items() if value}
