"""Full-text search and filters: an index over texts that it does not copy, and a narrow table of what to filter by.

Triggers keep both, in the transaction of whoever writes: no writer knows of them, and none can forget them. On
PostgreSQL the index of texts comes with 0006.
"""

import logging
from datetime import datetime

import sqlalchemy as sa
from alembic import op

from storage.migrations import trigger
from storage.schema import number

revision = "0004"
down_revision = "0003"

log = logging.getLogger("storage.database")

STEP = 5_000  # comparisons made searchable at once: some seconds' work

# What of each comparison can be found. Before each answer stands a letter of its own, so that no phrase reaches from
# one into the next and a hit tells its lane; an answer that is not there yet leaves no trace.
SEARCHABLE = """
CREATE VIEW searchable AS SELECT
  number,
  (SELECT json_extract(body, '$.turns[#-1].text') || char(10) || json_extract(body, '$.system')
   FROM prompts WHERE prompts.id = prompt_id) AS prompt,
  (SELECT group_concat(said, char(10)) FROM (
     SELECT char(983040 + position) || ' ' || text AS said FROM answers JOIN texts ON answer_id = answers.id
     WHERE comparison_id = comparisons.id AND sample = 0 AND text <> '' ORDER BY position)) AS answers,
  (SELECT group_concat(said, char(10)) FROM (
     SELECT char(983040 + position) || ' ' || reasoning AS said FROM answers JOIN texts ON answer_id = answers.id
     WHERE comparison_id = comparisons.id AND sample = 0 AND reasoning <> '' ORDER BY position)) AS reasoning
FROM comparisons
"""
SEARCH = """
CREATE VIRTUAL TABLE search USING fts5(
  prompt, answers, reasoning,
  content='searchable', content_rowid='number', tokenize='unicode61 remove_diacritics 2', prefix='3'
)
"""

# What each comparison is found by. Of ratings only the current ones count, and no skips.
FACETTED = """
CREATE VIEW facetted AS
WITH judged AS NOT MATERIALIZED (
  SELECT * FROM ratings
  WHERE skipped = '' AND NOT EXISTS (SELECT 1 FROM ratings AS later WHERE later.supersedes_id = ratings.id)
)
SELECT comparison_id, 'backend' AS kind, backend AS value FROM answers
UNION ALL SELECT comparison_id, 'artifact', artifact FROM answers WHERE artifact <> ''
UNION ALL SELECT comparison_id, 'effort', effort FROM answers WHERE effort <> ''
UNION ALL SELECT comparison_id, 'flag', code FROM flags
UNION ALL SELECT id, 'origin', origin FROM comparisons WHERE origin <> ''
UNION ALL SELECT comparison_id, 'evaluator', evaluator FROM judged
UNION ALL SELECT comparison_id, 'tag', tag.value FROM judged, {tags_of_judged}
UNION ALL SELECT id, 'rated',
  CASE WHEN EXISTS (SELECT 1 FROM judged WHERE comparison_id = comparisons.id) THEN 'yes' ELSE 'no' END
  FROM comparisons
"""

ADD = "INSERT INTO search (rowid, prompt, answers, reasoning) SELECT * FROM searchable WHERE number"
INDEX = f"{ADD} = {{number}}"
# an index over texts elsewhere must be told what it had been told
FORGET = (
    "INSERT INTO search (search, rowid, prompt, answers, reasoning) "
    "SELECT 'delete', searchable.* FROM searchable WHERE number = {number}"
)
FACETS = (
    "INSERT INTO facets (kind, value, number) SELECT kind, value, number "
    "FROM facetted JOIN comparisons ON comparisons.id = comparison_id WHERE {which} ON CONFLICT DO NOTHING"
)
TAGS_OF = {"sqlite": "json_each({}.tags) AS tag", "postgresql": "json_array_elements_text({}.tags) AS tag (value)"}
OF_ANSWER = (
    "(SELECT number FROM answers JOIN comparisons ON comparisons.id = comparison_id WHERE answers.id = new.answer_id)"
)
OF = "(SELECT number FROM comparisons WHERE id = {row}.comparison_id)"
SAID = "new.text <> '' OR new.reasoning <> ''"
CHANGED = "new.text <> old.text OR new.reasoning <> old.reasoning"

TRIGGERS = {
    "comparison_asked AFTER INSERT ON comparisons": [FACETS.format(which="comparison_id = new.id")],
    "answer_asked AFTER INSERT ON answers": [FACETS.format(which="comparison_id = new.comparison_id")],
    "flag_raised AFTER INSERT ON flags": [
        f"INSERT INTO facets (kind, value, number) SELECT 'flag', new.code, {OF.format(row='new')} "
        "WHERE true ON CONFLICT DO NOTHING"
    ],
    "flag_lowered AFTER DELETE ON flags": [
        f"DELETE FROM facets WHERE kind = 'flag' AND value = old.code AND number = {OF.format(row='old')} "
        "AND NOT EXISTS (SELECT 1 FROM flags WHERE code = old.code AND comparison_id = old.comparison_id)"
    ],
    "rating_made AFTER INSERT ON ratings": [
        f"DELETE FROM facets WHERE kind = 'rated' AND value IN ('yes', 'no') AND number = {OF.format(row='new')}",
        f"DELETE FROM facets WHERE kind = 'evaluator' AND value = new.evaluator AND number = {OF.format(row='new')}",
        "DELETE FROM facets WHERE kind = 'tag' AND value IN (SELECT tag.value FROM ratings AS former, "
        f"{{tags_of_former}} WHERE former.id = new.supersedes_id) AND number = {OF.format(row='new')}",
        FACETS.format(which="comparison_id = new.comparison_id"),
    ],
}
SEARCH_TRIGGERS = {
    "comparison_said AFTER INSERT ON comparisons": [INDEX.format(number="new.number")],
    f"text_comes BEFORE INSERT ON texts WHEN {SAID}": [FORGET.format(number=OF_ANSWER)],
    f"text_came AFTER INSERT ON texts WHEN {SAID}": [INDEX.format(number=OF_ANSWER)],
    f"text_changes BEFORE UPDATE OF text, reasoning ON texts WHEN {CHANGED}": [FORGET.format(number=OF_ANSWER)],
    f"text_changed AFTER UPDATE OF text, reasoning ON texts WHEN {CHANGED}": [INDEX.format(number=OF_ANSWER)],
}


def upgrade() -> None:
    op.add_column("comparisons", sa.Column("number", sa.BigInteger()))
    op.create_table(
        "facets",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "number", name="pk_facets"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    dialect = connection.dialect.name
    _count(connection)
    op.create_index("ix_comparisons_number", "comparisons", ["number"], unique=True)
    tags_of = {f"tags_of_{rows}": TAGS_OF[dialect].format(rows) for rows in ("judged", "former")}
    for statement in (FACETTED.format(**tags_of), FACETS.format(which="true")):
        connection.exec_driver_sql(statement)
    triggers = TRIGGERS
    if dialect == "sqlite":
        for statement in (SEARCHABLE, SEARCH):
            connection.exec_driver_sql(statement)
        _fill(connection)
        triggers = TRIGGERS | SEARCH_TRIGGERS
    for name, does in triggers.items():
        trigger.create(connection, name, [statement.format(**tags_of) for statement in does])


def _fill(connection: sa.Connection) -> None:
    """Indexes the texts, as fast as in one go, and says how far it is: of many comparisons it takes minutes."""
    numbers = connection.exec_driver_sql("SELECT number FROM comparisons ORDER BY number").scalars().all()
    for done in range(0, len(numbers), STEP):
        if done:
            log.warning("making what is kept searchable: %d of %d comparisons are", done, len(numbers))
        some = numbers[done : done + STEP]
        connection.exec_driver_sql(f"{ADD} BETWEEN ? AND ?", (some[0], some[-1]))


def _count(connection: sa.Connection) -> None:
    rows = connection.exec_driver_sql("SELECT id, created_at FROM comparisons").all()
    numbered = [
        (number(datetime.fromisoformat(f"{made}+00:00"), row), row) for row, made in rows
    ]  # on both, kept in UTC
    if numbered:
        numbers = [{"number": number, "of": row} for number, row in numbered]
        connection.execute(sa.text("UPDATE comparisons SET number = :number WHERE id = :of"), numbers)
