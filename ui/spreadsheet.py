"""Tables to download as CSV, whatever they tell."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fastapi.responses import StreamingResponse

from storage.exports.csv import MEDIA_TYPE, written


def lines(rows: Iterable[Sequence[Any]], name: str) -> StreamingResponse:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(written(rows), media_type=MEDIA_TYPE, headers=headers)


def table(rows: Iterable[Mapping[str, Any]], name: str) -> StreamingResponse:
    """All keys that any row has, in the order in which they first come; those of an object in a row as `row.key`."""
    flat = [dict(_flat(row)) for row in rows]
    columns = [*dict.fromkeys(key for row in flat for key in row)]
    return lines([columns, *([row.get(column) for column in columns] for row in flat)], name)


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value
