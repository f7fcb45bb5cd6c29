"""What each kind of server takes, as a table from the kinds themselves: `python -m backends.matrix` writes it into the
READMEs, between the marks that stand there."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backends.declaration import kinds
from backends.kind import Dialect, Kind
from backends.prompt import AssistantTurn

ROOT = Path(__file__).parent.parent
FILES = (ROOT / "README.md", ROOT / "backends" / "README.md")
BLOCK = re.compile(r"(?<=<!-- matrix -->\n).*?(?=<!-- /matrix -->)", re.DOTALL)
COLUMNS = ("kind", "effort", "images", "tool choice", "earlier reasoning", "asked how it is", "proven against")


def filled(text: str) -> str:
    """The text with the table as it is now between its marks."""
    return BLOCK.sub(lambda _: _table(), text)


def _table() -> str:
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(tuple(_row(kind)) for kind in kinds().values())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(kind: Kind) -> Iterator[str]:
    dialect = kind.dialect
    yield f"{kind.title}, `{kind.name}`"
    yield f"`{_effort_key(dialect)}`: {', '.join(effort or 'unset' for effort in kind.efforts)}"
    yield _images(kind)
    honoured = [choice for choice in ("auto", "none", "required", "named") if choice in dialect.tool_choices]
    yield ", ".join(honoured) or "none of them"
    yield _reasoning(dialect)
    yield " ".join(f"`{path}`" if path.startswith("/") else f"`/v1/{path}`" for path in asyncio.run(_asked(kind)))
    yield kind.proof


def _effort_key(dialect: Dialect) -> str:
    return next(key for key in ("reasoning_effort", "reasoning", "chat_template_kwargs") if key in dialect.keys)


def _images(kind: Kind) -> str:
    most, size, longest = kind.images.most, kind.images.bytes, kind.images.longest
    limits = [
        f"up to {most}" if most else "",
        f"{size / 1_000_000:g} MB each" if size else "",
        f"sides to {longest:,} px" if longest else "",
    ]
    said = ", ".join(filter(None, limits)) or "no limit known"
    return f"hosted: {said}" if kind.images.hosted else said


def _reasoning(dialect: Dialect) -> str:
    replayed = dialect.replay(AssistantTurn("text", "reasoning"))
    if isinstance(replayed["content"], list):
        return "a part of the content"
    return ", ".join(f"`{field}`" for field in replayed if field != "content") or "left out"


async def _asked(kind: Kind) -> list[str]:
    """The paths at which a server of this kind is asked how it is."""
    paths: list[str] = []

    async def get(path: str) -> Any:
        paths.append(path)
        return {"data": []}

    await kind.discover(get)
    return paths


if __name__ == "__main__":
    for path in FILES:
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
