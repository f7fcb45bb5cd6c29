"""The support matrix in the READMEs: it says what the kinds say."""

from pathlib import Path

import pytest

from backends.matrix import BLOCK, FILES, ROOT, filled
from backends.registry import kinds


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_table_is_current(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert BLOCK.search(text)
    assert filled(text) == text, "run `python -m backends.matrix`"


def test_only_what_stands_between_the_marks_is_written() -> None:
    new = filled("before\n<!-- matrix -->\nold\n<!-- /matrix -->\nafter")
    assert new.startswith("before\n<!-- matrix -->\n| kind |")
    assert new.endswith("|\n<!-- /matrix -->\nafter")
    assert "old" not in new


def test_every_kind_has_a_row_and_says_what_it_was_proven_against() -> None:
    (table,) = BLOCK.findall(FILES[0].read_text(encoding="utf-8"))
    assert all(kind.proof and f"`{kind.name}`" in table for kind in kinds().values())
