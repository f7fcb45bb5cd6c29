"""Writes rows as Parquet, a group at a time. The library `datasets` reads the same types from it, and images as images.

A shape is the name of a type, a list with the shape of its things, or a dict of shapes by name.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

GROUP = 8_000_000  # bytes in a row group, about: it is held in memory until it is written

Shape = str | list["Shape"] | dict[str, "Shape"]

_TYPES = {
    "string": "string",
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "timestamp": "timestamp[us, tz=UTC]",
    "bytes": "binary",
}


class _Out(io.RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def parquet(shape: dict[str, Shape], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The parts of the file. An "image" is a dict of `bytes` and `path`."""
    import pyarrow  # here: it is slow to import, and few need it
    from pyarrow.parquet import ParquetWriter

    described = {"info": {"features": {name: _feature(each) for name, each in shape.items()}}}
    schema = pyarrow.schema(
        [(name, _type(each)) for name, each in shape.items()], {"huggingface": orjson.dumps(described)}
    )
    out = _Out()
    with ParquetWriter(out, schema, compression="zstd") as writer:
        for group in _groups(rows):
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
            yield out.taken()
    yield out.taken()


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    group, size = [], 0
    for row in rows:
        group.append(row)
        size += _size(row)
        if size >= GROUP:
            yield group
            group, size = [], 0
    if group:
        yield group


def _size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 8


def _type(shape: Shape) -> Any:
    import pyarrow

    match shape:
        case "image":
            return _type({"bytes": "bytes", "path": "string"})
        case "timestamp":
            return pyarrow.timestamp("us", "UTC")
        case str():
            return pyarrow.type_for_alias(_TYPES[shape])
        case list():
            return pyarrow.list_(_type(shape[0]))
        case dict():
            return pyarrow.struct([(name, _type(each)) for name, each in shape.items()])


def _feature(shape: Shape) -> dict[str, Any]:
    """As `datasets` describes it."""
    match shape:
        case "image":
            return {"_type": "Image"}
        case str():
            return {"dtype": _TYPES[shape], "_type": "Value"}
        case list():
            return {"feature": _feature(shape[0]), "_type": "List"}
        case dict():
            return {name: _feature(each) for name, each in shape.items()}
