"""Rows as a Parquet file, made in parts: no more of it is in memory than one group of rows.

Arrow itself is imported where it is needed: whoever writes lines does without its 50 MB.
"""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = 16_000_000  # bytes of rows, before they are compressed

Shape = str | list["Shape"] | dict[str, "Shape"]
"""The type of a column: Arrow's name of it, "json" or "image"; a list of one shape; or shapes by name."""

ZONED = "timestamp[us, tz=UTC]"
_IMAGE: Shape = {"bytes": "binary", "path": "string"}


def schema(columns: Mapping[str, Shape], metadata: Mapping[str, str] | None = None) -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([(name, _type(shape)) for name, shape in columns.items()], metadata)


def _type(shape: Shape) -> "pa.DataType":
    import pyarrow as pa

    match shape:
        case "json":  # text in the file, objects of any shape to who knows the type
            return pa.json_()
        case "image":
            return _type(_IMAGE)
        case str():
            return pa.timestamp("us", "UTC") if shape == ZONED else pa.type_for_alias(shape)
        case list():
            return pa.list_(_type(shape[0]))
        case dict():
            return pa.struct([(name, _type(each)) for name, each in shape.items()])


def parts(schema: "pa.Schema", rows: Iterable[tuple[Mapping[str, Any], int]]) -> Iterator[bytes]:
    """The file's bytes; each row comes with about how many bytes it has."""
    import pyarrow as pa
    from pyarrow import parquet

    out = BytesIO()
    stored = pa.schema([(each.name, _stored(each.type)) for each in schema])

    def table(group: list[Mapping[str, Any]]) -> pa.Table:
        return pa.Table.from_pylist(group, stored).cast(schema)

    with parquet.ParquetWriter(pa.PythonFile(_Onward(out), mode="w"), schema, compression="zstd") as file:
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


def _stored(kind: "pa.DataType") -> "pa.DataType":
    """What values of the type can be made of."""
    import pyarrow as pa

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
