import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import s3
from tests.fake.serving import Fake, faking

settings.register_profile("on any machine", settings.default, deadline=None)  # it may be slow, or at other work too
settings.load_profile("on any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last the files with browser tests: after one, no asynchronous test can run any more. Of these the longest first,
    so that all workers end together."""
    pages = Counter(item.path for item in items if "browser" in getattr(item, "fixturenames", ()))
    items.sort(key=lambda item: (item.path in pages, -pages[item.path]))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with s3.serving() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty bucket, to which the environment has the keys."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3.settings(s3_server).items():
        monkeypatch.setenv(name, value)
    return s3.made(s3_server)


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    """Simulated servers of every kind."""
    with faking() as running:
        yield running
