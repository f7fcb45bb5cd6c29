"""What the environment may say of the door, and what is said where it can't be so."""

from pathlib import Path

import pytest

from ui.door.accounts import Users
from ui.door.settings import SettingsError, read

OIDC = {"OIDC_ISSUER": "https://id.example.org", "OIDC_CLIENT_ID": "lanewise", "OIDC_CLIENT_SECRET": "x"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_there_is_no_login_and_no_bound_unless_wanted(host: str) -> None:
    found = read({}, host)
    assert (found.login, found.anyone, found.bounds.comparisons, found.bounds.lanes) == (False, "admin", None, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.0.7", "compare.example.org"])
def test_elsewhere_it_refuses_without_a_login_and_says_what_to_set(host: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read({}, host)
    for way in ("ui.users add", "OIDC_ISSUER", "OPEN=yes", "HOST=127.0.0.1"):
        assert way in str(refused.value)


def test_open_to_all_nobody_is_an_admin_unless_told_so() -> None:
    assert read({"OPEN": "yes"}, "0.0.0.0").anyone == "evaluator"
    assert read({"OPEN": "admin"}, "0.0.0.0").anyone == "admin"
    with pytest.raises(SettingsError, match="OPEN must be"):
        read({"OPEN": "perhaps"}, "0.0.0.0")


def test_a_user_file_in_its_place_is_a_login(users: Users) -> None:
    found = read({}, "0.0.0.0")
    assert found.login
    assert found.bounds.comparisons
    assert found.secret == Path("data/secret.key").read_text()
    assert found.secret not in repr(found)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"USERS": "nowhere.toml"}, "nowhere.toml names nobody"),
        (OIDC | {"OIDC_ISSUER": "http://id.example.org"}, "begins with https://"),
        (OIDC | {"OIDC_ISSUER": "id.example.org"}, "begins with https://"),
        (OIDC | {"OIDC_CLIENT_SECRET": ""}, "set OIDC_CLIENT_SECRET"),
        (OIDC | {"SECRET_KEY": "short"}, "SECRET_KEY is too short"),
        (OIDC | {"DATABASE_URL": "postgresql://db/lanewise"}, "Set SECRET_KEY to 32"),
        ({"ROOT_PATH": "lanewise"}, "begin with a slash"),
        ({"GRACE": "soon"}, "GRACE must be a number"),
        ({"COMPARISONS_PER_MINUTE": "-1"}, "COMPARISONS_PER_MINUTE must be a number"),
    ],
)
def test_what_is_wrong_is_said_with_its_name(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(environ, "127.0.0.1")
    assert said in str(refused.value)


def test_the_secret_of_several_replicas_comes_from_the_environment() -> None:
    assert read(OIDC | {"SECRET_KEY": "k" * 32, "DATABASE_URL": "postgresql://db/x"}, "0.0.0.0").secret == "k" * 32
    assert not Path("data").exists()


def test_zero_is_no_bound(users: Users) -> None:
    found = read({"COMPARISONS_PER_MINUTE": "0", "LANES_AT_ONCE": "6", "ROOT_PATH": "/lanewise/"}, "127.0.0.1")
    assert (found.bounds.comparisons, found.bounds.lanes, found.root) == (None, 6, "/lanewise")
