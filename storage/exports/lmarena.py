"""The columns of the battles that LMArena publishes (arena-human-preference-140k), with their types.

What is not judged here (category, language, whether it is about code) is null.
"""

import re

import pyarrow as pa

from storage.exports.view import Field

MARKS = {
    "header_count": {f"h{level}": re.compile(rf"^#{{{level}}}\s", re.MULTILINE) for level in range(1, 7)},
    "list_count": {
        "ordered": re.compile(r"^\s*\d+\.\s", re.MULTILINE),
        "unordered": re.compile(r"^\s*[-*+]\s", re.MULTILINE),
    },
    "bold_count": {"**": re.compile(r"\*\*[^*\n]+\*\*"), "__": re.compile(r"__[^_\n]+__")},
}
"""Of style, by what LMArena calls them."""


def _struct(kind: pa.DataType, *names: str) -> pa.StructType:
    return pa.struct([(name, kind) for name in names])


_CONTENT = ("content", pa.list_(_struct(pa.string(), "type", "text", "image", "mimeType")))
_MESSAGE = [("role", pa.string()), _CONTENT]
_SIDES = [
    [
        (f"sum_assistant_{side}_tokens", pa.int32()),
        *((f"{name}_{side}", _struct(pa.int64(), *marks)) for name, marks in MARKS.items()),
        (f"context_{side}_tokens", pa.int32()),
    ]
    for side in "ab"
]
_CRITERIA = ("complexity", "creativity", "domain_knowledge", "problem_solving", "real_world", "specificity")
_CATEGORIES = [
    ("creative_writing_v0.1", pa.struct([("creative_writing", pa.bool_()), ("score", pa.string())])),
    ("criteria_v0.1", _struct(pa.bool_(), *_CRITERIA, "technical_accuracy")),
    ("if_v0.1", pa.struct([("if", pa.bool_()), ("score", pa.int32())])),
    ("math_v0.1", _struct(pa.bool_(), "math")),
]
TYPES = [
    ("id", pa.string()),
    ("model_a", pa.string()),
    ("model_b", pa.string()),
    ("winner", pa.string()),
    ("evaluation_session_id", pa.string()),
    ("evaluation_order", pa.int32()),
    ("conversation_a", pa.list_(pa.struct(_MESSAGE))),
    ("conversation_b", pa.list_(pa.struct([*_MESSAGE, ("num_tokens", pa.int32())]))),
    ("full_conversation", pa.list_(_struct(pa.struct(_MESSAGE), "user", "model_side_a", "model_side_b"))),
    ("conv_metadata", pa.struct([*_SIDES[0], *_SIDES[1], ("sum_user_tokens", pa.int32()), ("turns", pa.int32())])),
    ("category_tag", pa.struct(_CATEGORIES)),
    ("language", pa.string()),
    ("is_code", pa.bool_()),
    ("timestamp", pa.timestamp("ns")),
]

FIELDS = (
    Field("id", "string", "the battle: the rating and the positions of both lanes"),
    Field("model_a", "string", "the lane asked further left: backend, model, artifact, effort"),
    Field("model_b", "string", "the other lane"),
    Field("winner", "string", "`model_a`, `model_b`, `tie` or `both_bad`"),
    Field("evaluation_session_id", "string", "the rating: all battles of one are one act of judging, not independent"),
    Field("evaluation_order", "integer", "the battle's place among those of its rating, from 1"),
    Field("conversation_a", "list of objects", "what was asked now, and the answer of `model_a`; images by hash"),
    Field("conversation_b", "list of objects", "the same of `model_b`"),
    Field("full_conversation", "list of objects", "all turns of both lanes, with their own histories"),
    Field("conv_metadata", "object", "for style control: headers, lists and bold outside of code; tokens by one rule "
          "of thumb, not as servers count them; `context_*_tokens` of all that was read; `turns` of the user"),
    Field("category_tag", "object", "null: not judged here"),
    Field("language", "string", "null: not judged here"),
    Field("is_code", "boolean", "null: not judged here"),
    Field("timestamp", "timestamp", "when it was judged, in UTC, without a zone"),
)  # fmt: skip
