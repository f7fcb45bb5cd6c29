"""What a person searches for: words, quoted phrases, and beginnings* of words. They never are a database's syntax.

Upper and lower case, and accents, do not matter: é is e.
"""

import re
import unicodedata
from string import punctuation
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

MOST = 32  # words and phrases of a search
PREFIX = 3  # letters of a beginning, at least: a shorter one would have to gather half the index

_TERM = re.compile(r'"([^"]*)"|([^\s"]+)')
_PREFIX = re.compile(rf"[^\W_]{{{PREFIX}}}\*$")
_ODD = re.compile("[\0\ud800-\udfff]")
_ACCENTS = "\u0300-\u036f"
_WORD = re.compile(r"[^\W_]+")
_RUNS = re.compile(r"([^\x00-\x7f]+)")


class Term(NamedTuple):
    """Words in a row; the last may go on where `begins`."""

    text: str
    begins: bool


def terms(said: str) -> tuple[Term, ...]:
    """All of them are wanted; () where there is no word."""
    found = (_term(*match.groups()) for match in _TERM.finditer(_ODD.sub(" ", said)))
    return tuple(term for term in found if term)[:MOST]


def _term(phrase: str | None, word: str | None) -> Term | None:
    text = phrase or word or ""
    return Term(text, bool(word and _PREFIX.search(word))) if _WORD.search(text) else None


def found(index: sa.FromClause, said: str, *, prompt_only: bool = False) -> sa.ColumnElement[bool]:
    """Does a row of the index of texts have all terms?"""
    wanted = terms(said)
    fts5 = " AND ".join(f'"{term.text}"' + "*" * term.begins for term in wanted)
    tsquery = " & ".join(f"'{_plain(term.text)}':{'*' * term.begins}{'A' if prompt_only else 'ABC'}" for term in wanted)
    return _Found(index.c.searchable_fts, f"prompt: ({fts5})" if prompt_only else fts5, tsquery)


class _Found(FunctionElement[Any]):
    """Of a column of the index, and what each database is asked."""

    type = sa.types.NullType()  # as a boolean it would be compared with 1, which is no MATCH any more
    inherit_cache = True


@compiles(_Found, "sqlite")
def _match(element: Any, compiler: Any, **settings: Any) -> str:
    column, fts5, _ = element.clauses
    return f"{compiler.process(column, **settings)} MATCH {compiler.process(fts5, **settings)}"


@compiles(_Found, "postgresql")
def _tsquery(element: Any, compiler: Any, **settings: Any) -> str:
    column, _, tsquery = element.clauses
    asked = f"to_tsquery('simple', {compiler.process(tsquery, **settings)})"
    return f"{compiler.process(column, **settings)} @@ {asked}"


_SPACES = str.maketrans(punctuation, " " * len(punctuation))


def _plain(text: str) -> str:
    """As PostgreSQL's index has it: see migration 0006."""
    return re.sub(f"[{_ACCENTS}]", "", unicodedata.normalize("NFD", text)).translate(_SPACES)


def hit(said: str) -> re.Pattern[str] | None:
    """Finds what was searched for in a `folded` text; None where there is nothing to find."""
    each = [
        r"[\W_]+".join(_letters(word) for word in _WORD.findall(folded(term.text)))
        + (r"[^\W_]*" if term.begins else "")
        for term in terms(said)
    ]
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(each)})(?![^\W_])") if each else None


def _letters(word: str) -> str:
    """An accent may stand on its own behind its letter."""
    return "".join(f"{letter}[{_ACCENTS}]*" for letter in word)


def folded(text: str) -> str:
    """The same letters, small and without accents, each in its place."""
    # far most letters are ASCII's, which need no look at each
    return "".join(run.lower() if run.isascii() else run.translate(_FOLDS) for run in _RUNS.split(text))


class _Folds(dict[int, str]):
    def __missing__(self, code: int) -> str:
        letter = unicodedata.normalize("NFD", chr(code))[0].lower()[0]
        return self.setdefault(code, letter)


_FOLDS = _Folds()
