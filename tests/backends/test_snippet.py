"""A request goes out again, from a shell and from Python, as the one that was recorded."""

import os
import shutil
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from backends import snippet
from backends.chat import request_body
from backends.declaration import kinds
from backends.lane import Lane
from backends.prompt import Image, Prompt, Tool, UserTurn
from backends.snippet import Request
from tests.fake.serving import Fake, faking

KEY = "sk-'quoted' $HOME"
PIXELS = b"\x89PNG not quite \x00\xff"
PICTURE = Image(sha256(PIXELS).hexdigest(), "image/png", 2, 2, PIXELS)
NASTY = (
    'It\'s "quoted" `uname` $HOME ${HOME} $(id) !history \\n \\\\ %s 100% \u2028 \x00 \x1b[0m 🙂\n'
    '\'\nJSON\nEOF\n\'\'\'\n"""\n{"url":"sha256:beef"} \t\r\n# no comment; rm -rf ~ & | > <'
)
PROMPT = Prompt(NASTY, (UserTurn(NASTY, (PICTURE, PICTURE)),), (Tool("look", NASTY),), "required")


def recorded(fake: Fake, prompt: Prompt = PROMPT, kind: str = "vllm") -> Request:
    backend, dialect = fake.backend(kind), kinds()[kind].dialect
    body = request_body(dialect, "simulated", Lane(backend, temperature=0.7, seed=2**53 + 1, effort="high"), prompt)
    return Request(dialect.written(body).decode(), backend.base_url, "SOME_KEY", {PICTURE.sha256: PICTURE})


@dataclass(frozen=True, slots=True)
class Way:
    """How a snippet is run."""

    write: Any
    run: tuple[str, ...]


WAYS = {
    "curl in sh": Way(snippet.curl, ("sh",)),
    "curl in bash": Way(snippet.curl, ("bash",)),
    "python": Way(snippet.python, (sys.executable, "-")),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    found = WAYS[request.param]
    if not shutil.which(found.run[0]) or ("curl" in request.param and not shutil.which("curl")):
        pytest.skip(f"{request.param} is not on this machine")
    return found


def sent(way: Way, request: Request, folder: Path) -> subprocess.CompletedProcess[bytes]:
    for name in request.files.values():
        (folder / name).write_bytes(PICTURE.data)
    environ = {"PATH": os.environ["PATH"], "SOME_KEY": KEY, "NO_PROXY": "*"}
    return subprocess.run(
        way.run, input=way.write(request).encode(), cwd=folder, env=environ, capture_output=True, timeout=60
    )


def with_images(body: str) -> Any:
    """What a recorded body was when it went out."""
    uri = f"data:{PICTURE.mime};base64,{b64encode(PICTURE.data).decode()}"
    return orjson.loads(body.replace(f'"url":"sha256:{PICTURE.sha256}"', f'"url":"{uri}"'))


@pytest.mark.parametrize("kind", ["vllm", "mistral"])
def test_what_arrives_is_what_was_recorded(way: Way, kind: str, tmp_path: Path) -> None:
    with faking(KEY) as fake:
        request = recorded(fake, kind=kind)
        done = sent(way, request, tmp_path)
        assert fake.asked[0].body == with_images(request.body), done.stderr
        assert fake.asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert b"data: [DONE]" in done.stdout


def test_a_prompt_longer_than_an_argument_may_be_goes_out(way: Way, tmp_path: Path) -> None:
    with faking() as fake:
        request = recorded(fake, Prompt("", (UserTurn("It's long. " * 40_000),)))
        done = sent(way, request, tmp_path)
        assert fake.asked[0].body == orjson.loads(request.body), done.stderr


@pytest.mark.parametrize("write", [snippet.curl, snippet.python])
def test_a_request_without_key_or_image_needs_neither(write: Any) -> None:
    written = write(Request('{"model":"m","stream":true,"seed":null}', "http://127.0.0.1:8080"))
    assert "http://127.0.0.1:8080/v1/chat/completions" in written
    assert "Authorization" not in written
    assert "base64" not in written
    assert "#" not in written


@pytest.mark.parametrize("write", [snippet.curl, snippet.python])
def test_a_server_that_is_gone_leaves_a_place_for_its_address(write: Any) -> None:
    written = write(Request('{"model":"m"}'))
    assert written.startswith("# Its server's address is not known here: put it in.\n")
    assert f"{snippet.UNKNOWN}/chat/completions" in written


def test_an_image_that_is_not_kept_stays_its_hash(way: Way, tmp_path: Path) -> None:
    with faking() as fake:
        request = replace(recorded(fake), images={}, body='{"model":"simulated","messages":[],"url":"sha256:beef"}')
        sent(way, request, tmp_path)
        assert fake.asked[0].body["url"] == "sha256:beef"
