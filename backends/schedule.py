"""When the lanes of one run are asked: at once, or each after the one before."""

from enum import StrEnum


class Schedule(StrEnum):
    """At once, lanes that share a server share its speed too; one after another, each has it to itself."""

    PARALLEL = "all at once"
    SEQUENTIAL = "one after another"

    def before(self, index: int, lanes: int) -> range:
        """What has to be over before the answer at `index` is asked for. Further samples of all `lanes` come after the
        first; at once, each lane still takes its own one by one."""
        return range(index) if self is Schedule.SEQUENTIAL else range(index % lanes, index, lanes)
