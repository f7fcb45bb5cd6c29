"""When the lanes of one run are asked: at once, or each after the one before."""

from enum import StrEnum


class Schedule(StrEnum):
    """At once, lanes that share a server share its speed too; one after another, each has it to itself."""

    PARALLEL = "all at once"
    SEQUENTIAL = "one after another"
