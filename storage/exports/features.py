"""What the types of fields are to those who read files: Arrow's, and Hugging Face's features.

Without them a reader guesses from the first rows, and fails at the first later row that has a key or a value more.
"""

import re
from collections.abc import Iterable
from typing import Any

import orjson
import pyarrow as pa

from storage.exports.view import Field

_VALUES = {
    "string": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SPECIAL = {
    "json": pa.json_(),  # text in the file, objects of any shape to who knows the type
    "image": IMAGE,
}
_LISTS = {
    "list of strings": "string",
    "list of integers": "integer",
    "list of messages": "json",
    "list of objects": "json",
    "list of lists of integers": "json",
    "list of images": "image",
}


def schema(fields: Iterable[Field]) -> pa.Schema:
    """Of a Parquet file; it names the features too."""
    top = _outer(fields)
    features = {"info": {"features": {name: _feature(kind) for name, kind in top.items()}}}
    types = [pa.field(name, _arrow(kind)) for name, kind in top.items()]
    return pa.schema(types, metadata={"huggingface": orjson.dumps(features).decode()})


def described(columns: Iterable[tuple[str, pa.DataType]]) -> pa.Schema:
    """The same, of columns of any types."""
    columns = list(columns)
    features = {"info": {"features": {name: _feature_of(kind) for name, kind in columns}}}
    return pa.schema(columns, metadata={"huggingface": orjson.dumps(features).decode()})


def _feature_of(kind: pa.DataType) -> dict[str, Any]:
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"_type": "List", "feature": _feature_of(kind.value_type)}
    if pa.types.is_struct(kind):
        return {each.name: _feature_of(each.type) for each in kind}
    return {"_type": "Value", "dtype": _dtype(kind)}


def front_matter(fields: Iterable[Field]) -> list[dict[str, Any]]:
    """Of lines of JSON, for a data card's `dataset_info`."""
    return [{"name": name} | _told(kind) for name, kind in _outer(fields).items()]


def _outer(fields: Iterable[Field]) -> dict[str, str]:
    """The types of the columns: of `lanes[].text` and `input.tools` only what is around them."""
    kinds: dict[str, str] = {}
    for each in fields:
        name = re.split(r"\[\]|\.", each.name)[0]
        kinds.setdefault(name, each.type if name == each.name else "object")
    return kinds


def _arrow(kind: str) -> pa.DataType:
    if kind in _LISTS:
        inner = _LISTS[kind]
        return pa.list_(_SPECIAL.get(inner) or _VALUES[inner])
    return _VALUES.get(kind, _SPECIAL["json"])


def _feature(kind: str) -> dict[str, Any]:
    if kind in _LISTS:
        return {"_type": "List", "feature": _feature(_LISTS[kind])}
    if kind == "image":
        return {"_type": "Image"}
    return {"_type": "Value", "dtype": _dtype(_VALUES[kind])} if kind in _VALUES else {"_type": "Json"}


def _told(kind: str) -> dict[str, str]:
    """In a line of JSON, a moment is text."""
    if kind in _LISTS:
        return {"list": _told(_LISTS[kind])["dtype"]}
    value = "string" if kind == "timestamp" else kind
    return {"dtype": _dtype(_VALUES[value]) if value in _VALUES else "json"}


def _dtype(value: pa.DataType) -> str:
    return "float64" if value == pa.float64() else str(value)
