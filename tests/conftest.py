from collections import Counter

import pytest
from hypothesis import settings

settings.register_profile("on any machine", settings.default, deadline=None)  # it may be slow, or at other work too
settings.load_profile("on any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last the files with browser tests: after one, no asynchronous test can run any more. Of these the longest first,
    so that all workers end together."""
    pages = Counter(item.path for item in items if "browser" in getattr(item, "fixturenames", ()))
    items.sort(key=lambda item: (item.path in pages, -pages[item.path]))
