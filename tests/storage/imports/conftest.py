"""Files to import, and a store to import them into."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from storage import imports
from storage.imports.own import Bringing
from storage.store import Store

Bring = Callable[..., Bringing]


@pytest.fixture
def bring(store: Store, tmp_path: Path) -> Bring:
    """Imports what is given: a file's bytes and the end of its name, or rows for a file of JSON lines."""

    def bring(given: bytes | Iterable[Any], suffix: str = ".jsonl", shape: imports.Shape | None = None) -> Bringing:
        path = tmp_path / f"given{suffix}"
        path.write_bytes(given if isinstance(given, bytes) else b"\n".join(map(orjson.dumps, given)))
        return store.bring(imports.found(path, store.images, shape))

    return bring
