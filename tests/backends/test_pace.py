"""How fast an answer came, where that can be told."""

import pytest

from backends.answer import fold
from backends.events import Finished, Sent, Stamped, TextDelta, Usage
from backends.pace import between_tokens


def answered(*at: int, tokens: int | None = None) -> tuple[float | None, bool]:
    pieces = [Stamped(each, TextDelta("a ")) for each in at]
    said = [Stamped(0, Sent("")), *pieces, Stamped(at[-1], Finished("stop")), Stamped(at[-1], Usage(completion=tokens))]
    return between_tokens(fold(said))


def test_the_time_between_tokens_is_by_the_servers_count_or_else_by_pieces() -> None:
    assert answered(100, 300, 500, tokens=5) == (pytest.approx(100), True)
    assert answered(100, 300, 500) == (pytest.approx(200), False)


def test_what_came_at_once_has_no_time_between_its_tokens() -> None:
    assert answered(100, tokens=50) == (None, True)
    assert answered(100, tokens=1) == (None, True)
