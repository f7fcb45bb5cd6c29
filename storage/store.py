"""What the other rooms use to remember and to look up. Writes go through the one writer, reads run in threads."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from backends.answer import Answer
from backends.lane import Lane
from backends.prompt import Prompt
from backends.runner import Entry
from storage.comparison import Comparison, Conversation, Cursor, Page, Rating
from storage.images import ImageStore

DEFAULT_URL = "sqlite:///data/lanewise.db"


class Store:
    images: ImageStore

    @classmethod
    def open(cls, url: str = DEFAULT_URL, images: Path | None = None) -> "Store":
        """Creates and migrates what is missing, and marks what a crash left open as interrupted. Blocking.

        `images` is a folder, beside the database unless given. Raises StorageError.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Writes what is waiting, then lets go of the database. Blocking."""
        raise NotImplementedError

    async def create(self, prompt: Prompt, asked: Sequence[tuple[Lane, Prompt]], follows: str | None = None) -> str:
        """A new comparison, committed on return; `asked` is in the order shown. Its id. Raises StorageError."""
        raise NotImplementedError

    async def append(self, comparison_id: str, entries: Sequence[Entry], ended: Mapping[int, Answer]) -> None:
        """Adds to the lanes' recordings, and keeps what the lanes that `ended` fold into. Raises StorageError."""
        raise NotImplementedError

    async def rate(
        self,
        comparison_id: str,
        evaluator: str,
        ranking: Sequence[Sequence[int]],
        *,
        all_bad: bool = False,
        tags: Sequence[str] = (),
        comment: str = "",
    ) -> Rating:
        """Superseding this evaluator's earlier rating. With `all_bad` the ranking may be empty. Raises RatingError."""
        raise NotImplementedError

    async def read(self, comparison_id: str) -> Comparison | None:
        raise NotImplementedError

    async def conversation(self, comparison_id: str) -> Conversation:
        raise NotImplementedError

    async def page(self, before: Cursor | None = None, limit: int = 50) -> Page:
        raise NotImplementedError
