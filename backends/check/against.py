"""What changed between two checks of a backend. Pure: it asks and reads nothing."""

from dataclasses import dataclass

from backends.check.result import Check, Finding, Verdict

# Skipped is neither better nor worse than anything.
_WORTH = {Verdict.FAILED: 0, Verdict.DOUBTFUL: 1, Verdict.PASSED: 2}


def trend(before: Verdict, now: Verdict) -> str:
    """`better`, `worse`, `changed` where one of them was skipped, or "" where they are the same."""
    if before is now:
        return ""
    if before not in _WORTH or now not in _WORTH:
        return "changed"
    return "better" if _WORTH[now] > _WORTH[before] else "worse"


@dataclass(frozen=True, slots=True)
class Change:
    """A probe that found another verdict than before."""

    before: Finding
    now: Finding

    @property
    def trend(self) -> str:
        return trend(self.before.verdict, self.now.verdict)


def changes(before: Check, now: Check) -> tuple[Change, ...]:
    """Of the probes that both have, in the order of the newer; the worse first."""
    earlier = {finding.probe: finding for finding in before.findings}
    found = [
        Change(earlier[finding.probe], finding)
        for finding in now.findings
        if finding.probe in earlier and earlier[finding.probe].verdict is not finding.verdict
    ]
    return tuple(sorted(found, key=lambda change: change.trend != "worse"))
