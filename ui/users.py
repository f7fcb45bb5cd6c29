"""The command that keeps the user file: python -m ui.users add|password|role|remove|list."""

import argparse
import os
import sys
from dataclasses import replace
from getpass import getpass
from pathlib import Path

from ui.door.accounts import ROLES, User, UsersError, made, read, write


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    path = Path(asked.file)
    try:
        users = read(path)
        if asked.act == "list":
            for user in users.values():
                print(f"{user.role:9}  {user.name}")
            return 0
        said = _changed(users, asked)
        write(path, users)
    except (UsersError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(said)
    return 0


def _changed(users: dict[str, User], asked: argparse.Namespace) -> str:
    name, act = asked.name, asked.act
    if (name in users) == (act == "add"):
        raise UsersError(f"{name!r} is there already." if act == "add" else f"There is no user {name!r}.")
    if act == "add":
        users[name] = made(name, _password(), asked.role)
        return f"{name} may log in as {asked.role}."
    if act == "password":
        users[name] = made(name, _password(), users[name].role)
        return f"{name} has a new password, and is logged out everywhere."
    if act == "role":
        users[name] = replace(users[name], role=asked.role)
        return f"{name} is {asked.role} from now on."
    del users[name]
    return f"{name} is removed, and logged out everywhere."


def _password() -> str:
    """Typed twice, or the first line of what is piped in."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass("Password: ")
    if getpass("Again: ") != first:
        raise UsersError("The two are not the same.")
    return first


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ui.users", description="Who may log in to Lanewise.")
    parser.add_argument("--file", default=os.environ.get("USERS") or "users.toml", help="the user file [%(default)s]")
    acts = parser.add_subparsers(dest="act", required=True)
    for act, about in (
        ("add", "a new user; the password is asked for twice, or is a line on standard input"),
        ("password", "another password"),
        ("role", "another role"),
        ("remove", "a user who may not log in any more"),
        ("list", "who there is"),
    ):
        one = acts.add_parser(act, help=about)
        if act != "list":
            one.add_argument("name")
        if act in ("add", "role"):
            one.add_argument("--role", choices=ROLES, default="evaluator", help="[%(default)s]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
