"""The door's settings, read from the environment and checked: what is wrong is said with what to set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ui.access import Role
from ui.door.accounts import Users, UsersError
from ui.door.session import secret_in

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHORTEST_SECRET = 32


class SettingsError(ValueError):
    """Something in the environment that keeps the app from starting."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Who vouches for people, by OpenID Connect. `admins` and `evaluators` are ids, verified addresses, or `role:` and
    a value of `claim`; with no evaluators named, everybody whom the provider knows is one."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    admins: frozenset[str] = frozenset()
    evaluators: frozenset[str] = frozenset()
    claim: str = "roles"
    name: str = "preferred_username"
    scope: str = "openid profile email"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one evaluator may have; None: as much as they want. With several replicas, each counts for itself."""

    comparisons: int | None = None
    """In a minute."""
    lanes: int | None = None
    """Running at once."""
    streams: int = 64
    """Open at once."""
    body: int = 10_000_000
    """Bytes of one request."""
    upload: int = 100_000_000
    """Bytes of the files that one request uploads."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Without a login, whoever comes is `anyone`."""

    users: Users | None = None
    provider: Provider | None = None
    secret: str = field(default="", repr=False)
    anyone: Role = "admin"
    near: bool = True
    """Only this machine can reach the app."""
    root: str = ""
    """The path that a proxy keeps for it, without a slash at its end."""
    proxies: str = "127.0.0.1"
    idle: float = 12 * 3600
    life: float = 7 * 24 * 3600
    grace: float = 20
    metrics_token: str = field(default="", repr=False)
    bounds: Bounds = Bounds()

    @property
    def login(self) -> bool:
        return bool(self.users or self.provider)


def read(environ: Mapping[str, str], host: str) -> Settings:
    """Raises SettingsError."""
    near = host in LOOPBACK
    users, provider = _users(environ), _provider(environ)
    login = bool(users or provider)
    anyone = environ.get("OPEN", "").strip().lower()
    if anyone not in ("", "yes", "admin"):
        raise SettingsError(f"OPEN must be `yes` (whoever comes is an evaluator) or `admin`, not {anyone!r}.")
    if not (login or near or anyone):
        raise SettingsError(
            f"On {host} others can reach it, so it wants a login: run `python -m ui.users add NAME --role admin`, "
            "or set OIDC_ISSUER. Where whoever reaches it may use it, set OPEN=yes; for this machine alone, "
            "HOST=127.0.0.1."
        )
    return Settings(
        users=users,
        provider=provider,
        secret=_secret(environ) if login else "",
        anyone="evaluator" if anyone == "yes" else "admin",
        near=near,
        root=_root(environ.get("ROOT_PATH", "")),
        proxies=environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"),
        idle=_number(environ, "SESSION_IDLE", 12) * 3600,
        life=_number(environ, "SESSION_LIFE", 168) * 3600,
        grace=_number(environ, "GRACE", 20),
        metrics_token=environ.get("METRICS_TOKEN", ""),
        bounds=Bounds(
            comparisons=_count(environ, "COMPARISONS_PER_MINUTE", 0 if near and not login else 20),
            lanes=_count(environ, "LANES_AT_ONCE", 0 if near and not login else 24),
            streams=_count(environ, "STREAMS_AT_ONCE", 64) or 1_000_000,
            body=int(_number(environ, "MAX_REQUEST_MB", 10) * 1_000_000),
            upload=int(_number(environ, "MAX_UPLOAD_MB", 100) * 1_000_000),
        ),
    )


def _users(environ: Mapping[str, str]) -> Users | None:
    """A file that is named must be there; one in its usual place is a login."""
    named = environ.get("USERS", "")
    path = Path(named or "users.toml")
    if not named and not path.exists():
        return None
    users = Users(path)
    try:
        users.check()
    except UsersError as error:
        raise SettingsError(str(error)) from error
    return users


def _provider(environ: Mapping[str, str]) -> Provider | None:
    issuer = environ.get("OIDC_ISSUER", "").strip()
    if not issuer:
        return None
    parts = urlsplit(issuer)
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        raise SettingsError(f"OIDC_ISSUER must be an address that begins with https://, not {issuer!r}.")
    missing = [name for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET") if not environ.get(name)]
    if missing:
        raise SettingsError(f"With OIDC_ISSUER, set {' and '.join(missing)} too: your provider gives them.")
    return Provider(
        issuer,
        environ["OIDC_CLIENT_ID"],
        environ["OIDC_CLIENT_SECRET"],
        admins=_listed(environ.get("OIDC_ADMINS", "")),
        evaluators=_listed(environ.get("OIDC_EVALUATORS", "")),
        claim=environ.get("OIDC_ROLES_CLAIM") or "roles",
        name=environ.get("OIDC_NAME_CLAIM") or "preferred_username",
        scope=environ.get("OIDC_SCOPE") or "openid profile email",
    )


def _listed(text: str) -> frozenset[str]:
    return frozenset(filter(None, (each.strip() for each in text.split(","))))


def _secret(environ: Mapping[str, str]) -> str:
    """What signs the sessions: all replicas share it. One app with its own SQLite file keeps it beside that."""
    if secret := environ.get("SECRET_KEY", ""):
        if len(secret) < SHORTEST_SECRET:
            raise SettingsError(f"SECRET_KEY is too short: set {SHORTEST_SECRET} random characters or more.")
        return secret
    kind, _, file = (environ.get("DATABASE_URL") or "sqlite:///data/lanewise.db").partition(":///")
    if not kind.startswith("sqlite"):
        raise SettingsError(
            "Set SECRET_KEY to 32 random characters or more, the same for every replica: it signs the sessions."
        )
    try:
        return secret_in(Path(file.partition("?")[0]).parent / "secret.key")
    except OSError as error:
        raise SettingsError(f"The key of the sessions can't be kept: {error.strerror}. Set SECRET_KEY.") from error


def _root(path: str) -> str:
    path = path.strip().rstrip("/")
    if path and not path.startswith("/"):
        raise SettingsError(f"ROOT_PATH must begin with a slash, as in /lanewise, not {path!r}.")
    return path


def _number(environ: Mapping[str, str], name: str, usual: float) -> float:
    said = environ.get(name, "").strip()
    try:
        number = float(said) if said else usual
    except ValueError:
        number = -1
    if not 0 <= number < 1e9:
        raise SettingsError(f"{name} must be a number from 0, not {said!r}.")
    return number


def _count(environ: Mapping[str, str], name: str, usual: int) -> int | None:
    """None for 0: no bound."""
    return int(_number(environ, name, usual)) or None
