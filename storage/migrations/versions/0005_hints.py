"""Which comparisons tell of others: those that follow them, or share an answer with them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# a follow-up has the answers before it in the history of its lanes; before this, hardly anything else shared any
FOLLOWING = """
INSERT INTO hints (comparison_id, of_id)
WITH RECURSIVE thread (id, before) AS (
  SELECT id, follows_id FROM comparisons WHERE follows_id IS NOT NULL
  UNION ALL
  SELECT thread.id, follows_id FROM thread JOIN comparisons ON comparisons.id = before WHERE follows_id IS NOT NULL
)
SELECT id, before FROM thread
"""


def upgrade() -> None:
    op.create_table(
        "hints",
        sa.Column("comparison_id", sa.String(32), nullable=False),
        sa.Column("of_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("comparison_id", "of_id", name="pk_hints"),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name="fk_hints_comparison_id"),
        sa.ForeignKeyConstraint(["of_id"], ["comparisons.id"], name="fk_hints_of_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_hints_of_id", "hints", ["of_id"])
    copied = sa.text("copied_from_id IS NOT NULL")
    op.create_index(
        "ix_answers_copied_from_id", "answers", ["copied_from_id"], sqlite_where=copied, postgresql_where=copied
    )
    op.execute(FOLLOWING)
