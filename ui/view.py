"""Turns answers into what the page shows: plain values, no gradio. Anything a model wrote stays text."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from backends.flags import TITLES
from storage.comparison import Page, Question, Rating, Row
from storage.prompts import asked
from storage.ratings import STRENGTHS

LETTERS = "ABCDEF"


def question(kept: Question) -> dict[str, Any]:
    """What was asked, and the turns that led to it."""
    turn = asked(kept.prompt)
    tools = [tool.name for tool in kept.prompt.tools]
    about = ["system prompt"] if kept.prompt.system else []
    about += [f"{len(tools)} tool{'s' * (len(tools) > 1)}: {', '.join(tools)}"] if tools else []
    more = [kept.prompt.system] if kept.prompt.system else []
    more += [_readable(asdict(tool)) for tool in kept.prompt.tools]
    if tools:
        about += [f"tool choice {kept.prompt.tool_choice}"] if kept.prompt.tool_choice else []
    if (box := kept.prompt.toolbox).rounds:
        about += [f"calls answered, in up to {box.rounds} round{'s' * (box.rounds > 1)}"]
        more += [f"Results: {_readable(asdict(box))}"]
    return {
        "run": kept.id,
        "thread": [{"id": link.id, "title": link.title} for link in kept.links],
        "text": turn.text,
        "images": [{"src": image_url(each.sha256), "width": each.width, "height": each.height} for each in turn.images],
        "about": " · ".join(about),
        "more": "\n\n".join(more),
    }


def _readable(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def history(page: Page, flags: Sequence[str], flag: str, first: bool) -> dict[str, Any]:
    """`flags` are those to choose from, `flag` the one that is chosen."""
    return {
        "flags": [{"code": code, "title": titled(code)} for code in flags],
        "flag": flag,
        "rows": [history_row(row) for row in page.rows],
        "next": str(page.next or ""),
        "first": first,
    }


def history_row(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "at": row.created_at.isoformat(),
        "images": [image_url(sha256) for sha256 in row.images],
        "lanes": [
            {"letter": letter, "label": lane.label, "state": str(lane.state)}
            for letter, lane in zip(LETTERS, row.lanes, strict=False)
        ],
        "flags": [{"title": titled(code), "lanes": " ".join(letters)} for code, letters in flagged(row).items()],
        "rating": "; ".join(verdict(rating) for rating in row.ratings),
    }


def flagged(row: Row) -> dict[str, list[str]]:
    """The letters of the lanes that each code flags."""
    codes = dict.fromkeys(code for lane in row.lanes for code in lane.flags)
    return {
        code: [letter for letter, lane in zip(LETTERS, row.lanes, strict=False) if code in lane.flags] for code in codes
    }


def titled(code: str) -> str:
    return TITLES.get(code, code)


def verdict(rating: Rating) -> str:
    """A rating in a few words, without its evaluator."""
    if rating.skipped:
        return f"skipped: {rating.skipped}"
    if rating.all_bad:
        return "all bad" if len(rating.ranking) > 2 else "both bad"
    if len(rating.ranking) == 1:
        return "tie"
    order = " > ".join(" = ".join(LETTERS[position] for position in group) for group in rating.ranking)
    return f"{order}, {STRENGTHS[rating.strength - 1]}" if rating.strength else order


def image_url(sha256: str) -> str:
    return f"images/{sha256}"
