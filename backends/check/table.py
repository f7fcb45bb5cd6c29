"""A check as text for a terminal."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from backends.check.against import Change
from backends.check.result import Check, Finding, Verdict

_WIDEST = max(len(verdict) for verdict in Verdict)
_MARK = {Verdict.FAILED: "FAILED"}


def written(check: Check, width: int) -> str:
    about = ", ".join(filter(None, (check.kind, check.version, check.model, check.artifact)))
    probes = max((len(finding.probe) for finding in check.findings), default=0)
    rows = (line for finding in check.findings for line in _rows(finding, probes, width))
    return "\n".join([f"{check.backend} ({about}): {summed(check)}", *rows])


def summed(check: Check) -> str:
    counts = Counter(finding.verdict for finding in check.findings)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def _rows(finding: Finding, probes: int, width: int) -> Iterator[str]:
    verdict = _MARK.get(finding.verdict, str(finding.verdict))
    head = f"  {verdict:{_WIDEST}}  {finding.probe:{probes}}  "
    yield from _wrapped(finding.said, head, width)
    if finding.advice:
        yield from _wrapped(f"-> {finding.advice}", " " * len(head), width)


def _wrapped(text: str, head: str, width: int) -> Sequence[str]:
    room = max(width, len(head) + 40)
    return textwrap.wrap(text, room, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False)


def compared(found: Sequence[Change], width: int) -> str:
    if not found:
        return "  Nothing changed."
    lines: list[str] = []
    for change in found:
        words = f"{change.before.verdict}, now {change.now.verdict}: {change.now.said}"
        lines += _wrapped(words, f"  {change.trend:{_WIDEST}}  {change.now.probe}: ", width)
    return "\n".join(lines)
