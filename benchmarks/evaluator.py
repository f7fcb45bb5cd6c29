"""An evaluator's page without a browser: asks, shows and follows a comparison by the page's own protocol."""

import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import orjson

API = "gradio_api"

Heard = Callable[[bytes], None]


class Refused(Exception):
    """The page said why it can't do what it was asked for."""


class Evaluator:
    """One tab of one person. `lanes` are names of backends."""

    def __init__(self, http: httpx.AsyncClient, lanes: Sequence[str]) -> None:
        """`http` has the address of the app, and is this person's alone: their cookie is in it."""
        self.http, self.lanes, self.session = http, tuple(lanes), secrets.token_hex(6)
        self._events: dict[str, dict[str, Any]] = {}
        self._components: dict[int, dict[str, Any]] = {}

    async def arrive(self) -> None:
        (await self.http.get("")).raise_for_status()
        config = (await self.http.get("config")).raise_for_status().json()
        self._events = {each["api_name"]: each for each in reversed(config["dependencies"])}  # the first of a name
        self._components = {each["id"]: each["props"] for each in config["components"]}

    async def ask(self, text: str, pictures: Sequence[Path] = ()) -> str:
        """The new comparison's id."""
        event, files = self._events["compare"], await self._uploaded(pictures)
        data = [self._given(self._components[id_], {"text": text, "files": files}) for id_ in event["inputs"]]
        run, problem, *_ = await self._last(event["id"], data)
        if problem:
            raise Refused(problem)
        return str(run)

    async def act(self, name: str, data: Sequence[Any], event: Any = None) -> list[Any]:
        """What the handler of this name answers; `event` is what the page's script tells of the act."""
        return await self._last(self._events[name]["id"], data, event)

    async def watch(self, run: str, heard: Heard = lambda message: None) -> None:
        """Follows the answers to their end; `heard` gets each message as it comes."""
        async with aclosing(self._messages(self._events["watch"]["id"], [run])) as messages:
            async for message in messages:
                heard(message)
                if b'"msg":"process_completed"' in message:
                    self._checked(orjson.loads(message))

    async def _uploaded(self, pictures: Sequence[Path]) -> list[dict[str, Any]]:
        if not pictures:
            return []
        files = [("files", (path.name, path.read_bytes())) for path in pictures]
        paths = (await self.http.post(f"{API}/upload", files=files)).raise_for_status().json()
        return [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]

    def _given(self, props: dict[str, Any], prompt: dict[str, Any]) -> Any:
        """What is in the field when somebody wrote the prompt and chose the lanes."""
        name = props.get("elem_id") or ""
        if name == "prompt":
            return prompt
        if name == "places":
            return len(self.lanes)
        if found := re.fullmatch("(backend|model|effort)-([A-F])", name):
            place = ord(found[2]) - ord("A")
            if place < len(self.lanes):
                return {"backend": self.lanes[place], "model": "", "effort": "none"}[found[1]]
        return props.get("value")

    async def _last(self, id_: int, data: Sequence[Any], event: Any = None) -> list[Any]:
        said: dict[str, Any] = {}
        async with aclosing(self._messages(id_, data, event)) as messages:
            async for message in messages:
                if b'"msg":"process_completed"' in message:
                    said = self._checked(orjson.loads(message))
        return list(said["output"]["data"])

    def _checked(self, said: dict[str, Any]) -> dict[str, Any]:
        if not said.get("success"):
            raise Refused(str(said.get("output")))
        return said

    async def _messages(self, id_: int, data: Sequence[Any], event: Any = None) -> AsyncIterator[bytes]:
        asked = {"data": data, "event_data": event, "fn_index": id_, "session_hash": self.session}
        (await self.http.post(f"{API}/queue/join", json=asked)).raise_for_status()
        async with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": self.session}) as response:
            response.raise_for_status()
            rest = b""
            async for piece in response.aiter_bytes():
                *whole, rest = (rest + piece).split(b"\n\n")
                for message in whole:
                    yield message.removeprefix(b"data: ")
                    if b'"msg":"close_stream"' in message:
                        return
