"""Lanes and answers as columns of the `answers` table, and back."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from sqlalchemy import Row

from backends.answer import Answer
from backends.declaration import kinds
from backends.lane import Backend, Lane

MOST = 2**63 - 1  # the largest number that a column holds


def settings(lane: Lane) -> dict[str, Any]:
    """What was sent, and to whom: the address only as a hash, and nothing of the key."""
    backend, (price_in, price_out) = lane.backend, lane.prices
    return {
        "backend": backend.name,
        "kind": backend.kind,
        "address_hash": address_hash(backend),
        "model": lane.model,
        "artifact": lane.artifact,
        "effort": lane.effort,
        "temperature": lane.temperature,
        "max_tokens": lane.max_tokens,
        "seed": lane.seed,
        "replays": lane.replays,
        "waits": lane.waits,
        "price_in": price_in,
        "price_out": price_out,
    }


def address_hash(backend: Backend) -> str:
    """All that is kept of an address: enough to tell that two were the same."""
    return sha256(backend.base_url.encode()).hexdigest()[:12] if backend.base_url else ""


def restored(row: Row[Any]) -> Lane:
    backend = Backend(
        name=row.backend,
        kind=row.kind,
        model=row.model,
        artifact=row.artifact,
        price_in=row.price_in,
        price_out=row.price_out,
    )
    return Lane(
        backend,
        row.model,
        row.artifact,
        row.effort,
        row.temperature,
        row.max_tokens,
        row.seed,
        replays=row.replays,
        waits=row.waits,
    )


def copied(row: Row[Any]) -> dict[str, Any]:
    """The columns of a lane that is taken over as it was asked, from the answer that it first got."""
    kept = {name: getattr(row, name) for name in settings(restored(row))}
    return kept | {
        "prompt_id": row.prompt_id,
        "crowded": row.crowded,
        "copied_from_id": row.copied_from_id or row.id,
    }


def crowded(at_once: Mapping[int, Lane]) -> set[int]:
    """The lanes whose server another of them asks too. A public service is made for many, and does not count."""
    servers: defaultdict[str, set[int]] = defaultdict(set)
    for position, lane in at_once.items():
        kind = kinds().get(lane.backend.kind)
        if kind is None or not kind.is_service(lane.backend):
            servers[lane.backend.base_url or lane.backend.kind].add(position)
    return {position for positions in servers.values() if len(positions) > 1 for position in positions}


def outcome(answer: Answer) -> dict[str, Any]:
    """What lists and statistics read of an answer."""
    usage, failure = answer.usage, answer.failure
    return {
        "state": answer.state.value,
        "reported_model": answer.model,
        "server": answer.server,
        "finish_reason": answer.finish_reason,
        "failure_kind": failure.kind if failure else "",
        "failure_message": failure.message if failure else "",
        **{f"{name}_tokens": _counted(count) for name, count in asdict(usage).items()},
        **{f"{name}_us": at for name, at in asdict(answer.times).items()},
        "pieces": answer.pieces,
        "rounds": len(answer.rounds),
        "waited": answer.waited,
    }


def _counted(count: int | None) -> int | None:
    return None if count is None or abs(count) > MOST else count


def words(answer: Answer) -> dict[str, Any]:
    """What the `texts` table keeps of an answer."""
    return {
        "request": answer.request,
        "reasoning": answer.reasoning,
        "text": answer.text,
        "calls": [asdict(call) for call in answer.calls],
        "results": [asdict(result) for result in answer.results.values()],
        "measured": "\n".join(each.measured for each in answer.rounds if each.measured),
    }
