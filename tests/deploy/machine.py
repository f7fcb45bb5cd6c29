"""Takes a Dockerfile's steps without a container engine: a folder with a small Debian is the base, each stage is a copy
of it, and what it runs, runs with that folder as its root. Needs root, `debootstrap` and the network.

The base stands for `python:3.11-slim`: as bare, with the same version of Python.
"""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.deploy import recipe
from tests.deploy.recipe import ROOT, Stage

DEBIAN = "bookworm"  # has Python 3.11
NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")  # an engine lends these to a build
DEVICES = ("null", "zero", "random", "urandom")
WITH_ROOT = f"""
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mkdir -p "$ROOT/proc" "$ROOT/dev" "$ROOT/tmp"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs -o mode=755 dev "$ROOT/dev"
for each in {" ".join(DEVICES)}; do touch "$ROOT/dev/$each"; mount --bind "/dev/$each" "$ROOT/dev/$each"; done
"""
# as `docker run --read-only --tmpfs /tmp --volume ...:/data --cap-drop ALL` would
READ_ONLY = """
mount -t tmpfs -o mode=1777 tmp "$ROOT/tmp"
mount --bind "$DATA" "$ROOT/data"
mount -o remount,bind,ro "$ROOT"
mount -o remount,ro "$ROOT/dev"
"""


@dataclass(frozen=True, slots=True)
class Image:
    root: Path
    stage: Stage
    env: dict[str, str]

    def command(self, words: Sequence[str], data: Path, **env: str) -> tuple[list[str], dict[str, str]]:
        """What runs it as its user, with a read-only root, as the first process of its own; and the environment."""
        user, where = self.stage.last("USER").rest, self.stage.last("WORKDIR").rest
        told = [f"{name}={value}" for name, value in (self.env | env).items()]
        inside = ["setpriv", "--bounding-set=-all", "--no-new-privs", "env", "-i", *told, *words]
        script = (
            f'{WITH_ROOT}{READ_ONLY}exec chroot --userspec={user} "$ROOT" sh -c {shlex.quote(_within(where, inside))}'
        )
        return _namespace(script), os.environ | {"ROOT": str(self.root), "DATA": str(data)}

    def run(self, words: Sequence[str], data: Path, typed: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        command, environ = self.command(words, data, **env)
        return subprocess.run(
            command, env=environ, input=typed, capture_output=True, text=True, timeout=300, check=False
        )

    @contextmanager
    def running(self, data: Path, said: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
        """What it does when it is started; `said` takes what it writes."""
        command, environ = self.command(self.stage.last("CMD").words, data, **env)
        with said.open("wb") as out, subprocess.Popen(command, env=environ, stdout=out, stderr=out) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()  # what it began ends with it


def stop(process: subprocess.Popen[bytes], seconds: float) -> int:
    """As `docker stop`: asks, waits, and tells how it ended."""
    first = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
    os.kill(int(first), signal.SIGTERM)
    return process.wait(seconds)


def words(command: str) -> list[str]:
    """Of an exec form that stands within another instruction."""
    return recipe.Step("", {}, command).words


def base(folder: Path) -> Path:
    """A bare Debian with Python and pip under the names that Python's own image has."""
    include = "--include=python3,python3-venv,python3-pip"
    _check(["debootstrap", "--variant=minbase", include, DEBIAN, str(folder)])
    (folder / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    return folder


def build(folder: Path, under: Path) -> Image:
    """The image that the last stage makes, with every step of every stage taken as it is written."""
    built: dict[str, Image] = {}
    image = None
    for number, stage in enumerate(recipe.stages()):
        root = folder / f"stage-{number}"
        _check(["cp", "-a", str(under), str(root)])
        image = built[stage.name] = Image(root, stage, {"PATH": "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"})
        for path in map(Path, NETWORK):
            (root / path.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, root / path.relative_to("/"))
        _take(image, built)
    assert image
    return image


def _take(image: Image, built: Mapping[str, Image]) -> None:
    where = "/"
    for step in image.stage.steps:
        match step.word:
            case "WORKDIR":
                where = step.rest
                (image.root / where.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "COPY":
                _copy(image, step, built, where)
            case "ENV":
                image.env.update(dict(pair.split("=", 1) for pair in step.words))
            case "RUN":
                lent = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
                told = [f"{name}={value}" for name, value in (image.env | lent | {"HOME": "/root"}).items()]
                inside = ["env", "-i", *told, "sh", "-c", step.rest]
                script = f'{WITH_ROOT}exec chroot "$ROOT" sh -c {shlex.quote(_within(where, inside))}'
                _check(_namespace(script), ROOT=str(image.root))
            case "LABEL" | "USER" | "VOLUME" | "EXPOSE" | "STOPSIGNAL" | "HEALTHCHECK" | "CMD":
                pass  # facts about it, for whoever runs it
            case _:
                raise NotImplementedError(step.word)


def _copy(image: Image, step: recipe.Step, built: Mapping[str, Image], where: str) -> None:
    *sources, target = step.words
    into = image.root / str(Path(where, target)).lstrip("/")
    if "from" in step.options:
        (source,) = sources
        shutil.copytree(built[step.options["from"]].root / source.lstrip("/"), into, symlinks=True)
        return
    for path in recipe.sent():
        if sources == ["."] or str(path) in sources:
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, into / path)


def _within(where: str, command: Sequence[str]) -> str:
    return f"cd {where} && exec {shlex.join(command)}"


def _namespace(script: str) -> list[str]:
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-e", "-c", script]


def _check(command: Sequence[str], **env: str) -> None:
    with tempfile.TemporaryFile("w+") as said:
        if subprocess.run(command, env=os.environ | env, stdout=said, stderr=said, check=False).returncode:
            said.seek(0)
            raise AssertionError(f"{command[0]} failed: {said.read()[-4000:]}")
