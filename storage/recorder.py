"""Runs comparisons and keeps them while they run, whoever watches."""

from collections.abc import Sequence

from backends.lane import Lane
from backends.prompt import Prompt
from backends.runner import Run, Stream
from storage.store import Store


class Recorder:
    def __init__(self, store: Store, stream: Stream) -> None:
        raise NotImplementedError

    @property
    def problem(self) -> str:
        """Why something could not be stored just now; "" when all is well. It is tried again by itself."""
        raise NotImplementedError

    async def compare(self, prompt: Prompt, asked: Sequence[tuple[Lane, Prompt]], follows: str | None = None) -> str:
        """Stores a new comparison, then starts its lanes. Its id. Raises StorageError."""
        raise NotImplementedError

    def live(self, comparison_id: str) -> Run | None:
        """The run, until its lanes are over and stored."""
        raise NotImplementedError

    def stop(self, comparison_id: str, lane: int | None = None) -> None:
        """Ends one lane or all; nothing happens where it is over already."""
        raise NotImplementedError

    async def saved(self, comparison_id: str) -> None:
        """Waits until the comparison is over and stored."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Ends live lanes as interrupted and stores them."""
        raise NotImplementedError
