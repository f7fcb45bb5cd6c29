"""To be filled."""

from backends.check.probe import Probe

PROBES: tuple[Probe, ...] = ()
