"""What a session's cookie is worth, and when it is worth nothing."""

import pytest
from itsdangerous import URLSafeSerializer

from tests.ui.door.conftest import SECRET
from ui.access import Account
from ui.door.session import Sessions, secret_in

ANN = Account("user:ann", "ann", "admin")


class World:
    """A clock, and what Ann's account stands on."""

    def __init__(self) -> None:
        self.now, self.stands_on, self.role = 1_000_000.0, "hash", "admin"

    def sessions(self, secret: str = SECRET) -> Sessions:
        return Sessions(secret, self.proof, idle=3600, life=86_400, now=lambda: self.now)

    def proof(self, account: Account) -> tuple[str, Account] | None:
        return (self.stands_on, Account(account.id, account.name, self.role)) if self.stands_on else None


@pytest.fixture
def world() -> World:
    return World()


def test_it_survives_a_restart_and_is_known_to_another_replica(world: World) -> None:
    token = world.sessions().begin(ANN)
    found = world.sessions().read(token)
    assert found
    assert found.account == ANN


def test_each_login_is_another_session(world: World) -> None:
    sessions = world.sessions()
    first, second = sessions.read(sessions.begin(ANN)), sessions.read(sessions.begin(ANN))
    assert first
    assert second
    assert first.id != second.id


def test_nothing_can_be_changed_or_made_up(world: World) -> None:
    sessions = world.sessions()
    token = sessions.begin(ANN)
    for at in range(0, len(token), 3):
        assert sessions.read(token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]) is None
    said = ["id", "user:ann", "ann", "admin", "proof", 1_000_000, 1_000_000]
    assert sessions.read(URLSafeSerializer("another key", salt="lanewise session").dumps(said)) is None
    assert sessions.read(URLSafeSerializer(SECRET, salt="something else").dumps(said)) is None
    assert sessions.read(world.sessions("t" * 40).begin(ANN)) is None
    for nonsense in ("", ".", "a.b.c", "é", "x" * 10_000):
        assert sessions.read(nonsense) is None


def test_it_ends_by_idleness_and_by_age_however_much_it_is_used(world: World) -> None:
    sessions = world.sessions()
    token, began = sessions.begin(ANN), world.now
    world.now += 3599
    assert sessions.read(token)
    world.now += 2
    assert sessions.read(token) is None

    world.now = began
    while world.now < began + 86_400:
        found = sessions.read(token)
        assert found
        token = sessions.renewed(found) or token
        world.now += 1800
    world.now += 1
    assert sessions.read(token) is None


def test_a_cookie_that_is_fresh_is_not_renewed(world: World) -> None:
    sessions = world.sessions()
    found = sessions.read(sessions.begin(ANN))
    assert found
    assert sessions.renewed(found) == ""
    world.now += 301
    assert sessions.renewed(found)


def test_logging_out_ends_it_with_every_copy(world: World) -> None:
    sessions = world.sessions()
    token = sessions.begin(ANN)
    found = sessions.read(token)
    assert found
    world.now += 1000
    renewed = sessions.renewed(found)
    sessions.end(found)
    assert sessions.read(token) is None
    assert sessions.read(renewed) is None
    assert sessions.read(sessions.begin(ANN))


def test_it_ends_with_the_password_and_with_the_account_and_takes_its_role_from_there(world: World) -> None:
    sessions = world.sessions()
    token = sessions.begin(ANN)
    world.role = "evaluator"
    found = sessions.read(token)
    assert found
    assert found.account.role == "evaluator"
    world.stands_on = "another hash"
    assert sessions.read(token) is None
    world.stands_on = ""
    assert sessions.read(token) is None


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path) -> None:  # type: ignore[no-untyped-def]
    key = secret_in(tmp_path / "data" / "secret.key")
    assert len(key) > 40
    assert secret_in(tmp_path / "data" / "secret.key") == key
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600
