"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "images",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_images"),
    )
    op.create_table(
        "prompts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prompts"),
    )
    op.create_table(
        "comparisons",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime()),
        sa.Column("follows_id", sa.String(32)),
        sa.Column("prompt_id", sa.String(64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["follows_id"], ["comparisons.id"], name="fk_comparisons_follows_id"),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name="fk_comparisons_prompt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_comparisons"),
    )
    op.create_index("ix_comparisons_created_at_id", "comparisons", ["created_at", "id"])
    op.create_index("ix_comparisons_follows_id", "comparisons", ["follows_id"])
    op.create_index("ix_comparisons_prompt_id", "comparisons", ["prompt_id"])
    op.create_table(
        "prompt_images",
        sa.Column("prompt_id", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name="fk_prompt_images_prompt_id"),
        sa.ForeignKeyConstraint(["sha256"], ["images.sha256"], name="fk_prompt_images_sha256"),
        sa.PrimaryKeyConstraint("prompt_id", "sha256", name="pk_prompt_images"),
    )
    op.create_index("ix_prompt_images_sha256", "prompt_images", ["sha256"])
    op.create_table(
        "answers",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("comparison_id", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("prompt_id", sa.String(64), nullable=False),
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("effort", sa.Text(), nullable=False),
        sa.Column("temperature", sa.Float()),
        sa.Column("max_tokens", sa.Integer()),
        sa.Column("seed", sa.BigInteger()),
        sa.Column("price_in", sa.Float()),
        sa.Column("price_out", sa.Float()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reported_model", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("failure_kind", sa.Text(), nullable=False),
        sa.Column("failure_message", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer()),
        sa.Column("completion_tokens", sa.Integer()),
        sa.Column("reasoning_tokens", sa.Integer()),
        sa.Column("cached_tokens", sa.Integer()),
        sa.Column("sent_us", sa.BigInteger()),
        sa.Column("first_reasoning_us", sa.BigInteger()),
        sa.Column("last_reasoning_us", sa.BigInteger()),
        sa.Column("first_text_us", sa.BigInteger()),
        sa.Column("first_us", sa.BigInteger()),
        sa.Column("last_us", sa.BigInteger()),
        sa.Column("end_us", sa.BigInteger()),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name="fk_answers_comparison_id"),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name="fk_answers_prompt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
        sa.UniqueConstraint("comparison_id", "position", name="uq_answers_comparison_id_position"),
    )
    op.create_index(
        "ix_answers_live",
        "answers",
        ["id"],
        sqlite_where=sa.text("end_us IS NULL"),
        postgresql_where=sa.text("end_us IS NULL"),
    )
    op.create_index("ix_answers_prompt_id", "answers", ["prompt_id"])
    op.create_table(
        "ratings",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("comparison_id", sa.String(32), nullable=False),
        sa.Column("evaluator", sa.Text(), nullable=False),
        sa.Column("ranking", sa.JSON(), nullable=False),
        sa.Column("all_bad", sa.Boolean(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("supersedes_id", sa.String(32)),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name="fk_ratings_comparison_id"),
        sa.ForeignKeyConstraint(["supersedes_id"], ["ratings.id"], name="fk_ratings_supersedes_id"),
        sa.PrimaryKeyConstraint("id", name="pk_ratings"),
        sa.UniqueConstraint("supersedes_id", name="uq_ratings_supersedes_id"),
    )
    op.create_index("ix_ratings_comparison_id", "ratings", ["comparison_id"])
    op.create_index(
        "uq_ratings_first",
        "ratings",
        ["comparison_id", "evaluator"],
        unique=True,
        sqlite_where=sa.text("supersedes_id IS NULL"),
        postgresql_where=sa.text("supersedes_id IS NULL"),
    )
    op.create_table(
        "recording_chunks",
        sa.Column("answer_id", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name="fk_recording_chunks_answer_id"),
        sa.PrimaryKeyConstraint("answer_id", "seq", name="pk_recording_chunks"),
    )
    op.create_table(
        "texts",
        sa.Column("answer_id", sa.String(32), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("calls", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answers.id"], name="fk_texts_answer_id"),
        sa.PrimaryKeyConstraint("answer_id", name="pk_texts"),
    )
