"""Who looks is known by a cookie, whatever other cookies a browser has."""

import pytest

from ui import viewer


@pytest.mark.parametrize("other", ["", "theme", "a/b=c", 'settings={"dark":[1,2]}', "list[0]=1", 'open="never closed'])
def test_cookies_of_others_make_nobody_another_viewer(other: str) -> None:
    given = viewer.new().partition(";")[0]
    assert viewer.token(f"{other}; {given}") == given.partition("=")[2]
