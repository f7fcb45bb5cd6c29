"""Blind showings, fuller ratings, the rating queue, plans and presets of lanes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

EMPTY = sa.text("''")


def upgrade() -> None:
    for name in ("maker", "origin"):
        op.add_column("comparisons", sa.Column(name, sa.Text(), nullable=False, server_default=EMPTY))
    for name in ("overlap", "rated"):
        op.add_column("comparisons", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    _refer("comparisons", "remakes_id", "comparisons")
    op.add_column("comparisons", sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, default in (("pace", "as it comes"), ("traces", "as it comes"), ("schedule", "all at once")):
        op.add_column("comparisons", sa.Column(name, sa.Text(), nullable=False, server_default=default))
    op.add_column("comparisons", sa.Column("warm_up", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("comparisons", sa.Column("samples", sa.Integer(), nullable=False, server_default="1"))
    queued = sa.text("overlap > 0")
    op.create_index(
        "ix_comparisons_queued", "comparisons", ["created_at"], sqlite_where=queued, postgresql_where=queued
    )
    wanted = sa.text("overlap > rated")
    op.create_index(
        "ix_comparisons_wanted",
        "comparisons",
        [sa.text("rated DESC"), "created_at"],
        sqlite_where=wanted,
        postgresql_where=wanted,
    )
    op.add_column("answers", sa.Column("sample", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("answers", sa.Column("crowded", sa.Boolean(), nullable=False, server_default=sa.false()))
    _refer("answers", "copied_from_id", "answers")
    op.create_table(
        "showings",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("comparison_id", sa.String(32), nullable=False),
        sa.Column("viewer", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("pace", sa.Text(), nullable=False),
        sa.Column("traces", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("order", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("rated_at", sa.DateTime()),
        sa.Column("revealed_at", sa.DateTime()),
        sa.Column("revealed_by", sa.Text(), nullable=False, server_default=EMPTY),
        sa.PrimaryKeyConstraint("id", name="pk_showings"),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name="fk_showings_comparison_id"),
        sa.UniqueConstraint("comparison_id", "viewer", name="uq_showings_comparison_id_viewer"),
    )
    _refer("ratings", "showing_id", "showings")
    for name in ("blind", "early"):
        op.add_column("ratings", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("ratings", sa.Column("skipped", sa.Text(), nullable=False, server_default=EMPTY))
    op.add_column("ratings", sa.Column("strength", sa.Integer()))
    op.add_column("ratings", sa.Column("seconds", sa.Float()))
    for name, default in (("scores", "{}"), ("traces", "{}"), ("read", "[]"), ("opened", "[]")):
        op.add_column("ratings", sa.Column(name, sa.JSON(), nullable=False, server_default=default))
    op.create_index("ix_ratings_evaluator", "ratings", ["evaluator"])
    op.create_table(
        "locks",
        sa.Column("comparison_id", sa.String(32), nullable=False),
        sa.Column("viewer", sa.Text(), nullable=False),
        sa.Column("evaluator", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("comparison_id", "viewer", name="pk_locks"),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name="fk_locks_comparison_id"),
    )
    op.create_table(
        "presets",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("lanes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_presets"),
    )


def _refer(table: str, column: str, other: str) -> None:
    """SQLite adds a column with its reference only in one statement, which Alembic has no words for."""
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR(32) CONSTRAINT fk_{table}_{column} REFERENCES {other} (id)"
    )
