"""The cookies of a login, as headers: the session, which no script can read, and the name, which the page shows."""

from typing import Any
from urllib.parse import quote

from starlette.requests import cookie_parser

from ui.access import Account

SESSION, NAME = "lanewise_session", "lanewise_account"


class Cookies:
    def __init__(self, life: float) -> None:
        self._life = int(life)

    def session(self, scope: dict[str, Any]) -> str:
        """The browser's session; where it brings several, none: somebody has put one there."""
        said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
        header = "; ".join(said)
        if header.count(f"{SESSION}=") != 1:
            return ""
        return cookie_parser(header).get(SESSION, "")

    def entered(self, scope: dict[str, Any], token: str, account: Account) -> list[str]:
        return [self.renewed(scope, token), f"{NAME}={quote(account.name, safe='')}; {self._of(scope, self._life)}"]

    def renewed(self, scope: dict[str, Any], token: str) -> str:
        return f"{SESSION}={token}; {self._of(scope, self._life)}; HttpOnly"

    def left(self, scope: dict[str, Any]) -> list[str]:
        return [f"{SESSION}=; {self._of(scope, 0)}; HttpOnly", f"{NAME}=; {self._of(scope, 0)}"]

    def _of(self, scope: dict[str, Any], age: int) -> str:
        safe = "; Secure" if scope["scheme"] == "https" else ""
        return f"Path={scope.get('root_path') or '/'}; Max-Age={age}; SameSite=Lax{safe}"
