"""What changed between two checks of a backend. Pure: it asks and reads nothing."""

from dataclasses import dataclass

from backends.check.result import Check, Finding, Verdict

# Skipped is neither better nor worse than anything.
_WORTH = {Verdict.FAILED: 0, Verdict.DOUBTFUL: 1, Verdict.PASSED: 2}


@dataclass(frozen=True, slots=True)
class Change:
    """A probe that found another verdict than before."""

    before: Finding
    now: Finding

    @property
    def worse(self) -> bool:
        return self._differ(-1)

    @property
    def better(self) -> bool:
        return self._differ(1)

    def _differ(self, sign: int) -> bool:
        one, other = _WORTH.get(self.before.verdict), _WORTH.get(self.now.verdict)
        return one is not None and other is not None and (other - one) * sign > 0


def changes(before: Check, now: Check) -> tuple[Change, ...]:
    """Of the probes that both have, in the order of the newer; the worse first."""
    earlier = {finding.probe: finding for finding in before.findings}
    found = [
        Change(earlier[finding.probe], finding)
        for finding in now.findings
        if finding.probe in earlier and earlier[finding.probe].verdict is not finding.verdict
    ]
    return tuple(sorted(found, key=lambda change: not change.worse))
