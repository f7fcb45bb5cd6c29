"""How a comparison is run and shown: chosen before it is asked, kept with it."""

from dataclasses import dataclass
from enum import StrEnum

from backends.schedule import Schedule


class Pace(StrEnum):
    """When the answers of a blind comparison appear; each hides more of what betrays a lane than the next."""

    TOGETHER = "together"  # when all are done
    EVEN = "equal pace"
    LIVE = "as it comes"


class Traces(StrEnum):
    """Whose reasoning a blind comparison shows."""

    HIDDEN = "hidden"
    SHOWN = "shown"  # with the answers, for every lane that has some
    LIVE = "as it comes"  # and while it comes


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a comparison is shown until it is rated. Only a blind one has a pace and hides traces."""

    blind: bool = False
    pace: Pace = Pace.LIVE
    traces: Traces = Traces.LIVE


OPEN = Presentation()
BLIND = Presentation(True, Pace.TOGETHER, Traces.HIDDEN)


@dataclass(frozen=True, slots=True)
class Plan:
    """`warm_up`: each server gets a small request first, which nobody sees. `samples`: how often each lane is asked;
    the first of them is the one that is shown and rated."""

    presentation: Presentation = OPEN
    schedule: Schedule = Schedule.PARALLEL
    warm_up: bool = False
    samples: int = 1
