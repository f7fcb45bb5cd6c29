"""Sessions: a signed cookie says who logged in and when, so that a restart or another replica knows them too.

What is signed can't be made up or changed. It ends by idleness, by age, by logging out, and with the password.
"""

import hmac
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer

from ui.access import Account

FRESH = 300  # seconds for which a cookie is not renewed


@dataclass(frozen=True, slots=True)
class Session:
    """`proof` is what the account stood on when it logged in: where that is another by now, the session is over."""

    id: str
    account: Account
    proof: str
    born: int
    seen: int


class Sessions:
    """`proof` tells what an account stands on now, and its role; None where it is gone."""

    def __init__(
        self,
        secret: str,
        proof: Callable[[Account], tuple[str, Account] | None],
        idle: float,
        life: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.idle, self.life = idle, life
        self._proof, self._now = proof, now
        self._key = secret.encode()
        settings = {"digest_method": sha256, "key_derivation": "hmac"}
        self._signed = URLSafeSerializer(secret, salt="lanewise session", signer_kwargs=settings)
        self._ended: dict[str, float] = {}  # ids of those logged out, until they would have ended anyway

    def begin(self, account: Account) -> str:
        """A session that was never seen before, whatever the browser brought along."""
        found = self._proof(account)
        if found is None:
            raise ValueError(f"{account.name} is gone")
        now = int(self._now())
        return self._token(Session(secrets.token_urlsafe(18), account, self._mark(found[0]), now, now))

    def read(self, token: str) -> Session | None:
        """The session of a cookie, with the account as it is now; None where it holds none, or none any more."""
        try:
            id_, who, name, role, proof, born, seen = self._signed.loads(token)
        except (BadSignature, ValueError, TypeError):
            return None
        now = self._now()
        if id_ in self._ended or now - seen > self.idle or now - born > self.life:
            return None
        found = self._proof(Account(who, name, role))
        if found is None or not hmac.compare_digest(self._mark(found[0]), proof):
            return None
        return Session(id_, found[1], proof, born, seen)

    def renewed(self, session: Session) -> str:
        """The cookie of a session that is in use; "" while the browser's is fresh enough."""
        now = int(self._now())
        stale = now - session.seen > min(FRESH, self.idle / 4)
        return self._token(Session(session.id, session.account, session.proof, session.born, now)) if stale else ""

    def end(self, session: Session) -> float:
        """Until when that has to be remembered."""
        now = self._now()
        self._ended = {id_: until for id_, until in self._ended.items() if until > now}
        self.ended(session.id, until := session.born + self.life)
        return until

    def ended(self, session: str, until: float) -> None:
        """The session of this id was logged out, here or elsewhere."""
        self._ended[session] = until

    def _token(self, session: Session) -> str:
        account = session.account
        said = [session.id, account.id, account.name, account.role, session.proof, session.born, session.seen]
        return str(self._signed.dumps(said))

    def _mark(self, proof: str) -> str:
        return hmac.new(self._key, proof.encode(), sha256).hexdigest()[:24]


def secret_in(path: Path) -> str:
    """The key kept in this file, made with the first start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
