"""Everything kept, as JSONL (lossless) or CSV (one row per pair). Streams: memory does not grow with the data."""

from collections.abc import Iterator

from storage.store import Store


def jsonl(store: Store, images: bool = False) -> Iterator[bytes]:
    """One comparison a line; with `images`, their bytes too, as base64."""
    raise NotImplementedError


def csv(store: Store) -> Iterator[bytes]:
    """One row per pair of lanes per current rating."""
    raise NotImplementedError
