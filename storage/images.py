"""Pictures as files named by their content: checked, turned upright, rid of metadata, stored once."""

from pathlib import Path

from backends.prompt import Image


class ImageStore:
    def __init__(self, folder: Path) -> None:
        raise NotImplementedError

    def add(self, data: bytes) -> Image:
        """Checks, re-encodes and stores an upload. Blocking: call it in a thread. Raises ImageError."""
        raise NotImplementedError

    def get(self, sha256: str) -> Image:
        """Raises KeyError where there is none."""
        raise NotImplementedError

    def path(self, sha256: str) -> Path:
        """The file to serve. Raises KeyError where there is none, whatever the text is."""
        raise NotImplementedError
