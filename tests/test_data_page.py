"""The page about what is kept: it says what the schema and the exports say."""

from docs.schema import FILE, LAYERS, filled
from storage.schema import metadata


def test_the_page_is_current() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert filled(text) == text, "run `python -m docs.schema`"


def test_each_table_has_its_place_on_it() -> None:
    assert sorted(name for tables in LAYERS.values() for name in tables) == sorted(metadata.tables)


def test_only_what_is_between_the_marks_is_written() -> None:
    new = filled("before\n<!-- tables -->\nold\n<!-- /tables -->\nafter")
    assert new.startswith("before\n<!-- tables -->\n| Generations |")
    assert new.endswith("\n<!-- /tables -->\nafter")
