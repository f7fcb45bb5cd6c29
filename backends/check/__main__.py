"""The command line: `python -m backends.check NAME ...` checks the backends of these names.

Exit status: 0 where nothing failed, 1 where something did, 2 where it could not begin.
"""

import argparse
import asyncio
import json
import logging
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from backends.check.against import changes
from backends.check.result import Check, Finding, dumped, loaded
from backends.check.suite import check, probes
from backends.check.table import compared, written
from backends.lane import Backend
from backends.registry import Registry, load

NONE = "none: declare one in backends.toml, or name its address in the environment"


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    given = _parser().parse_args(arguments)
    file = Path(environ.get("BACKENDS", "backends.toml"))
    if "BACKENDS" in environ and not file.is_file():
        _refuse(f"BACKENDS names no file: {str(file)!r}.")
    registry = load(file, environ)
    for problem in registry.problems:
        print(f"Backends: {problem}", file=sys.stderr)
    if not given.names:
        print("\n".join(["Backends:", *(f"  {each.name} ({each.kind})" for each in registry.backends)]))
        return 0
    backends = [_backend(registry, name) for name in dict.fromkeys(given.names)]
    reference = _backend(registry, given.reference) if given.reference else None
    wanted = _wanted(given.only or ())
    before = _read(given.against) if given.against else {}
    if given.json and not given.json.parent.is_dir():
        _refuse(f"There is no folder for {str(given.json)!r}: make it first.")
    checks = asyncio.run(_checked(registry, backends, reference, wanted))
    _tell(checks, before)
    if given.json:
        _write(given.json, checks)
    return int(any(each.failed for each in checks))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backends.check",
        description="Checks backends by small requests. Without a name, it lists them.",
        epilog=f"Probes: {', '.join(probe.name for probe in probes())}.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a backend of backends.toml or of the environment")
    parser.add_argument("--reference", metavar="NAME", help="a backend that serves the same model, to compare with")
    parser.add_argument("--only", nargs="+", metavar="PROBE", help="ask these probes alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found to this file")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with what --json wrote earlier")
    return parser


def _refuse(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    raise SystemExit(2)


def _backend(registry: Registry, name: str) -> Backend:
    found = registry.find(name)
    if found is None:
        known = ", ".join(each.name for each in registry.backends) or NONE
        _refuse(f"There is no backend {name!r}. Known are {known}.")
    return found


def _wanted(names: Sequence[str]) -> Sequence[str]:
    known = [probe.name for probe in probes()]
    if unknown := [name for name in names if name not in known]:
        _refuse(f"There is no probe {unknown[0]!r}. Known are {', '.join(known)}.")
    return names


def _read(path: Path) -> dict[str, Check]:
    """Earlier checks, by their backend's name."""
    try:
        return {each.backend: each for each in map(loaded, json.loads(path.read_text(encoding="utf-8")))}
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        _refuse(f"{str(path)!r} holds no earlier check ({type(error).__name__}): name a file that --json wrote.")


def _write(path: Path, checks: Sequence[Check]) -> None:
    try:
        path.write_text(json.dumps([dumped(each) for each in checks], indent=1, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        _refuse(f"{str(path)!r} can't be written: {error.strerror}.")


async def _checked(
    registry: Registry, backends: Sequence[Backend], reference: Backend | None, wanted: Sequence[str]
) -> list[Check]:
    """One backend after another, so that none disturbs the next where they share a machine."""
    count = len(wanted) or len(probes())
    try:
        with tqdm(total=count * len(backends), unit=" probes", disable=None) as bar:

            def done(finding: Finding) -> None:
                bar.set_description(finding.probe, refresh=False)
                bar.update()

            return [await check(registry, backend, reference, wanted, done) for backend in backends]
    finally:
        await registry.aclose()


def _tell(checks: Sequence[Check], before: Mapping[str, Check]) -> None:
    width = shutil.get_terminal_size((120, 24)).columns
    for each in checks:
        print(written(each, width), end="\n\n")
        if each.backend in before:
            earlier = before[each.backend]
            print(f"Since {earlier.at:%Y-%m-%d %H:%M}:\n{compared(changes(earlier, each), width)}", end="\n\n")
        elif before:
            print(f"  {each.backend} was not checked before.", end="\n\n")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
