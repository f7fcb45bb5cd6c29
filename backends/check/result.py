"""What a check found: plain values that JSON can carry."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    DOUBTFUL = "doubtful"  # it may well be right: a person should look
    SKIPPED = "skipped"  # it does not apply to this backend, or could not be asked


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came back: the body as sent, without key and with images as hashes; and the answer as text,
    or the error in words."""

    sent: str
    came: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found. `said` says in plain words what happened; `advice`, what to change ("" where nothing is
    wrong); `seconds`, how long it took."""

    probe: str
    title: str
    verdict: Verdict
    said: str
    advice: str = ""
    exchanges: tuple[Exchange, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one backend. `version` is what the server told of itself; findings are in the order asked."""

    backend: str
    kind: str
    model: str
    artifact: str
    version: str
    at: datetime
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.verdict is Verdict.FAILED)


def dumped(check: Check) -> dict[str, Any]:
    """As JSON has it; `loaded` gives an equal check back."""
    return asdict(check) | {"at": check.at.isoformat()}


def loaded(found: Mapping[str, Any]) -> Check:
    """Raises KeyError, TypeError or ValueError for what is no check."""
    findings = (_finding(**each) for each in found["findings"])
    return replace(Check(**found), at=datetime.fromisoformat(found["at"]), findings=tuple(findings))


def _finding(*, verdict: str, exchanges: list[dict[str, str]], **said: Any) -> Finding:
    return Finding(**said, verdict=Verdict(verdict), exchanges=tuple(Exchange(**each) for each in exchanges))
