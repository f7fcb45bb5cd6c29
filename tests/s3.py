"""A server on this machine that speaks like S3, a bucket on it, and doors behind which nobody answers."""

import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

import httpx

ID, SECRET = "A-KEY-FOR-TESTS", "its-secret"


@contextmanager
def serving() -> Iterator[str]:
    """Its address. All there are in one process have the same buckets."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer  # here: it takes long to import

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def settings(endpoint: str) -> Mapping[str, str]:
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET}


def made(endpoint: str) -> str:
    """The address of a part of a new bucket."""
    name = f"images-{uuid4().hex}"
    httpx.put(f"{endpoint}/{name}", trust_env=False).raise_for_status()
    return f"s3://{name}/of/lanewise"


@contextmanager
def refusing(endpoint: str) -> Iterator[None]:
    """Meanwhile it knows no key."""
    where, plain = f"{endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    httpx.post(where, content="0", headers=plain, trust_env=False).raise_for_status()
    try:
        yield
    finally:
        httpx.post(where, content="inf", headers=plain, trust_env=False).raise_for_status()


@contextmanager
def silent() -> Iterator[str]:
    """The address of a server that takes every call and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def nobody() -> str:
    """An address where nothing listens."""
    with silent() as address:
        return address
