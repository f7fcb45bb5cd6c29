"""Reads a Dockerfile and its .dockerignore: the few instructions that ours has, and nothing more of the language."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its word, its `--name=value` options, and the rest of it."""

    word: str
    options: dict[str, str]
    rest: str

    @property
    def words(self) -> list[str]:
        """The exec form of a command, or what stands apart by blanks."""
        return list(json.loads(self.rest)) if self.rest.startswith("[") else shlex.split(self.rest)


@dataclass(slots=True)
class Stage:
    name: str
    base: str
    steps: list[Step] = field(default_factory=list)

    def all(self, word: str) -> list[Step]:
        return [step for step in self.steps if step.word == word]

    def last(self, word: str) -> Step:
        return self.all(word)[-1]

    @property
    def env(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for step in self.all("ENV") for pair in step.words)


def read(text: str) -> list[Stage]:
    stages: list[Stage] = []
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in filter(None, lines.replace("\\\n", " ").splitlines()):
        word, rest = line.split(None, 1)
        if word == "FROM":
            base, *named = rest.split()
            stages.append(Stage(named[-1] if named else "", base))
            continue
        options = {}
        while found := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
            options[found[1]] = found[2]
            rest = rest[found.end() :]
        stages[-1].steps.append(Step(word, options, rest.strip()))
    return stages


def stages() -> list[Stage]:
    return read((ROOT / "Dockerfile").read_text())


def sent(root: Path = ROOT) -> Iterator[Path]:
    """The files, relative to the root, that a build may copy: the last line that fits a file or a folder above it says
    whether it is one of them."""
    rules = [line for line in (root / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    top = [each for each in root.iterdir() if _is_sent((each.name,), rules)]
    for each in top:
        for path in [each] if each.is_file() else sorted(each.rglob("*")):
            relative = path.relative_to(root)
            if path.is_file() and _is_sent(relative.parts, rules):
                yield relative


def _is_sent(parts: Sequence[str], rules: Sequence[str]) -> bool:
    names = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    taken = True
    for rule in rules:
        pattern = rule.removeprefix("!")
        loose = pattern.removeprefix("**/")
        found = any(fnmatch(name.rsplit("/", 1)[-1], loose) for name in names) if loose != pattern else pattern in names
        if pattern == "*" or found:
            taken = rule.startswith("!")
    return taken
