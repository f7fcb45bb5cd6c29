import pytest

from tests.fake.serving import Fake


@pytest.fixture
def fake(fake: Fake) -> Fake:
    """That nobody has asked anything yet."""
    fake.asked.clear()
    return fake
