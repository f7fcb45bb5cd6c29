"""The baseline reader: httpx, httpx-sse and json, and nothing else. It knows neither lanes nor events."""

import json
from collections.abc import AsyncIterator

import httpx
import httpx_sse


def client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=None), timeout=60, trust_env=False)


async def texts(http: httpx.AsyncClient, prompt: str) -> AsyncIterator[str]:
    body = {"model": "fake", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    async with httpx_sse.aconnect_sse(http, "POST", "/v1/chat/completions", json=body) as source:
        async for event in source.aiter_sse():
            if event.data == "[DONE]":
                return
            for choice in json.loads(event.data)["choices"]:
                if text := choice["delta"].get("content"):
                    yield text
