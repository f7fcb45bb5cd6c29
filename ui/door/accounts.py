"""The user file: names, password hashes, roles. Read anew when it changes, written whole or not at all."""

import json
import logging
import os
import re
import tempfile
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

from pwdlib import PasswordHash

from ui.access import Role

log = logging.getLogger(__name__)

ROLES: tuple[Role, ...] = get_args(Role)
SHORTEST, LONGEST = 8, 1024  # characters of a password
_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,78}[^\s\x00-\x1f\x7f])?")
_HASHING = PasswordHash.recommended()


class UsersError(ValueError):
    """What is wrong with the user file, or with what should be put into it."""


@dataclass(frozen=True, slots=True)
class User:
    name: str
    password: str
    """Its argon2 hash."""
    role: Role


class Users:
    """A user file. Changed, it counts at once; one that can't be read leaves what was read before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, ...] = ()
        self._users: dict[str, User] = {}

    def check(self) -> None:
        """Raises UsersError where nobody could log in."""
        _nobody()
        if not (self.path.exists() and read(self.path)):
            raise UsersError(
                f"{self.path.name} names nobody who could log in: run `python -m ui.users add NAME --role admin`."
            )

    def find(self, name: str) -> User | None:
        self._refresh()
        return self._users.get(name)

    def verified(self, name: str, password: str) -> User | None:
        """The user whose password this is. Blocking, and slow on purpose."""
        user = self.find(name)
        fits = _HASHING.verify(password[:LONGEST], user.password if user else _nobody())
        return user if fits else None

    def _refresh(self) -> None:
        stamp: tuple[int, ...] = ()
        with suppress(FileNotFoundError):
            found = self.path.stat()
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._users = read(self.path) if stamp else {}
        except UsersError as error:
            log.error("%s What it held before still counts.", error)


@cache
def _nobody() -> str:
    """The hash that stands for who is not there, so that they take as long as who is."""
    return _HASHING.hash("")


def read(path: Path) -> dict[str, User]:
    """Raises UsersError."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsersError(f"{path.name} can't be read: {getattr(error, 'strerror', None) or error}.") from error
    return {name: _user(path, name, entry) for name, entry in found.items()}


def _user(path: Path, name: str, entry: object) -> User:
    match entry:
        case {"password": str() as password, "role": "evaluator" | "admin" as role}:
            if not password.startswith("$argon2"):
                raise UsersError(f"{path.name}: the password of {name!r} is no hash: set it with `python -m ui.users`.")
            return User(name, password, role)
    raise UsersError(f"{path.name}: {name!r} needs a `password` and a `role`, {' or '.join(ROLES)}.")


def made(name: str, password: str, role: Role) -> User:
    """A user with a fresh hash. Raises UsersError."""
    if not _NAME.fullmatch(name):
        raise UsersError(f"A name has 1 to 80 letters, with no blank at either end: not {name!r}.")
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsersError(f"A password has {SHORTEST} to {LONGEST} characters.")
    return User(name, _HASHING.hash(password), role)


def write(path: Path, users: dict[str, User]) -> None:
    """Whoever reads it meanwhile finds all of it, old or new; nobody but its owner can."""
    lines = [
        f'[{json.dumps(user.name)}]\npassword = "{user.password}"\nrole = "{user.role}"\n' for user in users.values()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 600 from the start
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
            file.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
