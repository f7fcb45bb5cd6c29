"""A narrow table of what comparisons are filtered by.

Triggers keep it, in the transaction of whoever writes: no writer knows of it, and none can forget it. The index of
texts that once began here is made by 0006.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from storage.migrations import trigger
from storage.schema import number

revision = "0004"
down_revision = "0003"

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

FACETS = (
    "INSERT INTO facets (kind, value, number) SELECT kind, value, number "
    "FROM facetted JOIN comparisons ON comparisons.id = comparison_id WHERE {which} ON CONFLICT DO NOTHING"
)
TAGS_OF = {"sqlite": "json_each({}.tags) AS tag", "postgresql": "json_array_elements_text({}.tags) AS tag (value)"}
OF = "(SELECT number FROM comparisons WHERE id = {row}.comparison_id)"
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
    for name, does in TRIGGERS.items():
        trigger.create(connection, name, [statement.format(**tags_of) for statement in does])


def _count(connection: sa.Connection) -> None:
    rows = connection.exec_driver_sql("SELECT id, created_at FROM comparisons").all()
    numbered = [
        (number(datetime.fromisoformat(f"{made}+00:00"), row), row) for row, made in rows
    ]  # on both, kept in UTC
    if numbered:
        numbers = [{"number": number, "of": row} for number, row in numbered]
        connection.execute(sa.text("UPDATE comparisons SET number = :number WHERE id = :of"), numbers)
