"""Battles, for statistics; replicas; views for people; and the index of texts anew, under a name that tools find it by.

What is deleted leaves the filters and the index of texts too.
"""

import logging
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.migrations import trigger
from storage.ratings import pairs

revision = "0006"
down_revision = "0005"

log = logging.getLogger("storage.database")

STEP = 5_000  # comparisons made searchable at once: some seconds' work

# What of each comparison can be found: of its answers nothing before all have ended, so that they are indexed once.
# Before each stands a letter of its own, so that no phrase reaches from one into the next and a hit tells its lane.
UNENDED = (
    "EXISTS (SELECT 1 FROM answers AS other "
    "WHERE other.comparison_id = comparisons.id AND other.sample = 0 AND other.end_us IS NULL{})"
)
SAYS = """
CASE WHEN NOT {unended} THEN (SELECT {{joined}} FROM (
     SELECT {{letter}}(983040 + position) || ' ' || {source} AS said, position FROM answers
     JOIN texts ON answer_id = answers.id
     WHERE comparison_id = comparisons.id AND sample = 0 AND {source} <> '' ORDER BY position) AS each) END"""
ANSWERS, REASONING = (SAYS.format(unended=UNENDED.format(""), source=source) for source in ("text", "reasoning"))
SEARCHABLE = f"""
CREATE VIEW searchable AS SELECT
  number AS rowid,
  ({{asked}}) AS prompt,
  {ANSWERS} AS answers,
  {REASONING} AS reasoning
FROM comparisons
"""

CHANGED = "new.text <> old.text OR new.reasoning <> old.reasoning"
SAID = "{}.text <> '' OR {}.reasoning <> ''"
ENDED = "answer_ended AFTER UPDATE OF end_us ON answers WHEN old.end_us IS NULL AND new.end_us IS NOT NULL"
# the comparison of a text, or of an answer that ends, if all of its lanes have ended then; else none
OF_ANSWER = (
    "(SELECT number FROM answers JOIN comparisons ON comparisons.id = comparison_id "
    f"WHERE answers.id = {{}}.answer_id AND NOT {UNENDED.format('')})"
)
OF_LAST = (
    "(SELECT number FROM comparisons WHERE id = new.comparison_id AND NOT "
    + UNENDED.format(" AND other.id <> new.id")
    + ")"
)
OF = "(SELECT number FROM comparisons WHERE id = old.comparison_id)"


def sqlite() -> None:
    run = op.get_bind().exec_driver_sql
    run(
        SEARCHABLE.format(
            asked="SELECT json_extract(body, '$.turns[#-1].text') || char(10) || json_extract(body, '$.system') "
            "FROM prompts WHERE prompts.id = prompt_id",
            joined="group_concat(said, char(10))",
            letter="char",
        )
    )
    run(
        # the double quotes, the name in _fts and `rowid` are what other tools look for
        'CREATE VIRTUAL TABLE searchable_fts USING fts5(prompt, answers, reasoning, content="searchable", '
        "content_rowid='rowid', tokenize='unicode61 remove_diacritics 2', prefix='3')"
    )
    into = "INSERT INTO searchable_fts ({}rowid, prompt, answers, reasoning) SELECT {}searchable.* FROM searchable "
    add = into.format("", "") + "WHERE rowid "
    _fill(lambda first, last: run(f"{add} BETWEEN {first} AND {last}"))
    index = add + "= {}"
    # an index over texts elsewhere must be told what it had been told
    forget = into.format("searchable_fts, ", "'delete', ") + "WHERE rowid = {}"
    for head, does in {
        "comparison_said AFTER INSERT ON comparisons": index.format("new.number"),
        f"text_comes BEFORE INSERT ON texts WHEN {_said('new')}": forget.format(OF_ANSWER.format("new")),
        f"text_came AFTER INSERT ON texts WHEN {_said('new')}": index.format(OF_ANSWER.format("new")),
        f"text_changes BEFORE UPDATE OF text, reasoning ON texts WHEN {CHANGED}": forget.format(
            OF_ANSWER.format("new")
        ),
        f"text_changed AFTER UPDATE OF text, reasoning ON texts WHEN {CHANGED}": index.format(OF_ANSWER.format("new")),
        f"text_goes BEFORE DELETE ON texts WHEN {_said('old')}": forget.format(OF_ANSWER.format("old")),
        f"text_gone AFTER DELETE ON texts WHEN {_said('old')}": index.format(OF_ANSWER.format("old")),
        ENDED.replace("answer_ended AFTER", "answer_ends BEFORE"): forget.format(OF_LAST),
        ENDED: index.format(OF_LAST),
        "comparison_unsaid BEFORE DELETE ON comparisons": forget.format("old.number"),
    }.items():
        trigger.create(op.get_bind(), head, [does])


def postgresql() -> None:
    run = op.get_bind().exec_driver_sql
    for counted in ("max", "prompt", "completion", "reasoning", "cached", "image"):
        run(f"ALTER TABLE answers ALTER COLUMN {counted}_tokens TYPE bigint")
    run(
        SEARCHABLE.format(
            # the server's texts can't hold the letter zero, which a prompt may
            asked="SELECT concat(kept.body -> 'turns' -> -1 ->> 'text', chr(10), kept.body ->> 'system') FROM "
            r"(SELECT replace(body::text, '\u0000', '\ufffd')::json AS body FROM prompts WHERE id = prompt_id) AS kept",
            joined="string_agg(said, chr(10) ORDER BY position)",
            letter="chr",
        )
    )
    op.create_table(
        "searchable_fts",
        sa.Column("rowid", sa.BigInteger(), nullable=False),
        sa.Column("searchable_fts", sa.dialects.postgresql.TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("rowid", name="pk_searchable_fts"),
    )
    run("CREATE INDEX ix_searchable_fts ON searchable_fts USING gin (searchable_fts)")
    # splits texts where SQLite's index does: at all that is no letter or digit, and takes é for e; the letter before an
    # answer, which would be no word here, becomes one
    plain = r"regexp_replace(normalize(said, NFD), '[\u0300-\u036f]', '', 'g')"
    parted = rf"regexp_replace({plain}, '[\U000f0000-\U000f00ff]', ' 0lane0 ', 'g')"
    signs = r"""'!"#$%%&''()*+,-./:;<=>?@[\]^_`{|}~'"""
    run(
        "CREATE FUNCTION folded(said text) RETURNS text LANGUAGE sql IMMUTABLE AS "
        f"$$ SELECT translate({parted}, {signs}, repeat(' ', 32)) $$"
    )
    weighed = " || ".join(
        f"setweight(to_tsvector('simple', folded(left(coalesce({source}, ''), most))), '{weight}')"
        for source, weight in (("prompt", "A"), ("answers", "B"), ("reasoning", "C"))
    )
    run(
        "CREATE FUNCTION index_letters(which bigint, most integer) RETURNS void LANGUAGE sql AS $$ "
        f"INSERT INTO searchable_fts SELECT rowid, {weighed} FROM searchable WHERE rowid = which "
        "ON CONFLICT (rowid) DO UPDATE SET searchable_fts = excluded.searchable_fts $$"
    )
    run(  # the index holds no more than a megabyte of words of each
        "CREATE FUNCTION index_texts(which bigint) RETURNS void LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM index_letters(which, 200000); "
        "EXCEPTION WHEN program_limit_exceeded THEN PERFORM index_letters(which, 40000); END $$"
    )
    _fill(lambda first, last: run(f"SELECT index_texts(rowid) FROM searchable WHERE rowid BETWEEN {first} AND {last}"))
    index = "PERFORM index_texts({})"
    for head, does in {
        "comparison_said AFTER INSERT ON comparisons": index.format("new.number"),
        f"text_came AFTER INSERT ON texts WHEN {_said('new')}": index.format(OF_ANSWER.format("new")),
        f"text_changed AFTER UPDATE OF text, reasoning ON texts WHEN {CHANGED}": index.format(OF_ANSWER.format("new")),
        f"text_gone AFTER DELETE ON texts WHEN {_said('old')}": index.format(OF_ANSWER.format("old")),
        ENDED: index.format(OF_LAST),
        "comparison_unsaid AFTER DELETE ON comparisons": "DELETE FROM searchable_fts WHERE rowid = old.number",
    }.items():
        trigger.create(op.get_bind(), head, [does])


def _said(row: str) -> str:
    return SAID.format(row, row)


# What is deleted is no filter any more, unless something else of its comparison still has it.
GONE = (
    "DELETE FROM facets WHERE kind = '{kind}' AND value {value} AND number = {of} AND NOT EXISTS (SELECT 1 "
    "FROM facetted WHERE comparison_id = old.comparison_id AND facetted.kind = facets.kind "
    "AND facetted.value = facets.value)"
)
TAGS = {"sqlite": "json_each(old.tags) AS tag", "postgresql": "json_array_elements_text(old.tags) AS tag (value)"}
AGAIN = (
    "INSERT INTO facets (kind, value, number) SELECT kind, value, number FROM facetted "
    "JOIN comparisons ON comparisons.id = comparison_id WHERE comparison_id = old.comparison_id ON CONFLICT DO NOTHING"
)

# 0004 looked through all that the comparison is found by
ASKED = (
    "INSERT INTO facets (kind, value, number) SELECT kind, value, number FROM (SELECT 'backend' AS kind, new.backend "
    "AS value UNION ALL SELECT 'artifact', new.artifact UNION ALL SELECT 'effort', new.effort) AS lane, comparisons "
    "WHERE comparisons.id = new.comparison_id AND (kind = 'backend' OR value <> '') ON CONFLICT DO NOTHING"
)

SECONDS = "({} - sent_us) / 1000000.0"
LANE = "answers.backend, answers.model, answers.artifact, answers.effort"
VIEWS = {
    "v_comparisons": """
SELECT comparisons.created_at, title AS prompt,
  (SELECT count(*) FROM answers WHERE comparison_id = comparisons.id AND sample = 0) AS lanes,
  (SELECT count(*) FROM ratings WHERE comparison_id = comparisons.id AND skipped = '' AND NOT EXISTS (
     SELECT 1 FROM ratings AS later WHERE later.supersedes_id = ratings.id)) AS ratings,
  blind, origin, id, number
FROM comparisons
""",
    "v_answers": f"""
SELECT comparisons.created_at, title AS prompt, position, {LANE}, state, finish_reason,
  prompt_tokens, completion_tokens, {SECONDS.format("first_us")} AS first_token_seconds,
  {SECONDS.format("end_us")} AS seconds, reasoning, text, comparison_id, answers.id
FROM answers JOIN comparisons ON comparisons.id = comparison_id JOIN texts ON answer_id = answers.id
""",
    "v_ratings": """
SELECT ratings.created_at, evaluator, title AS prompt, ranking, all_bad, strength, tags, comment, ratings.blind, early,
  skipped, seconds,
  NOT EXISTS (SELECT 1 FROM ratings AS later WHERE later.supersedes_id = ratings.id) AS is_current,
  comparison_id, ratings.id
FROM ratings JOIN comparisons ON comparisons.id = comparison_id
""",
    "v_battles": """
SELECT ratings.created_at, model_a, model_b, winner, battles.evaluator, battles.blind, battles.early, place_a, place_b,
  title AS prompt, battles.comparison_id, rating_id
FROM battles JOIN ratings ON ratings.id = rating_id JOIN comparisons ON comparisons.id = battles.comparison_id
""",
}


def upgrade() -> None:
    connection = op.get_bind()
    dialect = connection.dialect.name
    op.add_column("comparisons", sa.Column("replica", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replicas"),
    )
    _battles(connection)
    if dialect == "sqlite":
        for name in ("comparison_asked", "text_comes", "text_came", "text_changes", "text_changed"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")  # as 0004 made them once
        connection.exec_driver_sql("DROP TABLE IF EXISTS search")
        connection.exec_driver_sql("DROP VIEW IF EXISTS searchable")
        trigger.create(
            connection,
            "comparison_asked AFTER INSERT ON comparisons",
            [AGAIN.replace("old.comparison_id", "new.id")],
        )
        sqlite()
    else:
        postgresql()
    trigger.drop(connection, "answer_asked", "answers")
    tags = f"IN (SELECT tag.value FROM {TAGS[dialect]})"
    for head, does in {
        "answer_asked AFTER INSERT ON answers": [ASKED],
        "answer_gone AFTER DELETE ON answers": [
            GONE.format(kind=kind, value=f"= old.{kind}", of=OF) for kind in ("backend", "artifact", "effort")
        ],
        "rating_gone AFTER DELETE ON ratings": [
            GONE.format(kind="evaluator", value="= old.evaluator", of=OF),
            GONE.format(kind="tag", value=tags, of=OF),
            GONE.format(kind="rated", value="IN ('yes', 'no')", of=OF),
            AGAIN,
        ],
        "comparison_gone AFTER DELETE ON comparisons": [
            "DELETE FROM facets WHERE kind = 'origin' AND value = old.origin AND number = old.number",
            "DELETE FROM facets WHERE kind = 'rated' AND value IN ('yes', 'no') AND number = old.number",
        ],
    }.items():
        trigger.create(connection, head, does)
    for name, rows in VIEWS.items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {rows}")


def _battles(connection: sa.Connection) -> None:
    battles = op.create_table(
        "battles",
        sa.Column("rating_id", sa.String(32), nullable=False),
        sa.Column("position_a", sa.Integer(), nullable=False),
        sa.Column("position_b", sa.Integer(), nullable=False),
        sa.Column("comparison_id", sa.String(32), nullable=False),
        sa.Column("evaluator", sa.Text(), nullable=False),
        sa.Column("winner", sa.String(8), nullable=False),
        sa.Column("model_a", sa.Text(), nullable=False),
        sa.Column("model_b", sa.Text(), nullable=False),
        sa.Column("place_a", sa.Integer(), nullable=False),
        sa.Column("place_b", sa.Integer(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("early", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("rating_id", "position_a", "position_b", name="pk_battles"),
        sa.ForeignKeyConstraint(["rating_id"], ["ratings.id"], name="fk_battles_rating_id"),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name="fk_battles_comparison_id"),
    )
    op.create_index("ix_battles_comparison_id", "battles", ["comparison_id"])
    op.create_index("ix_battles_model_a_model_b_winner", "battles", ["model_a", "model_b", "winner"])
    json = sa.JSON()
    kept = connection.execute(
        sa.text(
            "SELECT ratings.id, ratings.comparison_id, evaluator, ranking, all_bad, ratings.blind, early, skipped, "
            '"order" FROM ratings LEFT JOIN showings ON showings.id = showing_id '
            "ORDER BY ratings.comparison_id, evaluator, ratings.created_at"
        ).columns(ranking=json, order=json, all_bad=sa.Boolean(), blind=sa.Boolean(), early=sa.Boolean())
    )
    named = sa.text(
        "SELECT position, backend, model, artifact, effort FROM answers WHERE comparison_id = :of AND sample = 0"
    )
    for comparison_id, ratings in groupby(kept.all(), lambda row: str(row.comparison_id)):
        labels = {row.position: _label(row) for row in connection.execute(named, {"of": comparison_id})}
        rows = [
            {
                "rating_id": rating.id,
                "position_a": a,
                "position_b": b,
                "comparison_id": comparison_id,
                "evaluator": rating.evaluator,
                "winner": winner,
                "model_a": labels[a],
                "model_b": labels[b],
                "place_a": order.index(a) + 1,
                "place_b": order.index(b) + 1,
                "blind": rating.blind,
                "early": rating.early,
            }
            for _, own in groupby(ratings, lambda row: row.evaluator)
            for rating in _counted([*own])
            for order in [rating.order or sorted(labels)]
            for a, b, winner in pairs(rating.ranking, rating.all_bad)
        ]
        if rows:
            connection.execute(battles.insert(), rows)


def _counted(own: list[Any]) -> list[Any]:
    """Of one evaluator's ratings the one to count: the last blind one, or else the last."""
    blind = [row for row in own if row.blind and not row.skipped]
    return (blind or own)[-1:]


def _label(lane: Any) -> str:
    parts = [lane.backend, lane.model, lane.artifact, lane.effort and f"effort {lane.effort}"]
    return " · ".join(dict.fromkeys(part for part in parts if part))


def _fill(index: Any) -> None:
    """Indexes the texts, as fast as in one go, and says how far it is: of many comparisons it takes minutes."""
    numbers = op.get_bind().exec_driver_sql("SELECT number FROM comparisons ORDER BY number").scalars().all()
    for done in range(0, len(numbers), STEP):
        if done:
            log.warning("making what is kept searchable: %d of %d comparisons are", done, len(numbers))
        some = numbers[done : done + STEP]
        index(some[0], some[-1])
