"""What the types of fields are to those who read files: Arrow's, and Hugging Face's features.

Without them a reader guesses from the first rows, and fails at the first later row that has a key or a value more.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from storage.exports import arrow
from storage.exports.arrow import ZONED, Shape
from storage.exports.view import Field

if TYPE_CHECKING:
    import pyarrow as pa

_SHAPES: dict[str, Shape] = {
    "string": "string",
    "timestamp": ZONED,
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "list of strings": ["string"],
    "list of integers": ["int64"],
    "list of messages": ["json"],
    "list of objects": ["json"],
    "list of lists of integers": ["json"],
    "list of images": ["image"],
}


def shapes(fields: Iterable[Field]) -> dict[str, Shape]:
    """Of the columns: of `lanes[].text` and `input.tools` only what is around them. What is not known is JSON."""
    kinds: dict[str, str] = {}
    for each in fields:
        name = re.split(r"\[\]|\.", each.name)[0]
        kinds.setdefault(name, each.type if name == each.name else "object")
    return {name: _SHAPES.get(kind, "json") for name, kind in kinds.items()}


def schema(columns: Mapping[str, Shape]) -> "pa.Schema":
    """Of a Parquet file; it names the features too."""
    features = {"info": {"features": {name: _feature(shape) for name, shape in columns.items()}}}
    return arrow.schema(columns, {"huggingface": orjson.dumps(features).decode()})


def front_matter(fields: Iterable[Field]) -> list[dict[str, Any]]:
    """Of lines of JSON, for a data card's `dataset_info`."""
    return [{"name": name} | _told(shape) for name, shape in shapes(fields).items()]


def _feature(shape: Shape) -> dict[str, Any]:
    match shape:
        case "json":
            return {"_type": "Json"}
        case "image":
            return {"_type": "Image"}
        case str():
            return {"_type": "Value", "dtype": shape}
        case list():
            return {"_type": "List", "feature": _feature(shape[0])}
        case dict():
            return {name: _feature(each) for name, each in shape.items()}


def _told(shape: Shape) -> dict[str, Any]:
    """In a line of JSON, a moment is text."""
    if isinstance(shape, list):
        return {"list": _told(shape[0])["dtype"]}
    return {"dtype": "string" if shape == ZONED else shape}
