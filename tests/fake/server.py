"""The fake server: one ASGI app with a prefix for each kind, as `/vllm/v1/chat/completions`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

from backends.declaration import kinds
from tests.fake.dialects import VOICES
from tests.fake.faults import travelling
from tests.fake.faulty import MODELS
from tests.fake.pages import CONTEXT, MODEL, pages
from tests.fake.rules import RULES, Wrong
from tests.fake.script import Script, Speech, asked, speech

Json = dict[str, Any]

KINDS = tuple(dict.fromkeys([*(name for name, kind in kinds().items() if not kind.always), *VOICES]))
RETRY_AFTER = 7
PAGE = b"<!doctype html><html><head><style>b{}</style></head><body><h1>Welcome to nginx</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; `connection` is the same for all that came over one."""

    kind: str
    headers: Mapping[str, str]
    body: Json
    connection: object


@lru_cache(64)
def frames(kind: str, said: Speech, include_usage: bool) -> tuple[bytes, ...]:
    """A whole answer in its dialect, made once however often it is asked for."""
    return tuple(VOICES.get(kind, VOICES["openai"]).frames(said, include_usage))


@dataclass
class Server:
    """One kind of server; it lets in anybody, unless it has a key. Each request goes to `note`."""

    kind: str
    key: str
    note: Callable[[Asked], object]
    numbers: Iterator[int] = field(default_factory=count)
    speeches: Iterator[int] = field(default_factory=count)
    waiting: dict[str, Response] = field(default_factory=dict)
    answered: int = 0

    def __post_init__(self) -> None:
        self.voice, self.rules = VOICES.get(self.kind, VOICES["openai"]), RULES.get(self.kind, RULES["openai"])

    async def page(self, request: Request) -> Response:
        path = request.url.path.removeprefix(f"/{self.kind}")
        if path.startswith("/v1/") and not self._lets_in(request):
            return self._unauthorized()
        found = pages(self.kind, MODEL, *MODELS, answered=self.answered).get(path)
        if found is not None:
            return Response(found, media_type="text/plain") if isinstance(found, str) else as_json(found)
        absent = self._refusal(Wrong(404, "NotFoundError", "Not Found"))
        return self.waiting.pop(path.rpartition("/")[2], absent)

    async def chat(self, request: Request) -> Response:
        raw = await request.body()
        body = orjson.loads(raw)
        self.note(Asked(self.kind, request.headers, body, request.client))
        if not self._lets_in(request):
            return self._unauthorized()
        if wrong := self.rules.refuses(body):
            return self._refusal(wrong)
        told = asked(raw)
        script = told or MODELS.get(body["model"], Script())
        said = speech(script, body, self.rules.effort(body) or "", next(self.speeches), directed=told is not None)
        is_whole = not body.get("stream") and not told
        if not is_whole and (faulty := await self._faulty(script, request, said, body)):
            return faulty
        takes_all = told or script.show == "overlong_taken"
        if wrong := self.rules.overlong(said.prompt, script.context or (0 if takes_all else CONTEXT)):
            return self._refusal(wrong)
        self.answered += script.show != "no_drafts"
        return as_json(self.voice.whole(said)) if is_whole else self._stream(said, request, body)

    async def _faulty(self, script: Script, request: Request, said: Speech, body: Json) -> Response | None:
        """What is answered in place of a stream, if the script has such a fault."""
        match script.fault:
            case "silent":
                while (await request.receive())["type"] != "http.disconnect":
                    pass
            case "http_429":
                wrong = Wrong(429, "rate_limited", "Rate limit exceeded", "1300")
                return self._refusal(wrong, {"Retry-After": str(RETRY_AFTER)})
            case "http_500":
                return Response(b"Internal Server Error", 500, media_type="text/plain")
            case "http_503":
                return self._refusal(Wrong(503, "unavailable_error", "Loading model"))
            case "hides_refusals" if said.image:
                return Response(b"Internal Server Error: cannot identify image file", 500, media_type="text/plain")
            case "no_model":
                status, type_, message = self.rules.unknown_model
                return self._refusal(Wrong(status, type_, message.format(body["model"]), "1500"))
            case "html":
                return Response(PAGE, media_type="text/html")
            case "not_a_stream":
                return as_json({"id": "c1", "object": "chat.completion", "choices": []})
            case "tells_key":
                return self._refusal(Wrong(401, "authentication_error", f"No such key: {_key(request)}"))
            case "queued":
                id_ = f"request-{next(self.numbers)}"
                self.waiting[id_] = self._stream(said, request, body)
                return Response(b"{}", 202, {"NVCF-REQID": id_, "NVCF-STATUS": "pending-evaluation"})
        return None

    def _stream(self, said: Speech, request: Request, body: Json) -> Response:
        include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        script = said.script
        broken = self.voice.breaks_off(f"out of memory while answering {_key(request) or 'somebody'}")
        answer = travelling(frames(self.kind, said, include_usage), broken, script, next(self.numbers))
        # some gateways and one SDK trip over this header of the Mistral API's
        headers = {"x-model-deprecation-timestamp": "2027-01-01T00:00:00Z"} if script.fault == "deprecated" else None
        return StreamingResponse(answer, media_type="text/event-stream", headers=headers)

    def _lets_in(self, request: Request) -> bool:
        return self.key in ("", _key(request))

    def _unauthorized(self) -> Response:
        wrong = Wrong(401, "authentication_error", "Invalid API Key")
        return as_json(self.rules.unauthorized or self.rules.error(wrong), 401)

    def _refusal(self, wrong: Wrong, headers: Mapping[str, str] | None = None) -> Response:
        return as_json(self.rules.error(wrong), wrong.status, headers)


def _key(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def as_json(body: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, "application/json")


async def home(request: Request) -> Response:
    return as_json({"simulated": KINDS})


def fake(key: str = "", note: Callable[[Asked], object] = lambda asked: None) -> Starlette:
    """The app; `note` is told each chat request."""
    servers = [Server(kind, key, note) for kind in KINDS]
    return Starlette(
        routes=[
            Route("/", home),
            *(
                Mount(
                    f"/{server.kind}",
                    routes=[
                        Route("/v1/chat/completions", server.chat, methods=["POST"]),
                        Route("/{path:path}", server.page),
                    ],
                )
                for server in servers
            ),
        ]
    )
