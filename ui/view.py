"""Turns answers into what the page shows: plain values, no gradio. Anything a model wrote stays text."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson

from backends.answer import Answer, State, Times
from backends.lane import Lane
from backends.prompt import ToolCall
from storage.comparison import Page, Question, Rating, Row
from storage.prompts import asked

LETTERS = "ABCDEF"

LIVE = (State.WAITING, State.THINKING, State.CALLING, State.ANSWERING)


def card(key: str, lane: Lane, answer: Answer, note: str, answer_url: str) -> dict[str, Any]:
    """What a lane's card shows. `key` changes when another run is shown in its place; `answer_url` gives the text."""
    live = answer.state in LIVE
    return {
        "key": key,
        "state": answer.state.name.lower(),
        "state_name": str(answer.state),
        "live": live,
        "label": provenance(lane, answer),
        "note": note,
        "figures": figures(lane, answer),
        "reasoning": answer.reasoning,
        "thought": thought(answer),
        "calls": [tool_call(call, live) for call in answer.calls],
        "error": answer.failure.message if answer.failure else ended_early(answer),
        "answer": "" if live or not answer.text else answer_url,
    }


def idle_card(note: str) -> dict[str, Any]:
    return {"key": "", "label": "Its answer will stream here.", "note": note}


def question(kept: Question) -> dict[str, Any]:
    """What was asked, and the turns that led to it."""
    turn = asked(kept.prompt)
    tools = [tool.name for tool in kept.prompt.tools]
    about = ["system prompt"] if kept.prompt.system else []
    about += [f"{len(tools)} tool{'s' * (len(tools) > 1)}: {', '.join(tools)}"] if tools else []
    more = [kept.prompt.system] if kept.prompt.system else []
    more += [json.dumps(asdict(tool), indent=2, ensure_ascii=False) for tool in kept.prompt.tools]
    return {
        "run": kept.id,
        "thread": [{"id": link.id, "title": link.title} for link in kept.links],
        "text": turn.text,
        "images": [{"src": image_url(each.sha256), "width": each.width, "height": each.height} for each in turn.images],
        "about": " · ".join(about),
        "more": "\n\n".join(more),
    }


def rating_bar(kept: Question, tags: Sequence[str], said: str = "") -> dict[str, Any]:
    return {
        "run": kept.id,
        "letters": list(LETTERS[: len(kept.lanes)]),
        "tags": list(tags),
        "ratings": [
            {
                "id": rating.id,
                "evaluator": rating.evaluator,
                "ranking": rating.ranking,
                "all_bad": rating.all_bad,
                "tags": list(rating.tags),
                "comment": rating.comment,
            }
            for rating in kept.ratings
        ],
        "said": said,
    }


def history(page: Page, first: bool) -> dict[str, Any]:
    return {
        "rows": [history_row(row) for row in page.rows],
        "next": f"{page.next.created_at.isoformat()}/{page.next.id}" if page.next else "",
        "first": first,
    }


def history_row(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "at": row.created_at.isoformat(),
        "images": [image_url(sha256) for sha256 in row.images],
        "lanes": [{"label": label, "state": str(state)} for label, state in row.lanes],
        "rating": "; ".join(verdict(rating) for rating in row.ratings),
    }


def verdict(rating: Rating) -> str:
    """A rating in a few words, without its evaluator."""
    if rating.all_bad:
        return "all bad" if len(rating.ranking) > 2 else "both bad"
    if len(rating.ranking) == 1:
        return "tie"
    return " > ".join(" = ".join(LETTERS[position] for position in group) for group in rating.ranking)


def image_url(sha256: str) -> str:
    return f"images/{sha256}"


def provenance(lane: Lane, answer: Answer) -> str:
    """Who answered and with what settings, as sent and as reported."""
    settings = [
        lane.temperature is not None and f"temperature {lane.temperature:g}",
        lane.max_tokens is not None and f"at most {lane.max_tokens} tokens",
        lane.seed is not None and f"seed {lane.seed}",
    ]
    told = answer.model and answer.model != lane.model and f"reported as {answer.model}"
    return " · ".join([lane.label, *(part for part in [*settings, told] if part)])


def figures(lane: Lane, answer: Answer) -> list[tuple[str, str, str]]:
    """Rows of (name, value, explanation). Times come from the runner's clock, counts from the server's usage."""
    times, usage = answer.times, answer.usage
    rows: list[tuple[str, str, str] | None] = [
        _since(times, times.first_reasoning, "first thought", "From sending the request to the first reasoning token"),
        _since(times, times.first_text, "first answer", "From sending the request to the first token of the answer"),
        _speed(answer),
        _tokens(answer),
        _since(times, times.end or times.last, "total", "From sending the request to the end (so far)"),
    ]
    if (price := cost(lane, answer)) is not None:
        explanation = "${:g} in, ${:g} out per million tokens".format(*lane.prices)
        rows.append(("cost", f"${price:.5f}", explanation))
    if usage.cached:
        rows.append(("cached", str(usage.cached), "Prompt tokens that the server took from its cache"))
    return [row for row in rows if row]


def cost(lane: Lane, answer: Answer) -> float | None:
    """US dollars by the declared prices; None while tokens or prices are unknown."""
    counts, prices = (answer.usage.prompt, answer.usage.completion), lane.prices
    if None in (*counts, *prices):
        return None
    return sum(count * price for count, price in zip(counts, prices, strict=True)) / 1e6


SHORTEST = 0.1  # seconds: what came in one burst has no speed


def _since(times: Times, at: int | None, name: str, explanation: str) -> tuple[str, str, str] | None:
    if at is None or times.sent is None:
        return None
    return (name, seconds(at - times.sent), explanation)


def _speed(answer: Answer) -> tuple[str, str, str] | None:
    times, tokens = answer.times, answer.usage.completion
    if times.first is None or times.last is None:
        return None
    span = (times.last - times.first) / 1e6
    if span < SHORTEST:
        return None
    if tokens:
        return ("speed", f"{(tokens - 1) / span:.0f} tok/s", "Tokens after the first, over the time they took")
    about = (answer.pieces - 1) / span
    return ("speed", f"≈ {about:.0f} tok/s", "Pieces a second: the server has not reported token counts")


def _tokens(answer: Answer) -> tuple[str, str, str] | None:
    usage = answer.usage
    counts = [(usage.prompt, "in"), (usage.completion, "out"), (usage.reasoning, "reasoning")]
    told = [f"{count} {name}" for count, name in counts if count is not None]
    if told:
        return ("tokens", " · ".join(told), "As reported by the server")
    return ("pieces", str(answer.pieces), "Stream pieces so far, near the token count") if answer.pieces else None


def seconds(microseconds: int) -> str:
    value = microseconds / 1e6
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def thought(answer: Answer) -> str:
    """Length and duration of the reasoning."""
    times = answer.times
    if times.first_reasoning is None or times.last_reasoning is None:
        return ""
    return f"{len(answer.reasoning.split())} words · {seconds(times.last_reasoning - times.first_reasoning)}"


def tool_call(call: ToolCall, live: bool) -> dict[str, str]:
    """Arguments pretty-printed once they are whole JSON; before that, and when invalid, exactly as they came."""
    try:
        arguments = orjson.dumps(orjson.loads(call.arguments), option=orjson.OPT_INDENT_2).decode()
        return {"name": call.name, "args": arguments, "state": ""}
    except ValueError:
        return {"name": call.name, "args": call.arguments, "state": "…" if live else "arguments are not valid JSON"}


def ended_early(answer: Answer) -> str:
    if answer.finish_reason != "length":
        return ""
    thinking = bool(answer.reasoning) and not answer.text and not answer.calls
    return f"Ran out of tokens{' while thinking' if thinking else ''}: raise max tokens for a whole answer."
