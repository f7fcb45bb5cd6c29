"""What there is to serve on, as declared: plain figures of memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hardware:
    """`memory` in bytes, of one GPU; `gpus` are as many as there are in one box."""

    name: str
    title: str
    generation: str
    memory: int
    gpus: int
    source: str


@dataclass(frozen=True, slots=True)
class Machines:
    """The file `hardware.toml`."""

    hardware: tuple[Hardware, ...]
