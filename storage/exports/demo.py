"""Which answers nobody should train on: those of the small demo model, and of servers that are simulated."""

from typing import Any

from sqlalchemy import Row

from backends import local

_BUNDLED = local.declared({})


def answered(lane: Row[Any]) -> bool:
    """Did the embedded demo model answer (a person's own file has another name), or a server that is simulated?"""
    bundled = (lane.kind, lane.model, lane.artifact) == (_BUNDLED.kind, _BUNDLED.model, _BUNDLED.artifact)
    told = (lane.model, lane.artifact, lane.reported_model, lane.server)
    return bundled or any("simulated" in each.lower() for each in told)
