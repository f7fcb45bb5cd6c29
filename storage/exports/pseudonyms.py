"""Names that tell people apart, and not who they are: a keyed hash, the same in every export of a database."""

import hmac
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL, Engine

from storage.database import images_beside
from storage.errors import StorageError

FILE = "pseudonyms.key"
_PSEUDONYM = re.compile(r"(evaluator|viewer)_[0-9a-f]{12}")


def of(engine: Engine) -> Callable[[str, str], str]:
    """What turns a name and what it is the name of ("evaluator", "viewer") into a pseudonym; one stays as it is.

    Raises StorageError.
    """
    secret = _key(beside(engine.url))

    def pseudonym(name: str, role: str) -> str:
        if not name or _PSEUDONYM.fullmatch(name):  # an import has brought it
            return name
        return f"{role}_{hmac.new(secret, f'{role}:{name}'.encode(), 'sha256').hexdigest()[:12]}"

    return pseudonym


def beside(url: URL) -> Path:
    """Where the key of the database at this address is, unless it is given: beside the folder of its images."""
    return images_beside(url.render_as_string(hide_password=False)).parent / FILE


def _key(path: Path) -> bytes:
    """From PSEUDONYM_KEY, or from the file beside the images, which is made when it is first needed."""
    if given := os.environ.get("PSEUDONYM_KEY", ""):
        return given.encode()
    try:
        if not path.exists():
            _make(path)
        return path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"The key for pseudonyms, {path}, can't be used ({error.strerror}): check its rights, give a key in "
            "PSEUDONYM_KEY, or export with names."
        ) from error


def _make(path: Path) -> None:
    """Whole or not at all; one that another export has made meanwhile stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{secrets.token_hex(8)}.tmp")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    with suppress(FileExistsError):
        os.link(unfinished, path)
    unfinished.unlink()
