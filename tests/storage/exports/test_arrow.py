"""Parquet in parts: whatever its groups, it is one file; what is JSON in it is text to who does not know."""

from io import BytesIO
from typing import Any

import pyarrow.parquet as pq

from storage.exports import features
from storage.exports.arrow import GROUP, parts
from storage.exports.view import Field

SCHEMA = features.schema(features.shapes([Field("text", "string", ""), Field("said", "list of messages", "")]))


def test_a_table_of_many_groups_is_one_file() -> None:
    rows: list[dict[str, Any]] = [{"text": str(number), "said": ['{"a":[1]}', "null"]} for number in range(5)]
    written = list(parts(SCHEMA, [(row, GROUP // 2) for row in rows]))
    assert len(written) == 3  # two groups, and the last with the end
    file = pq.ParquetFile(BytesIO(b"".join(written)))
    assert file.num_row_groups == 3
    assert file.read().to_pylist() == rows


def test_no_rows_are_a_file_too() -> None:
    table = pq.read_table(BytesIO(b"".join(parts(SCHEMA, []))))
    assert (table.num_rows, table.schema.names) == (0, ["text", "said"])
    assert b'"said":{"_type":"List","feature":{"_type":"Json"}}' in table.schema.metadata[b"huggingface"]
