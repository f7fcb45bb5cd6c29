"""What one lane was sent and what came back, as it is recorded: in part for a dialog, whole for a download."""

from collections.abc import Iterable
from dataclasses import astuple
from itertools import islice
from typing import Any

import orjson

from backends import recording
from backends.events import Sent, Stamped
from backends.prompt import images_of
from backends.registry import Registry
from backends.snippet import Request
from storage.comparison import KeptLane
from storage.lanes import address_hash
from ui import view

SHOWN = 20_000  # characters of a body
EVENTS, LONGEST = 300, 200  # lines of a recording, characters of a line


def shown(kept: KeptLane, requests: list[Request], place: int, at: str) -> dict[str, Any]:
    """What the dialog shows; `at` is where the whole of each is to be had."""
    return {
        "letter": view.LETTERS[place],
        "requests": [_request(request, f"{at}/request-{number}") for number, request in enumerate(requests, 1)],
        "images": [
            {"src": view.image_url(sha256), "name": name}
            for sha256, name in {name: each for request in requests for name, each in request.files.items()}.items()
        ],
        "events": "\n".join(_line(each) for each in islice(kept.recording, EVENTS)),
        "more": max(0, len(kept.recording) - EVENTS),
        "response": f"{at}/response.jsonl",
    }


def requests(kept: KeptLane, registry: Registry) -> list[Request]:
    """Each round's request; the address is that of the declared backend, as long as it is the one that was asked."""
    backend = registry.find(kept.lane.backend.name)
    known = backend if backend and address_hash(backend) == kept.address_hash else None
    images = {image.sha256: image for image in images_of(kept.prompt.turns)}
    address, key = (known.base_url, known.key_env) if known else ("", "")
    return [Request(each.request, address, key, images) for each in kept.answer.rounds if each.request]


def response(events: Iterable[Stamped]) -> bytes:
    """The recording, a line for each event."""
    return recording.dump(each for each in events if not isinstance(each.event, Sent))


def _request(request: Request, at: str) -> dict[str, Any]:
    pretty = orjson.dumps(orjson.loads(request.body), option=orjson.OPT_INDENT_2).decode()
    return {"body": pretty[:SHOWN], "more": max(0, len(pretty) - SHOWN), "remarks": request.remarks, "at": at}


def _line(stamped: Stamped) -> str:
    """An event in the words of the recording."""
    event = stamped.event
    told = (
        "" if isinstance(event, Sent) else orjson.dumps([each for each in astuple(event) if each is not None]).decode()
    )
    cut = told if len(told) <= LONGEST else f"{told[:LONGEST]}…"
    return f"{stamped.at / 1e6:10.3f} s  {type(event).__name__:<15}{cut}".rstrip()
