"""Rows as a Parquet file, made in parts: no more of it is in memory than one group of rows."""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

GROUP = 16_000_000  # bytes of rows, before they are compressed


def parts(schema: pa.Schema, rows: Iterable[tuple[Mapping[str, Any], int]]) -> Iterator[bytes]:
    """The file's bytes; each row comes with about how many bytes it has."""
    out = BytesIO()
    stored = pa.schema([(each.name, _stored(each.type)) for each in schema])

    def table(group: list[Mapping[str, Any]]) -> pa.Table:
        return pa.Table.from_pylist(group, stored).cast(schema)

    with pq.ParquetWriter(pa.PythonFile(_Onward(out), mode="w"), schema, compression="zstd") as file:
        group: list[Mapping[str, Any]] = []
        size = 0
        for row, bytes_ in rows:
            group.append(row)
            size += bytes_
            if size >= GROUP:
                file.write_table(table(group))
                yield _taken(out)
                group, size = [], 0
        if group:
            file.write_table(table(group))
    yield _taken(out)


def _stored(kind: pa.DataType) -> pa.DataType:
    """What values of the type can be made of."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    return pa.list_(_stored(kind.value_type)) if pa.types.is_list(kind) else kind


class _Onward:
    """Where in the whole file the writer is, while what it wrote is taken away."""

    closed = False

    def __init__(self, out: BytesIO) -> None:
        self._out, self._at = out, 0

    def write(self, data: Any) -> int:
        self._at += len(data)
        return self._out.write(data)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None: ...

    def close(self) -> None: ...


def _taken(out: BytesIO) -> bytes:
    taken = out.getvalue()
    out.seek(0)
    out.truncate()
    return taken
