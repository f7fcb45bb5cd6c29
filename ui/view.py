"""Turns answers into what the page shows: plain values, no gradio. Anything a model wrote stays text."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from backends.flags import TITLES
from storage.comparison import Question, Rating, Row, Snippet
from storage.prompts import TITLE, asked
from storage.ratings import STRENGTHS
from storage.shipped import ORIGIN

LETTERS = "ABCDEF"


def listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


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
        "shipped": kept.origin == ORIGIN,
        "thread": [{"id": link.id, "title": heading(link.title)} for link in kept.links],
        "text": turn.text,
        "images": [{"src": image_url(each.sha256), "width": each.width, "height": each.height} for each in turn.images],
        "about": " · ".join(about),
        "more": "\n\n".join(more),
    }


def _readable(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def history_row(row: Row) -> dict[str, Any]:
    """Letters are of places, as who looks was shown the lanes; a chosen lane is named by its position."""
    letters = {position: LETTERS[place] for place, position in enumerate(row.order)}
    return {
        "id": row.id,
        "title": heading(row.title),
        "prompt": row.prompt_id,
        "sealed": row.sealed,
        "origin": row.origin,
        "at": row.created_at.isoformat(),
        "images": [image_url(sha256) for sha256 in row.images],
        "lanes": [
            {
                "letter": letter,
                "position": position,
                "label": lane.label,
                "state": str(lane.state),
                "answer": lane.answer,
            }
            for position, letter in letters.items()
            for lane in row.lanes[position : position + 1]
        ],
        "flags": [{"title": titled(code), "lanes": " ".join(each)} for code, each in flagged(row, letters).items()],
        "ratings": [
            {"evaluator": each.evaluator, "verdict": verdict(_placed(each, row.order))} for each in row.ratings
        ],
        "snippets": [
            {"where": found_in(each, letters), "pieces": [list(piece) for piece in each.pieces]}
            for each in row.snippets
        ],
    }


def flagged(row: Row, letters: Mapping[int, str]) -> dict[str, list[str]]:
    """The letters of the lanes that each code flags."""
    codes = dict.fromkeys(code for lane in row.lanes for code in lane.flags)
    return {
        code: [letter for position, letter in letters.items() if code in row.lanes[position].flags] for code in codes
    }


def _placed(rating: Rating, order: Sequence[int]) -> Rating:
    """The rating with places instead of positions."""
    ranking = tuple(tuple(sorted(order.index(each) for each in group)) for group in rating.ranking)
    return replace(rating, ranking=ranking)


def found_in(snippet: Snippet, letters: Mapping[int, str]) -> str:
    source, letter = snippet.source.capitalize(), letters.get(snippet.position, "")
    return source if snippet.source == "prompt" else f"{source} {letter}".rstrip()


def heading(title: str) -> str:
    """A title as it is shown: one as long as they are kept was cut there, so it ends with its last whole word."""
    if len(title) < TITLE:
        return title
    return title.rsplit(" ", 1)[0] + "…"


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
