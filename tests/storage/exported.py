"""What the tests read of the exports."""

import csv
import io
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Engine

from storage import exports
from storage.exports.items import ALL, Scope
from storage.images import ImageStore
from storage.store import Store

NAMED = replace(ALL, names=True)


def parts(view: str, engine: Engine, scope: Scope = NAMED, files: ImageStore | None = None) -> list[bytes]:
    return list(exports.export(exports.VIEWS[view], engine, scope, files))


def lines(store: Store, scope: Scope = NAMED, *, images: bool = False) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in parts("jsonl", store.engine, scope, store.images if images else None)]


def rows(store: Store, scope: Scope = NAMED) -> list[dict[str, str]]:
    text = b"".join(parts("csv", store.engine, scope)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))
