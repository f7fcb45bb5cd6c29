"""What backends tell beside the answer: flags, rounds of tool calls, figures of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("answers", sa.Column("replays", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("answers", sa.Column("waits", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("answers", sa.Column("image_tokens", sa.Integer()))
    op.add_column("answers", sa.Column("rounds", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("answers", sa.Column("waited", sa.Float(), nullable=False, server_default="0"))
    op.add_column("texts", sa.Column("results", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("texts", sa.Column("measured", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.create_table(
        "flags",
        sa.Column("answer_id", sa.String(32), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("comparison_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("answer_id", "code", name="pk_flags"),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name="fk_flags_answer_id"),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name="fk_flags_comparison_id"),
    )
    op.create_index("ix_flags_code_comparison_id", "flags", ["code", "comparison_id"])
