"""The columns of the battles that LMArena publishes (arena-human-preference-140k), with their types.

What is not judged here (category, language, whether it is about code) is null.
"""

import re

from storage.exports.arrow import Shape
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

_CONTENT: Shape = [dict.fromkeys(("type", "text", "image", "mimeType"), "string")]
_MESSAGE: dict[str, Shape] = {"role": "string", "content": _CONTENT}
_SIDES: list[dict[str, Shape]] = [
    {
        f"sum_assistant_{side}_tokens": "int32",
        **{f"{name}_{side}": dict.fromkeys(marks, "int64") for name, marks in MARKS.items()},
        f"context_{side}_tokens": "int32",
    }
    for side in "ab"
]
_CRITERIA = ("complexity", "creativity", "domain_knowledge", "problem_solving", "real_world", "specificity")
_CATEGORIES: Shape = {
    "creative_writing_v0.1": {"creative_writing": "bool", "score": "string"},
    "criteria_v0.1": dict.fromkeys((*_CRITERIA, "technical_accuracy"), "bool"),
    "if_v0.1": {"if": "bool", "score": "int32"},
    "math_v0.1": {"math": "bool"},
}
SHAPES: dict[str, Shape] = {
    "id": "string",
    "model_a": "string",
    "model_b": "string",
    "winner": "string",
    "evaluation_session_id": "string",
    "evaluation_order": "int32",
    "conversation_a": [_MESSAGE],
    "conversation_b": [_MESSAGE | {"num_tokens": "int32"}],
    "full_conversation": [dict.fromkeys(("user", "model_side_a", "model_side_b"), _MESSAGE)],
    "conv_metadata": {**_SIDES[0], **_SIDES[1], "sum_user_tokens": "int32", "turns": "int32"},
    "category_tag": _CATEGORIES,
    "language": "string",
    "is_code": "bool",
    "timestamp": "timestamp[ns]",
}

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
