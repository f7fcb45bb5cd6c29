"""Addresses that lead nowhere, folders that can't be used, and buckets that are missing, shut, silent or gone."""

import time
import traceback
from pathlib import Path

import pytest

from storage import shelf
from storage.bucket import Bucket
from storage.database import images_beside
from storage.errors import StorageError
from storage.images import ImageStore
from storage.shelf import Folder
from tests import s3
from tests.storage.made import png


@pytest.mark.parametrize(
    "address",
    [
        "",
        "images",
        "/srv/images",
        "file:",
        "file://srv/images",
        "file:///srv/images?x",
        "gs://bucket",
        "s3:bucket",
        "s3://",
        "s3:///images",
        "s3://a",
        "s3://bucket:9000/images",
        "s3://bucket/?region=x",
        "s3://[",
        f"s3://{s3.ID}:{s3.SECRET}@bucket/images",
    ],
)
def test_an_address_that_is_none_is_told_without_repeating_what_may_be_secret(address: str) -> None:
    with pytest.raises(StorageError, match=r"IMAGE_STORE .* write it like .*s3://bucket/prefix") as told:
        shelf.at(address)
    assert s3.SECRET not in str(told.value)


def test_images_lie_beside_the_database_where_it_is_a_file() -> None:
    assert images_beside("sqlite:////srv/lanewise.db") == Path("/srv/images")
    assert images_beside("postgresql+psycopg://server/lanewise") == Path("data/images")


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "ä b#c%20"
    ImageStore(folder.as_uri()).add(png())
    assert len(list(folder.glob("*/*.png"))) == 1


def test_a_folder_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("in the way")
    (tmp_path / "ab").mkdir()
    with pytest.raises(StorageError, match="can't be stored"):
        Folder(tmp_path / "images").write("ab/c", b"")
    with pytest.raises(StorageError, match="can't be read"):
        Folder(tmp_path).read("ab")
    with pytest.raises(StorageError, match="can't be deleted"):
        Folder(tmp_path).delete("ab")


def test_a_bucket_keeps_its_images_under_its_prefix_with_their_kind(bucket: str) -> None:
    shelf.at(bucket).write("ab/c.png", b"1")
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    whole = Bucket(name)
    assert list(whole.listing()) == [f"{prefix}/ab/c.png"]
    assert whole._store.get(f"{prefix}/ab/c.png").attributes["Content-Type"] == "image/png"


def test_more_are_listed_than_the_server_tells_at_once(monkeypatch: pytest.MonkeyPatch, bucket: str) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    kept, keys = shelf.at(bucket), [f"ab/{number}" for number in range(5)]
    for key in keys:
        kept.write(key, b"")
    assert sorted(kept.listing()) == keys


def test_a_bucket_that_is_not_there_is_told_at_once(bucket: str) -> None:
    with pytest.raises(StorageError, match="no bucket 'missing': create it"):
        shelf.at("s3://missing/images")


@pytest.fixture
def kept(bucket: str) -> tuple[Bucket, str]:
    """A bucket that was there when it was opened, and the key of what is in it."""
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    opened = Bucket(name, prefix, patience=2)
    opened.write("ab/c.png", b"1")
    return opened, "ab/c.png"


def refusals(kept: Bucket, key: str) -> list[StorageError]:
    """What it says to all that can be asked of it."""
    said = []
    for act in (
        lambda: kept.has(key),
        lambda: kept.read(key),
        lambda: kept.write(key, b"1"),
        lambda: kept.delete(key),
        lambda: list(kept.listing()),
    ):
        with pytest.raises(StorageError) as told:
            act()
        said.append(told.value)
    return said


def test_a_refused_key_is_told_and_nowhere_shown(kept: tuple[Bucket, str], s3_server: str, bucket: str) -> None:
    with s3.refusing(s3_server):
        said = refusals(*kept)
        with pytest.raises(StorageError) as told:
            shelf.at(bucket)
    for error in (*said, told.value):
        assert "refuses the key" in str(error)
        assert "AWS_ACCESS_KEY_ID" in str(error)
        assert s3.ID not in "".join(traceback.format_exception(error))
        assert s3.SECRET not in "".join(traceback.format_exception(error))
    assert "(InvalidAccessKeyId)" in str(told.value)
    assert kept[0].read(kept[1]) == b"1"


def test_a_bucket_that_goes_away_is_told(monkeypatch: pytest.MonkeyPatch, bucket: str) -> None:
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    with s3.serving() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        opened = Bucket(name, prefix, patience=2)
        opened.write("ab/c.png", b"1")
    for error in refusals(opened, "ab/c.png"):
        assert f"{bucket} can't be used now (nothing listens there)" in str(error)
        assert "AWS_ENDPOINT_URL" in str(error)
    with pytest.raises(StorageError, match="nothing listens there"):
        shelf.at(bucket)


def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch, bucket: str) -> None:
    with s3.silent() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        began = time.monotonic()
        with pytest.raises(StorageError, match="it does not answer"):
            Bucket("images", patience=0.5)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000"),
        ("AWS_ENDPOINT_URL", "http://"),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_ACCESS_KEY_ID", f"{s3.ID}\n"),
    ],
)
def test_settings_that_are_none_are_told(monkeypatch: pytest.MonkeyPatch, bucket: str, name: str, value: str) -> None:
    monkeypatch.delenv(name) if not value else monkeypatch.setenv(name, value)
    with pytest.raises(StorageError, match=f"settings.*{name}") as told:
        shelf.at(bucket)
    assert s3.ID not in str(told.value)


def test_a_prefix_that_is_none_is_told(bucket: str) -> None:
    with pytest.raises(StorageError, match="IMAGE_STORE is like"):
        shelf.at(f"{bucket}//../x")


def test_missing_keys_are_told(monkeypatch: pytest.MonkeyPatch, bucket: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", s3.nobody())  # where a machine in a cloud would have some
    with pytest.raises(StorageError, match=r"no keys .*: set AWS_ACCESS_KEY_ID"):
        shelf.at(bucket)
