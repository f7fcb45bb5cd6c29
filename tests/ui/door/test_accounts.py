"""The user file and the command that keeps it."""

import io
import os
import stat
from pathlib import Path

import pytest

from tests.ui.door.conftest import PASSWORD
from ui import users as command
from ui.door import accounts
from ui.door.accounts import Users, UsersError, made, read, write


def run(monkeypatch: pytest.MonkeyPatch, path: Path, *arguments: str, typed: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return command.main(["--file", str(path), *arguments])


def test_who_is_added_can_log_in_with_that_password_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "users.toml"
    assert run(monkeypatch, path, "add", "Zoë O'Hara", "--role", "admin", typed=f"{PASSWORD}\n") == 0
    users = Users(path)
    found = users.verified("Zoë O'Hara", PASSWORD)
    assert found
    assert found.role == "admin"
    assert users.verified("Zoë O'Hara", "wrong password") is None
    assert users.verified("nobody", PASSWORD) is None


def test_only_its_owner_can_read_the_file_and_no_password_is_in_it(users: Users) -> None:
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    assert PASSWORD not in users.path.read_text()
    assert users.path.read_text().count("$argon2id$") == 2
    assert os.listdir(users.path.parent) == ["users.toml"]


def test_a_password_a_role_and_a_user_are_changed(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, users.path, "password", "bob", typed="another password\n") == 0
    assert users.verified("bob", PASSWORD) is None
    assert users.verified("bob", "another password")
    assert run(monkeypatch, users.path, "role", "bob", "--role", "admin") == 0
    changed = users.find("bob")
    assert changed
    assert changed.role == "admin"
    assert run(monkeypatch, users.path, "remove", "bob") == 0
    assert users.find("bob") is None
    assert users.verified("ann", PASSWORD)


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (["add", "ann"], "long enough\n", "there already"),
        (["password", "eve"], "long enough\n", "no user 'eve'"),
        (["add", "eve"], "short\n", "8 to 1024"),
        (["add", " eve"], "long enough\n", "no blank"),
        (["add", "e\nve"], "long enough\n", "1 to 80 letters"),
    ],
)
def test_what_is_refused_is_said_and_changes_nothing(
    users: Users,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    typed: str,
    said: str,
) -> None:
    before = users.path.read_text()
    assert run(monkeypatch, users.path, *arguments, typed=typed) == 1
    assert said in capsys.readouterr().err
    assert users.path.read_text() == before


def test_a_name_that_would_be_markup_in_the_file_is_a_name(tmp_path: Path) -> None:
    name = 'a"]\\ [b.c] = "x'
    write(tmp_path / "users.toml", {name: made(name, PASSWORD, "evaluator")})
    assert list(read(tmp_path / "users.toml")) == [name]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ann", "can't be read"),
        ('[ann]\nrole = "admin"\n', "needs a `password` and a `role`"),
        ('[ann]\npassword = "$argon2id$x"\nrole = "king"\n', "evaluator or admin"),
        ('[ann]\npassword = "plain text"\nrole = "admin"\n', "is no hash"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "users.toml").write_text(text)
    with pytest.raises(UsersError, match=r"users\.toml") as refused:
        Users(tmp_path / "users.toml").check()
    assert said in str(refused.value)


def test_a_file_that_breaks_later_locks_nobody_out_and_one_that_goes_locks_out_all(users: Users) -> None:
    assert users.find("ann")
    users.path.write_text("[broken")
    assert users.find("ann")
    users.path.unlink()
    assert users.find("ann") is None


def test_a_stranger_costs_as_much_as_a_wrong_password(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []

    class Noting:
        def verify(self, password: str, known: str) -> bool:
            hashed.append(known)
            return False

        hash = staticmethod(accounts._HASHING.hash)

    monkeypatch.setattr(accounts, "_HASHING", Noting())
    kept = {"ann": made("ann", PASSWORD, "admin")}
    write(users.path, kept)
    users.verified("ann", "wrong")
    users.verified("nobody", "wrong")
    assert hashed[0] == kept["ann"].password
    assert len({each.rsplit("$", 2)[0] for each in hashed}) == 1  # the same parameters, and so the same work
