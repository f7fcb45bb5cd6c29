"""A load generator that shares nothing with the app's: threads and `http.client`, lines read as they come."""

import json
import statistics
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Taken:
    """One request, in seconds on one clock: sent, first and last piece, finish; and how many tokens came."""

    sent: float
    first: float
    last: float
    end: float
    tokens: int


def asked(connection: HTTPConnection, path: str, model: str, prompt: str) -> Taken:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": True}
    written = json.dumps(body | {"stream_options": {"include_usage": True}})
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    first, last, end, tokens = 0.0, 0.0, 0.0, 0
    sent = time.perf_counter()
    connection.request("POST", path, written, headers)
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {response.read(200)!r}")
    while line := response.readline():
        if not line.startswith(b"data:") or b"[DONE]" in line:
            continue
        now, chunk = time.perf_counter(), json.loads(line[5:])
        tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
        for choice in chunk.get("choices", ()):
            if choice["delta"].get("content"):
                first, last = first or now, now
            if choice.get("finish_reason"):
                end = now
    return Taken(sent, first, last, end, tokens)


def load(url: str, model: str, prompt: str, at_once: int, requests: int) -> list[Taken]:
    """So many threads, each with a connection of its own, ask until all requests are answered. Blocking."""
    place, left, found, door = urlsplit(url), requests, list[Taken](), threading.Lock()

    def work() -> None:
        nonlocal left
        connection = HTTPConnection(place.hostname or "", place.port, timeout=60)
        while True:
            with door:
                if left == 0:
                    break
                left -= 1
            taken = asked(connection, f"{place.path}/chat/completions", model, prompt)
            with door:
                found.append(taken)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) < requests:
        raise RuntimeError(f"{len(found)} of {requests} requests were answered")
    return found


def figures(found: list[Taken]) -> dict[str, float]:
    """As the app calls them: times in milliseconds, rates by the second."""
    seconds = max(each.end for each in found) - min(each.sent for each in found)
    first = sorted(each.first - each.sent for each in found)
    return {
        "rate": len(found) / seconds,
        "tokens_rate": sum(each.tokens for each in found) / seconds,
        "ttft_p50": statistics.median(first) * 1000,
        "ttft_p95": statistics.quantiles(first, n=100, method="inclusive")[94] * 1000,
        "itl_p50": statistics.median((each.last - each.first) / (each.tokens - 1) for each in found) * 1000,
        "e2e_p50": statistics.median(each.end - each.sent for each in found) * 1000,
        "e2e_p95": statistics.quantiles([each.end - each.sent for each in found], n=100, method="inclusive")[94] * 1000,
    }
