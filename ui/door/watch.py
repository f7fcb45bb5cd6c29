"""What is counted, as Prometheus reads it, and a log line for each request: no prompt, answer, name or key in any."""

import logging
import re
import secrets
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from backends.events import Usage
from storage.recorder import Recorder
from storage.store import Store
from ui.door.logs import REQUEST

disable_created_metrics()
log = logging.getLogger("lanewise.requests")

FIRST = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
WHOLE = (0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Watch:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = {"registry": self.registry}
        self._requests = Counter("lanewise_requests", "Requests answered", ["route", "method", "status"], **own)
        self._streams = Gauge("lanewise_requests_open", "Requests not answered to their end, streams among them", **own)
        self._lanes = Counter("lanewise_lanes", "Lanes that ended", ["backend", "kind", "state", "failure"], **own)
        lane = ["backend", "kind"]
        self._first = Histogram("lanewise_ttft_seconds", "From sent to the first delta", lane, buckets=FIRST, **own)
        self._whole = Histogram("lanewise_lane_seconds", "From sent to the end of a lane", lane, buckets=WHOLE, **own)
        self._tokens = Counter("lanewise_tokens", "As servers report them", [*lane, "of"], **own)
        self._logins = Counter("lanewise_logins_failed", "Logins that failed", ["why"], **own)
        self._ratings = Gauge("lanewise_ratings", "Ratings that are stored", **own)

    def ended(
        self,
        backend: str,
        kind: str,
        state: str,
        failure: str,
        first: float | None,
        whole: float | None,
        usage: Usage,
    ) -> None:
        """A lane has; seconds from when it was sent, where it was."""
        self._lanes.labels(backend, kind, state, failure).inc()
        if first is not None:
            self._first.labels(backend, kind).observe(first)
        if whole is not None:
            self._whole.labels(backend, kind).observe(whole)
        for of, count in (("prompt", usage.prompt), ("completion", usage.completion), ("reasoning", usage.reasoning)):
            if count:
                self._tokens.labels(backend, kind, of).inc(count)

    def login_failed(self, why: str) -> None:
        self._logins.labels(why).inc()

    def follow(self, store: Store, recorder: Recorder) -> None:
        self.registry.register(Now(store, recorder))

    async def told(self, store: Store) -> bytes:
        """All of it, in Prometheus' words. Raises StorageError."""
        self._ratings.set(await store.rated())
        return generate_latest(self.registry)

    def over(self, scope: dict[str, Any], status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._requests.labels(_template(scope), method, str(status)).inc()
        said = {
            "method": method,
            "path": _path(scope),
            "status": status,
            "ms": round(seconds * 1000),
            "role": account.role if (account := scope.get("state", {}).get("account")) and account.id else "",
        }
        log.info("request", extra={"request": said})


class Now(Collector):
    """What is as it is when it is asked for."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store, self._recorder = store, recorder

    def collect(self) -> Iterator[GaugeMetricFamily]:
        running = Counts((lane.backend.name, lane.backend.kind) for run in self._recorder.runs for lane in run.running)
        lanes = GaugeMetricFamily("lanewise_lanes_running", "Lanes that have not ended", labels=["backend", "kind"])
        for labels, count in running.items():
            lanes.add_metric(labels, count)
        yield lanes
        yield GaugeMetricFamily("lanewise_writes_waiting", "Writes that wait", value=self._store.waiting)
        trouble = bool(self._recorder.problem)
        yield GaugeMetricFamily("lanewise_writer_in_trouble", "1 while something can't be stored", value=trouble)


class Watched:
    """Counts requests and gives each an id: the proxy's, where it gave one, is taken over."""

    def __init__(self, app: Any, watch: Watch, clock: Callable[[], float] = time.perf_counter) -> None:
        self._app, self._watch, self._clock = app, watch, clock

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        id_ = given if _GIVEN.fullmatch(given) else secrets.token_hex(8).encode()
        status, began = 499, self._clock()  # what nothing was answered to: whoever asked has gone

        async def answer(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", id_)]
            await send(message)

        token = REQUEST.set(id_.decode())
        self._watch._streams.inc()
        try:
            await self._app(scope, receive, answer)
        except Exception:
            status = 500
            raise
        finally:
            self._watch._streams.dec()
            self._watch.over(scope, status, self._clock() - began)
            REQUEST.reset(token)


def _template(scope: dict[str, Any]) -> str:
    """The route's own words for its path: there are only so many."""
    return getattr(scope.get("route"), "path", "") or "other"


def _path(scope: dict[str, Any]) -> str:
    """On one line, and without what uploads are called."""
    path = re.sub(r"(/gradio_api/(?:file|proxy)=).*", r"\1", scope["path"], flags=re.DOTALL)
    return path.encode("unicode_escape").decode()[:200]
