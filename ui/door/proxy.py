"""What a proxy that is trusted says of a request; anybody else's word is dropped. And the path that it keeps for us."""

from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ui.door.settings import Settings

SAID = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"forwarded")


class Proxy:
    """Further in, address and scheme are those of the browser, and the path is without the proxy's prefix as far as
    routes are concerned, whether the proxy takes it away or not."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app, self._root = app, settings.root
        self._known = ProxyHeadersMiddleware(self._inward, settings.proxies)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = dict(scope)
        client = scope.get("client")
        if not client or client[0] not in self._known.trusted_hosts:
            scope["headers"] = [each for each in scope["headers"] if each[0] not in SAID]
        await self._known(scope, receive, send)

    async def _inward(self, scope: Any, receive: Any, send: Any) -> None:
        if self._root:
            path = scope["path"]
            inside = path == self._root or path.startswith(f"{self._root}/")
            scope["root_path"] = self._root
            scope["path"] = path if inside else self._root + path
            scope["raw_path"] = scope["path"].encode()
        await self._app(scope, receive, send)


class Named:
    """Further in, the host is the one that the browser asked, as far as a proxy says so."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        said = next((value for name, value in scope.get("headers", ()) if name == b"x-forwarded-host"), b"")
        if host := said.split(b",")[0].strip():
            scope = scope | {"headers": [(b"host", host) if each[0] == b"host" else each for each in scope["headers"]]}
        await self._app(scope, receive, send)
