"""Logging in, being somebody, logging out; and all the ways in that lead nowhere."""

from collections.abc import Callable

import httpx
import pytest

from storage.store import Store
from tests.ui.door.conftest import PASSWORD, SECRET, Client, enter
from ui.door.accounts import Users, made, read, write
from ui.door.door import Door
from ui.door.settings import Settings

Behind = Callable[..., Client]


@pytest.fixture
def settings(users: Users) -> Settings:
    return Settings(users=users, secret=SECRET, near=False)


async def who(client: Client) -> dict[str, object]:
    found: dict[str, object] = (await client.get("/")).json()
    return found


async def test_without_a_login_whoever_comes_is_an_admin_known_by_their_browser(behind: Behind) -> None:
    door = Door()
    one, other = behind(door), behind(door)
    for client in (one, other, one, other):
        await client.get("/")
    assert (await who(one))["admin"]
    assert (await who(one))["viewer"] == (await who(one))["viewer"] != (await who(other))["viewer"]


async def test_open_to_all_whoever_comes_is_an_evaluator(behind: Behind) -> None:
    assert not (await who(behind(Settings(near=False, anyone="evaluator"))))["admin"]


async def test_a_page_leads_to_the_login_and_back_and_all_else_says_so(behind: Behind, settings: Settings) -> None:
    client = behind(settings)
    asked = await client.get("/?run=7", headers={"accept": "text/html"})
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2F%3Frun%3D7")
    form = await client.get(asked.headers["location"])
    assert 'value="/?run=7"' in form.text
    entered = await enter(client, "ann", next="/?run=7")
    assert (entered.status_code, entered.headers["location"]) == (303, "/?run=7")
    assert await who(client) == {"name": "ann", "admin": True, "viewer": (await who(client))["viewer"]}
    assert (await behind(settings).get("/")).status_code == 401
    assert (await behind(settings).post("/act")).status_code == 401


async def test_an_account_is_one_viewer_everywhere_and_another_than_the_next_in_one_browser(
    behind: Behind, settings: Settings
) -> None:
    door = Door(settings)
    desk, phone = behind(door), behind(door)
    await enter(desk, "ann")
    await enter(phone, "ann")
    ann = (await who(desk))["viewer"]
    assert (await who(phone))["viewer"] == ann
    await enter(desk, "bob")
    bob = await who(desk)
    assert bob["viewer"] != ann
    assert not bob["admin"]
    assert "lanewise" not in desk.cookies  # the cookie of somebody without an account


async def test_a_wrong_password_and_a_wrong_name_are_answered_alike(behind: Behind, settings: Settings) -> None:
    client = behind(settings)
    wrong = [await enter(client, "ann", "wrong password"), await enter(client, "eve", "wrong password")]
    assert [each.status_code for each in wrong] == [401, 401]
    assert wrong[0].text == wrong[1].text.replace("eve", "ann")
    assert "set-cookie" not in wrong[0].headers


async def test_guessing_is_slowed_down_for_a_place_though_the_password_is_right_at_last(
    behind: Behind, settings: Settings
) -> None:
    door = Door(settings)
    client, elsewhere = behind(door), behind(door, client=("10.1.2.3", 4))
    for _ in range(10):
        assert (await enter(client, "ann", "wrong password")).status_code == 401
    refused = await enter(client, "ann")
    assert refused.status_code == 429
    assert "Wait a minute" in refused.text
    assert (await enter(elsewhere, "ann")).status_code == 303
    assert b'lanewise_logins_failed_total{why="often"} 1.0' in (await elsewhere.get("/metrics")).content


async def test_logging_out_ends_the_session_though_somebody_kept_the_cookie(behind: Behind, settings: Settings) -> None:
    door = Door(settings)
    client, thief = behind(door), behind(door)
    await enter(client, "ann")
    thief.cookies = httpx.Cookies(client.cookies)
    assert (await thief.get("/")).status_code == 200
    left = await client.post("/logout")
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert (await client.get("/")).status_code == (await thief.get("/")).status_code == 401


async def test_a_cookie_that_was_logged_out_opens_nothing_after_a_restart_nor_at_another_replica(
    behind: Behind, settings: Settings, store: Store
) -> None:
    here, there = Door(settings), Door(settings)
    client, thief = behind(here), behind(there)
    await enter(client, "ann")
    thief.cookies = httpx.Cookies(client.cookies)
    await there.start()
    assert (await thief.get("/")).status_code == 200
    await client.post("/logout")
    await there.start()  # as it looks again at its pace
    again = behind(after := Door(settings))
    again.cookies = httpx.Cookies(thief.cookies)
    await after.start()
    assert (await thief.get("/")).status_code == (await again.get("/")).status_code == 401
    assert len(await store.logouts()) >= 1


async def test_who_is_removed_or_gets_another_password_is_out_at_once(
    behind: Behind, settings: Settings, users: Users
) -> None:
    door = Door(settings)
    ann, bob = behind(door), behind(door)
    await enter(ann, "ann")
    await enter(bob, "bob")
    known = read(users.path)
    write(users.path, known | {"ann": made("ann", "another password", "admin")})
    assert (await ann.get("/")).status_code == 401
    assert (await bob.get("/")).status_code == 200
    write(users.path, {"ann": known["ann"]})
    assert (await bob.get("/")).status_code == 401
    assert (await ann.get("/")).status_code == 200


async def test_a_restart_with_the_same_secret_keeps_everybody_in(behind: Behind, settings: Settings) -> None:
    before, after, other = behind(settings), behind(settings), behind(Settings(users=settings.users, secret="o" * 40))
    await enter(before, "ann")
    after.cookies = other.cookies = httpx.Cookies(before.cookies)
    assert (await after.get("/")).status_code == 200
    assert (await other.get("/")).status_code == 401


async def test_a_session_that_somebody_else_chose_is_not_taken_over(behind: Behind, settings: Settings) -> None:
    door = Door(settings)
    mallory, victim = behind(door), behind(door)
    await enter(mallory, "bob")
    planted = mallory.cookies["lanewise_session"]
    victim.cookies.set("lanewise_session", planted, domain="localhost.local")
    await enter(victim, "ann")
    mine = [each.value for each in victim.cookies.jar if each.name == "lanewise_session" and each.value != planted]
    assert len(mine) == 1
    assert (await who(mallory))["name"] == "bob"  # what was planted is worth what it was
    both = {"cookie": f"lanewise_session={planted}; lanewise_session={mine[0]}"}
    assert (await behind(door).get("/", headers=both)).status_code == 401  # nobody can be slipped in beside
    victim.cookies = httpx.Cookies({"lanewise_session": mine[0]})
    assert (await who(victim))["name"] == "ann"


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "evil", "/\n/evil", ""]
)
async def test_a_login_leads_nowhere_else(behind: Behind, settings: Settings, to: str) -> None:
    assert (await enter(behind(settings), "ann", next=to)).headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_no_other_page_logs_anybody_in_or_out_or_does_anything(
    behind: Behind, settings: Settings, headers: dict[str, str]
) -> None:
    client = behind(settings)
    await enter(client, "ann")
    form = {"name": "bob", "password": PASSWORD}
    for path in ("/login", "/logout", "/act"):
        assert (await client.post(path, data=form, headers=headers)).status_code == 403
    assert (await client.request("DELETE", "/act", headers=headers)).status_code == 403
    assert (await who(client))["name"] == "ann"
    own = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
    assert (await client.post("/act", headers=own)).status_code == 200


async def test_over_https_cookies_and_page_stay_there(behind: Behind, settings: Settings) -> None:
    entered = await enter(behind(settings, scheme="https"), "ann")
    cookies = entered.headers.get_list("set-cookie")
    assert all("Secure" in each and "SameSite=Lax" in each for each in cookies)
    assert [("HttpOnly" in each) for each in cookies] == [True, False]  # the name is the page's to show
    assert "max-age" in entered.headers["strict-transport-security"]
    assert "strict-transport-security" not in (await behind(settings).get("/login")).headers


async def test_the_login_page_takes_no_markup_and_runs_no_script(behind: Behind, settings: Settings) -> None:
    client = behind(settings)
    markup = "\"'><script>alert(1)</script>"
    for page in (await enter(client, markup, "wrong"), await client.get("/login", params={"next": markup})):
        assert "<script" not in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
