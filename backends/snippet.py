"""A request as it was recorded, written as a command or a program that sends it again. It asks nobody anything.

Keys and images are not in what is recorded: a key is named by its variable, an image by a file beside the snippet.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pprint import pformat
from typing import Any

import orjson

from backends.http import base_address
from backends.prompt import Image

UNKNOWN = "https://SERVER/v1"
SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
_PLACE = re.compile(r'(?<="url":")sha256:(\w+)(?=")')
_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Request:
    """`body` is its JSON with `sha256:<hex>` for each image; `images` are those by hash. `base_url` is "" where the
    server is the embedded one, or not declared any more."""

    body: str
    base_url: str = ""
    key_env: str = ""
    images: Mapping[str, Image] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{base_address(self.base_url or UNKNOWN)}/chat/completions"

    @property
    def files(self) -> dict[str, str]:
        """The name under which each of its images is read, by hash."""
        found = dict.fromkeys(_PLACE.findall(self.body))
        return {sha256: file_name(self.images[sha256]) for sha256 in found if sha256 in self.images}

    @property
    def remarks(self) -> list[str]:
        """What has to be seen to before it can be sent."""
        said = [] if self.base_url else ["Its server's address is not known here: put it in."]
        said += [f"Needs the key in the variable {self.key_env}."] if self.key_env else []
        return said + [f"Reads the image {name} from the folder it runs in." for name in self.files.values()]


def file_name(image: Image) -> str:
    return image.sha256[:12] + SUFFIXES.get(image.mime, "")


def curl(request: Request) -> str:
    """For a POSIX shell. The body is piped in, byte for byte: as an argument it could be too long."""
    lines = ["curl --no-buffer --data-binary @-", f"--header {_quoted('Content-Type: application/json')}"]
    lines += [f"--header {_quoted('Accept: text/event-stream')}"]
    lines += [f'--header "Authorization: Bearer ${request.key_env}"'] if request.key_env else []
    sent = " \\\n  ".join([*lines, shlex.quote(request.address)])
    said = "\n  ".join(_printed(request))
    return "".join(f"# {remark}\n" for remark in request.remarks) + f"{{\n  {said}\n}} | {sent}\n"


def _printed(request: Request) -> Iterator[str]:
    """The body as commands that print it: text and images in turn."""
    files = request.files
    parts: Sequence[str] = _PLACE.split(request.body)
    text = parts[0]
    for sha256, after in zip(parts[1::2], parts[2::2], strict=True):
        if sha256 not in files:
            text += f"sha256:{sha256}{after}"
            continue
        yield f"printf %s {_quoted(text + _data_url(request.images[sha256]))}"
        yield f"base64 < {files[sha256]} | tr -d '\\n'"
        text = after
    yield f"printf %s {_quoted(text)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _data_url(image: Image) -> str:
    return f"data:{image.mime};base64,"


def python(request: Request) -> str:
    """For any Python 3 as it comes, without further packages."""
    files = request.files
    body = pformat(_literal(orjson.loads(request.body), request), width=_WIDTH, sort_dicts=False)
    headers = ['"Content-Type": "application/json"', '"Accept": "text/event-stream"']
    headers += [f'"Authorization": f"Bearer {{os.environ[\'{request.key_env}\']}}"'] if request.key_env else []
    imports = [
        "import json",
        *(["import os"] if request.key_env else []),
        "from urllib.request import Request, urlopen",
    ]
    if files:
        imports = ["import base64", *imports[:-1], "from pathlib import Path", imports[-1]]
    parts = [
        *(f"# {remark}" for remark in request.remarks),
        *imports,
        *([_READER] if files else []),
        f"\nbody = {body}",
        "headers = {" + ", ".join(headers) + "}",
        f"request = Request({request.address!r}, json.dumps(body).encode(), headers)",
        "with urlopen(request) as response:",
        "    for line in response:",
        '        print(line.decode(), end="")',
    ]
    return "\n".join(parts) + "\n"


_READER = """

def image(name, mime):
    return f"data:{mime};base64," + base64.b64encode(Path(name).read_bytes()).decode()

"""


class _Code:
    """What stands in a literal as code."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __repr__(self) -> str:
        return self._code


def _literal(value: Any, request: Request) -> Any:
    """Parsed JSON with a call in place of each image's hash."""
    match value:
        case {"url": str() as url} if (sha256 := url.removeprefix("sha256:")) in request.files and sha256 != url:
            image = request.images[sha256]
            return value | {"url": _Code(f"image({file_name(image)!r}, {image.mime!r})")}
        case dict():
            return {key: _literal(inner, request) for key, inner in value.items()}
        case list():
            return [_literal(inner, request) for inner in value]
        case _:
            return value
