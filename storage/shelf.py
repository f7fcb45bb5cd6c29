"""Where images lie, under names that they are given: a folder, or a bucket that several apps share. Knows addresses."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

from storage.errors import StorageError


class Shelf(Protocol):
    """What lies under a key never changes. All raise StorageError, and block."""

    def has(self, key: str) -> bool: ...

    def read(self, key: str) -> bytes:
        """Raises KeyError where there is nothing."""

    def write(self, key: str, data: bytes) -> None:
        """All of it or nothing, there to stay on return."""

    def delete(self, key: str) -> None:
        """Does nothing where there is nothing."""

    def listing(self) -> Iterator[str]:
        """Every key there is, in any order; other things may lie among them."""


def at(address: str) -> Shelf:
    """Raises StorageError where the address is none, or leads to nothing that can be used."""
    try:
        scheme, host, path, *more = urlsplit(address)
    except ValueError:
        scheme = ""
    if scheme == "file" and host in ("", "localhost") and path and not any(more):
        return Folder(Path(url2pathname(path)))
    if scheme == "s3" and not any(more):
        from storage.bucket import Bucket  # here: who keeps images in a folder does without its library

        return Bucket(host, path.strip("/"))
    raise StorageError(  # without the address: it may have a key in it
        "IMAGE_STORE is no address of a folder or a bucket: write it like file:///srv/images or s3://bucket/prefix."
    )


class Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, key: str) -> bool:
        with self._told("looked for"):
            return (self._path / key).is_file()

    def read(self, key: str) -> bytes:
        with self._told("read"):
            try:
                return (self._path / key).read_bytes()
            except FileNotFoundError as error:
                raise KeyError(key) from error

    def write(self, key: str, data: bytes) -> None:
        with self._told("stored"):
            _write(self._path / key, data)

    def delete(self, key: str) -> None:
        with self._told("deleted"):
            (self._path / key).unlink(missing_ok=True)

    def listing(self) -> Iterator[str]:
        with self._told("looked for"):
            for file in self._path.glob("*/*"):
                yield file.relative_to(self._path).as_posix()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"The image can't be {what} in {self._path} ({error.strerror}): check its rights and room."
            ) from error


def _write(path: Path, data: bytes) -> None:
    """The whole file or none of it, also when the power goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{uuid.uuid4().hex}.tmp")
    with open(unfinished, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
