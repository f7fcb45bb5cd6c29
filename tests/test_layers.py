"""Imports run one way, each library has one room, and pages are laid out where they are built."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ORDER = ["app", "ui", "suites", "storage", "backends"]  # each may import those to its right
PURE = ["analysis", "serving"]  # these import none of the rooms, nor one another
ROOMS = {"gradio": ["ui"], "sqlalchemy": ["storage"], "alembic": ["storage"], "obstore": ["storage"]}
ROOMS |= {"fastapi": ["ui"], "httpx": ["backends"]}


def imports() -> Iterator[tuple[str, str, str]]:
    """(room, file, imported top-level name) of every import."""
    for file in [ROOT / "app.py", *(path for room in ORDER[1:] + PURE for path in (ROOT / room).rglob("*.py"))]:
        name = str(file.relative_to(ROOT))
        for node in ast.walk(ast.parse(file.read_text())):
            found = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for each in found:
                yield name.split("/")[0].removesuffix(".py"), name, each.split(".")[0]


def test_imports_run_one_way() -> None:
    backward = [
        f"{name} imports {found}"
        for room, name, found in imports()
        if found in ORDER + PURE and room != found and (room in PURE or found in ORDER[: ORDER.index(room)])
    ]
    assert not backward


def test_each_library_has_one_room() -> None:
    astray = [f"{name} imports {found}" for room, name, found in imports() if room not in ROOMS.get(found, [room])]
    assert not astray


def test_no_handler_makes_a_layout() -> None:
    layouts = ("Row", "Column", "Accordion", "Tabs", "Tab", "Group")
    for file in (ROOT / "ui").glob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        filled = [item.context_expr for node in nodes if isinstance(node, ast.With) for item in node.items]
        calls = (node for node in nodes if isinstance(node, ast.Call) and node not in filled)
        assert not [ast.unparse(call) for call in calls if ast.unparse(call.func) in [f"gr.{name}" for name in layouts]]
