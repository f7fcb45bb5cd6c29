"""Checks that have not come to their end, and sessions that were logged out."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "unfinished",
        sa.Column("backend", sa.Text, nullable=False),
        sa.Column("replica", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("probes", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("backend", name="pk_unfinished"),
    )
    op.create_table(
        "logouts",
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("until", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("session", name="pk_logouts"),
    )
