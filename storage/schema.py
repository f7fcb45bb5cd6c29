"""The tables. Long texts and recordings live apart from the rows that lists and counts read.

Migrations make them in a database; a test holds both equal.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.types import BigInteger, Boolean, Float


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC: SQLite has no type for it and forgets the zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text as somebody else wrote it. PostgreSQL has no letter zero: there it is kept as one that can't be read."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return value.replace("\0", "\ufffd") if value and dialect.name == "postgresql" else value


# what a server counts, which may be any number; SQLite's integers are wide as they are
Count = BigInteger().with_variant(Integer, "sqlite")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(created_at: datetime, comparison_id: str = "") -> int:
    """A comparison's place among all, the newest last: its microsecond, and a byte of the id for those made at once."""
    return (created_at - EPOCH) // timedelta(microseconds=1) << 8 | crc32(comparison_id.encode()) & 0xFF


def _numbered(context: Any) -> int:
    row = context.get_current_parameters()
    return number(row["created_at"], row["id"])


def declared(name: str | None, kind: str, _parents: object) -> bool:
    """Is it declared here? The index of texts is not: its tables, or its column, are the database's own."""
    return kind != "table" or not str(name).startswith("searchable")


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

prompts = Table(
    "prompts",
    metadata,
    Column("id", String(64), primary_key=True),  # sha256 of the body's text
    Column("body", JSON, nullable=False),
)

images = Table(
    "images",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("mime", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
)

prompt_images = Table(
    "prompt_images",
    metadata,
    Column("prompt_id", ForeignKey("prompts.id"), primary_key=True),
    Column("sha256", ForeignKey("images.sha256"), primary_key=True, index=True),
    Column("position", Integer, nullable=False),
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("number", BigInteger, unique=True, index=True, default=_numbered),  # what lists are ordered by
    Column("started_at", Moment),  # from when all times of its lanes count; null until something was recorded
    Column("follows_id", ForeignKey("comparisons.id"), index=True),
    Column("prompt_id", ForeignKey("prompts.id"), nullable=False, index=True),  # what is asked now, of all lanes
    Column("title", Words, nullable=False),
    Column("maker", Text, nullable=False, server_default=text("''")),  # the viewer who asked
    Column(
        "origin", Text, nullable=False, server_default=text("''")
    ),  # "" is asked here; "shipped" came with the project
    Column("overlap", Integer, nullable=False, server_default="0"),  # ratings wanted from the queue; 0 is not in it
    Column("rated", Integer, nullable=False, server_default="0"),  # ratings of those wanted that it has: see `queue`
    Column("remakes_id", ForeignKey("comparisons.id")),  # whose lanes this one has anew, or beside others
    Column("replica", Text, nullable=False, server_default=text("''")),  # of the app, that runs it: see `replicas`
    # the plan
    Column("blind", Boolean, nullable=False, server_default=false()),
    Column("pace", Text, nullable=False, server_default="as it comes"),
    Column("traces", Text, nullable=False, server_default="as it comes"),
    Column("schedule", Text, nullable=False, server_default="all at once"),
    Column("warm_up", Boolean, nullable=False, server_default=false()),
    Column("samples", Integer, nullable=False, server_default="1"),
    Index(None, "created_at", "id"),
)

answers = Table(
    "answers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("comparison_id", ForeignKey("comparisons.id"), nullable=False),
    Column("position", Integer, nullable=False),  # as asked, from the left; further samples of all lanes come after
    Column("sample", Integer, nullable=False, server_default="0"),  # 0 is the one that is shown and rated
    Column("crowded", Boolean, nullable=False, server_default=false()),  # another lane asked its server meanwhile
    Column("copied_from_id", ForeignKey("answers.id")),  # not asked again: the answer of an earlier comparison
    Column("prompt_id", ForeignKey("prompts.id"), nullable=False, index=True),  # with the lane's own history
    # the lane, as sent
    Column("backend", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("address_hash", Text, nullable=False),  # the address itself stays out, like the key
    Column("model", Text, nullable=False),
    Column("artifact", Text, nullable=False),
    Column("effort", Text, nullable=False),
    Column("temperature", Float),
    Column("max_tokens", Count),
    Column("seed", BigInteger),
    Column("replays", Boolean, nullable=False, server_default=true()),  # its own reasoning went back with the history
    Column("waits", Boolean, nullable=False, server_default=false()),
    Column("price_in", Float),
    Column("price_out", Float),
    # what the recording folds into, once it has an end
    Column("state", Text, nullable=False),
    Column("reported_model", Words, nullable=False, default=""),
    Column("server", Words, nullable=False, default=""),
    Column("finish_reason", Words, nullable=False, default=""),
    Column("failure_kind", Text, nullable=False, default=""),
    Column("failure_message", Words, nullable=False, default=""),
    Column("prompt_tokens", Count),
    Column("completion_tokens", Count),
    Column("reasoning_tokens", Count),
    Column("cached_tokens", Count),
    Column("image_tokens", Count),
    Column("rounds", Integer, nullable=False, server_default="1"),
    Column("waited", Float, nullable=False, server_default="0"),  # seconds, as the server had asked
    Column("sent_us", BigInteger),
    Column("first_reasoning_us", BigInteger),
    Column("last_reasoning_us", BigInteger),
    Column("first_text_us", BigInteger),
    Column("first_us", BigInteger),
    Column("last_us", BigInteger),
    Column("end_us", BigInteger),
    Column("pieces", Integer, nullable=False, default=0),
    UniqueConstraint("comparison_id", "position"),
)
_queued = comparisons.c.overlap > 0
Index("ix_comparisons_queued", comparisons.c.created_at, sqlite_where=_queued, postgresql_where=_queued)
_wanted = comparisons.c.overlap > comparisons.c.rated
Index(
    "ix_comparisons_wanted",
    comparisons.c.rated.desc(),
    comparisons.c.created_at,
    sqlite_where=_wanted,
    postgresql_where=_wanted,
)
_copied = answers.c.copied_from_id.is_not(None)
Index("ix_answers_copied_from_id", answers.c.copied_from_id, sqlite_where=_copied, postgresql_where=_copied)
_live = answers.c.end_us.is_(None)
Index("ix_answers_live", answers.c.id, sqlite_where=_live, postgresql_where=_live)

flags = Table(
    "flags",
    metadata,
    Column("answer_id", ForeignKey("answers.id"), primary_key=True),
    Column("code", String(40), primary_key=True),
    Column("detail", Words, nullable=False),
    Column("comparison_id", ForeignKey("comparisons.id"), nullable=False),  # its answer's: a list finds it by the index
    Index(None, "code", "comparison_id"),
)

texts = Table(
    "texts",
    metadata,
    Column("answer_id", ForeignKey("answers.id"), primary_key=True),
    Column("request", Words, nullable=False, default=""),
    Column("reasoning", Words, nullable=False, default=""),
    Column("text", Words, nullable=False, default=""),
    Column("calls", JSON, nullable=False, default=list),
    Column("results", JSON, nullable=False, server_default="[]"),  # of the calls: place, content and source
    Column("measured", Words, nullable=False, server_default=text("''")),  # by the server itself, as it sent it
)

recording_chunks = Table(
    "recording_chunks",
    metadata,
    Column("answer_id", ForeignKey("answers.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # zlib; unpacked and joined by seq, they are the recording
)

showings = Table(
    "showings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("comparison_id", ForeignKey("comparisons.id"), nullable=False),
    Column("viewer", Text, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("pace", Text, nullable=False),
    Column("traces", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("order", JSON, nullable=False),  # the lanes' positions, as shown from the left
    Column("created_at", Moment, nullable=False),
    Column("rated_at", Moment),  # the answers, while their reasoning was withheld: from then on that is shown
    Column("revealed_at", Moment),
    Column("revealed_by", Text, nullable=False, server_default=text("''")),
    UniqueConstraint("comparison_id", "viewer"),
)

hints = Table(
    "hints",
    metadata,
    Column("comparison_id", ForeignKey("comparisons.id"), primary_key=True),
    Column("of_id", ForeignKey("comparisons.id"), primary_key=True, index=True),  # it tells of these answers: `showing`
    sqlite_with_rowid=False,
)

ratings = Table(
    "ratings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("comparison_id", ForeignKey("comparisons.id"), nullable=False, index=True),
    Column("evaluator", Text, nullable=False, index=True),
    Column("ranking", JSON, nullable=False),  # groups of positions, best first
    Column("all_bad", Boolean, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("comment", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("supersedes_id", ForeignKey("ratings.id"), unique=True),
    Column("showing_id", ForeignKey("showings.id")),
    Column(
        "blind", Boolean, nullable=False, server_default=false()
    ),  # nothing had told the lanes apart when it was made
    Column("early", Boolean, nullable=False, server_default=false()),  # a lane was still answering
    Column("skipped", Text, nullable=False, server_default=text("''")),  # why nothing was judged; its ranking is empty
    Column("strength", Integer),
    Column("scores", JSON, nullable=False, server_default="{}"),  # of the rubric: by dimension, a list by position
    Column("traces", JSON, nullable=False, server_default="{}"),  # how the reasoning was judged, after the answers
    Column("seconds", Float),  # from when there was something to judge
    Column("read", JSON, nullable=False, server_default="[]"),  # positions whose answer was seen to its end
    Column("opened", JSON, nullable=False, server_default="[]"),  # positions whose reasoning was opened
)
_first = ratings.c.supersedes_id.is_(None)
Index(
    "uq_ratings_first",
    ratings.c.comparison_id,
    ratings.c.evaluator,
    unique=True,
    sqlite_where=_first,
    postgresql_where=_first,
)

# What statistics read: each pair of lanes by each rating that counts, which is what an evaluator judged blind last, or
# else last. It follows from the ratings: see the file of its name.
battles = Table(
    "battles",
    metadata,
    Column("rating_id", ForeignKey("ratings.id"), primary_key=True),
    Column("position_a", Integer, primary_key=True),  # as asked; `a` has the lower one
    Column("position_b", Integer, primary_key=True),
    Column("comparison_id", ForeignKey("comparisons.id"), nullable=False, index=True),
    Column("evaluator", Text, nullable=False),
    Column("winner", String(8), nullable=False),  # model_a, model_b, tie or both_bad
    Column("model_a", Text, nullable=False),  # the lane's label: its factors are in `answers`
    Column("model_b", Text, nullable=False),
    Column("place_a", Integer, nullable=False),  # as shown, from 1 at the left
    Column("place_b", Integer, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("early", Boolean, nullable=False),
    Index(None, "model_a", "model_b", "winner"),
)

locks = Table(
    "locks",
    metadata,
    Column("comparison_id", ForeignKey("comparisons.id"), primary_key=True),
    Column("viewer", Text, primary_key=True),
    Column("evaluator", Text, nullable=False),
    Column("until", Moment, nullable=False),  # the queue gives it to nobody else before
)

presets = Table(
    "presets",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("lanes", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
)

# What a backend was found to do, probe by probe: the body is a `backends.check.result.Check`.
checks = Table(
    "checks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("backend", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("version", Words, nullable=False),  # of the server, as it told it
    Column("failed", Integer, nullable=False),  # probes
    Column("body", JSON, nullable=False),
    Index(None, "backend", "at"),
)

# Checks that run, or ended before their end: the body is a `Check` with what was found so far.
unfinished = Table(
    "unfinished",
    metadata,
    Column("backend", Text, primary_key=True),
    Column("replica", Text, nullable=False),  # of the app, that runs it: see `replicas`
    Column("state", Text, nullable=False),  # running, stopped, failed or interrupted
    Column("probes", Integer, nullable=False),  # of the whole check
    Column("problem", Words, nullable=False),
    Column("body", JSON, nullable=False),
)

measurements = Table(
    "measurements",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", Text, nullable=False),  # load, context or effort
    Column("title", Words, nullable=False),
    Column("maker", Text, nullable=False),  # the viewer who began it
    Column("replica", Text, nullable=False),  # of the app, that runs it: see `replicas`
    Column("created_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("state", Text, nullable=False),  # running, done, stopped, failed or interrupted
    Column("plan", JSON, nullable=False),
    Index(None, "kind", "created_at"),
)

# What a measurement has found so far, one request each, in the order in which they ended.
samples = Table(
    "samples",
    metadata,
    Column("measurement_id", ForeignKey("measurements.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("body", JSON, nullable=False),
)

# The running apps that share this database, each seen lately: what was run by another has been interrupted.
replicas = Table(
    "replicas",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("seen_at", Moment, nullable=False),
)

# Sessions that were logged out, until they would have ended anyway: no copy of their cookie opens them again.
logouts = Table(
    "logouts",
    metadata,
    Column("session", Text, primary_key=True),
    Column("until", Moment, nullable=False),
)

# Kept by triggers, like `searchable_fts`, the index of all texts: migrations 0004 and 0006 have the words.
facets = Table(
    "facets",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),  # of the comparison
    sqlite_with_rowid=False,
)
