"""Starts Lanewise: reads the settings, opens the store, finds the backends, builds the page. Decides nothing."""

import asyncio
import errno
import gc
import logging
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

# before gradio is imported: it would otherwise ask the net for its newest version
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000")
# what a start makes is there to stay: to look for garbage in it again and again would take a fifth of the time
gc.disable()


def main() -> int:
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "7860")
    if not port.isdecimal() or int(port) > 65535:
        return refuse(f"PORT must be a number up to 65535, not {port!r}.")
    from ui.door import logs, settings

    try:
        logs.configure(os.environ)
        entry = settings.read(os.environ, host)
    except settings.SettingsError as error:
        return refuse(str(error))
    try:
        listening = socket.create_server((host, int(port)))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return refuse(f"Port {port} is taken: is Lanewise running there already? Set PORT to another.")
        return refuse(f"It can't listen on {host}, port {port}: {error.strerror}. Check HOST and PORT.")

    # imported only now, so that a taken port is known at once
    import uvicorn

    from backends import registry
    from backends.discovery import Discovery
    from storage import rubric
    from storage.errors import RubricError, StorageError
    from storage.store import DEFAULT_URL, Store
    from ui import web
    from ui.door.admission import Admission
    from ui.door.door import Door
    from ui.door.serving import Server

    try:
        asked = rubric.load(Path(os.environ.get("RUBRIC", "rubric.toml")))
        store = Store.open(os.environ.get("DATABASE_URL", DEFAULT_URL), os.environ.get("IMAGE_STORE", ""), asked)
        store.ship()
    except (RubricError, StorageError) as error:
        return refuse(str(error))
    found = registry.load(Path(os.environ.get("BACKENDS", "backends.toml")), os.environ)
    for problem in found.problems:
        print(f"Backends: {problem}", file=sys.stderr)
    # beyond this machine only its person knows the names that lead here
    hosts = os.environ.get("ALLOWED_HOSTS", "" if host in web.LOOPBACK else "*").split(",")
    names = [*web.LOOPBACK, *filter(None, hosts)]
    door = Door(entry)
    recorder = Admission(store, found.stream, entry.bounds, door.watch)
    app = web.build(found, store, recorder, Discovery(found), names, door)
    print(f"Lanewise is at http://{host}:{listening.getsockname()[1]}", flush=True)
    serves = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, proxy_headers=False, timeout_graceful_shutdown=1
    )
    server = Server(serves, door, recorder)
    logging.getLogger("uvicorn.error").addFilter(is_news)
    gc.freeze()  # nor is it looked through later, while answers stream
    gc.enable()
    with suppress(KeyboardInterrupt):  # Ctrl-C: the server has ended everything in order before it says so
        server.run(sockets=[listening])
    return 0


def is_news(record: logging.LogRecord) -> bool:
    """Every open page keeps a stream of events, so at the end there is always something to cancel."""
    cancelled = record.exc_info and record.exc_info[0] is asyncio.CancelledError
    return not cancelled and not record.getMessage().startswith("Cancel ")


def refuse(why: str) -> int:
    print(f"Lanewise did not start. {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
