"""A bucket of S3, or of a server that speaks like it, to keep images in. The keys to it stay in the environment's
AWS_* variables: nothing here reads them, and no message repeats what the server says of them.
"""

import mimetypes
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from obstore.exceptions import BaseError
from obstore.store import S3Store

from storage.errors import StorageError

PATIENCE = 20.0  # seconds for one request, whatever its size
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")  # the first that is set counts

_REASONS = {
    "kind: Timeout": "it does not answer",
    "dns error": "its name is unknown",
    "Connection refused": "nothing listens there",
    "InvalidCertificate": "its certificate is not trusted",
    "kind: Connect": "no connection",
    "redirect without LOCATION": "it is in another region",
}


class Bucket:
    def __init__(self, name: str, prefix: str = "", patience: float = PATIENCE) -> None:
        """Looks into it once, so that what is wrong with it is known at once. Raises StorageError."""
        if not _NAME.fullmatch(name):
            raise StorageError(
                "IMAGE_STORE names no bucket: write it like s3://bucket/prefix. The server's address belongs in "
                "AWS_ENDPOINT_URL, the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        self._name, self._address = name, f"s3://{name}/{prefix}".rstrip("/")
        endpoint = next(filter(None, map(os.environ.get, _ENDPOINTS)), "")
        try:
            self._store = S3Store(
                name,
                prefix=prefix,
                disable_bulk_delete=True,  # some servers have none
                client_options={
                    "allow_http": endpoint.lower().startswith("http://"),
                    "connect_timeout": timedelta(seconds=min(3.0, patience)),
                    "timeout": timedelta(seconds=patience),
                },
                retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=patience / 2)},
            )
            with self._told():
                self._store.list_with_delimiter()
        except (StorageError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # some settings that are none make the library panic, which is no Exception
            raise StorageError(
                f"{self._address} can't be used with these settings: IMAGE_STORE is like s3://bucket/prefix, "
                "AWS_ENDPOINT_URL begins with http:// or https://, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are "
                "both set, without a blank or a line break."
            ) from None

    def has(self, key: str) -> bool:
        with self._told():
            try:
                self._store.head(key)
            except FileNotFoundError:
                return False
        return True

    def read(self, key: str) -> bytes:
        with self._told():
            try:
                return bytes(self._store.get(key).bytes())
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise
        raise KeyError(key)

    def write(self, key: str, data: bytes) -> None:
        mime = mimetypes.guess_type(key)[0] or "application/octet-stream"
        with self._told():  # in one piece: an upload that breaks off leaves nothing behind
            self._store.put(key, data, attributes={"Content-Type": mime}, use_multipart=False)

    def delete(self, key: str) -> None:
        with self._told():
            try:
                self._store.delete(key)
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise

    def listing(self) -> Iterator[str]:
        with self._told():
            for page in self._store.list(chunk_size=1000):
                yield from (each["path"] for each in page)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise StorageError(self._explained(error)) from None  # the server's words may repeat the key

    def _explained(self, error: Exception) -> str:
        said, code = str(error), _code(error)
        status = (re.findall(r"status code: (\d+)", said) or [""])[-1]
        if "/latest/api/token" in said:  # without any, the library asks the machine itself
            return f"There are no keys to {self._address}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        if code == "NoSuchBucket" or (status == "404" and not code):
            return f"There is no bucket {self._name!r}: create it, or correct IMAGE_STORE or AWS_ENDPOINT_URL."
        if status in ("401", "403"):
            return (
                f"{self._address} refuses the key ({code or status}): check AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY; it has to be allowed to list, read, write and delete there."
            )
        reason = next((reason for mark, reason in _REASONS.items() if mark in said), code or status or "it failed")
        return (
            f"{self._address} can't be used now ({reason}): check that it runs, and AWS_ENDPOINT_URL and AWS_REGION, "
            "then try again."
        )


def _code(error: Exception) -> str:
    """S3's own word for what is wrong, "" where it says none."""
    found = re.search(r"<Code>(\w+)</Code>", str(error))
    return found[1] if found else ""
