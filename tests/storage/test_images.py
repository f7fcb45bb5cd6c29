"""Pictures as people send them: odd modes, turned, huge, moving, broken, none at all; in a folder and in a bucket."""

import struct
import zlib
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest

from storage import shelf
from storage.errors import ImageError, StorageError
from storage.images import MAX_BYTES, ImageStore
from tests.storage.made import png


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return (tmp_path / "images").as_uri()
    return str(request.getfixturevalue("bucket"))


@pytest.fixture
def images(place: str) -> ImageStore:
    return ImageStore(place)


def saved(picture: PIL.Image.Image, format: str, **options: object) -> bytes:
    out = BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def decoded(data: bytes) -> PIL.Image.Image:
    return PIL.Image.open(BytesIO(data))


def claiming(width: int, height: int) -> bytes:
    """A tiny PNG whose header claims a size, with all its pixels one colour."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_is_kept_once_under_its_content(images: ImageStore, place: str) -> None:
    image = images.add(png(color=(255, 0, 0)))
    assert images.add(png(color=(255, 0, 0))) == image
    assert (image.mime, image.width, image.height) == ("image/png", 4, 3)
    (key,) = shelf.at(place).listing()
    assert key == f"{image.sha256[:2]}/{image.sha256}.png"
    assert shelf.at(place).read(key) == image.data == images.read(image.sha256)


def test_what_one_app_keeps_the_others_at_the_same_place_see(images: ImageStore, place: str) -> None:
    other = ImageStore(place)
    image = images.add(png())
    assert other.get(image.sha256) == image
    other.delete(image.sha256)
    with pytest.raises(KeyError):
        images.read(image.sha256)


def test_every_image_is_named_and_nothing_else_that_lies_there(images: ImageStore, place: str) -> None:
    assert list(images.names()) == []
    kept = [images.add(png(color=(number, 0, 0))) for number in range(3)]
    kept.append(images.add(saved(PIL.Image.new("RGB", (2, 2)), "JPEG")))
    for key in ("ab/unfinished.tmp", "ab/" + "cd" * 32 + ".png", "ab/" + "ab" * 32 + ".txt"):
        shelf.at(place).write(key, b"?")
    assert sorted(images.names()) == sorted(image.sha256 for image in kept)


def test_what_is_deleted_is_gone_and_can_be_put_back(images: ImageStore, place: str) -> None:
    image = images.add(saved(PIL.Image.new("RGB", (2, 2)), "JPEG"))
    for _ in range(2):
        images.delete(image.sha256)
        assert list(shelf.at(place).listing()) == []
    images.restore(image.sha256, image.mime, image.data)
    assert images.get(image.sha256) == image


@pytest.mark.parametrize(("kind", "data"), [("image/png", b"other"), ("image/jpeg", png())])
def test_only_what_its_name_says_is_put_back(images: ImageStore, kind: str, data: bytes) -> None:
    name = sha256(png()).hexdigest()
    with pytest.raises(StorageError, match="not what its name says"):
        images.restore(name, kind, data)


def test_what_is_got_is_what_was_added(images: ImageStore) -> None:
    image = images.add(saved(PIL.Image.new("RGB", (7, 5), "blue"), "JPEG"))
    assert images.get(image.sha256) == image
    assert images.get(image.sha256).data == image.data
    assert image.mime == "image/jpeg"


def test_adding_a_kept_file_again_changes_nothing(images: ImageStore) -> None:
    image = images.add(saved(PIL.Image.effect_noise((64, 64), 90), "JPEG", quality=60))
    assert images.add(image.data) == image


def test_a_turned_photo_is_upright_and_tells_nothing_of_its_place(images: ImageStore) -> None:
    photo = PIL.Image.new("RGB", (40, 20), "red")
    photo.paste("blue", (20, 0, 40, 20))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turn it a quarter to the right
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    image = images.add(saved(photo, "JPEG", exif=exif, comment=b"my home", quality=100))
    kept = decoded(image.data)
    assert kept.size == (image.width, image.height) == (20, 40)
    assert kept.getpixel((10, 5))[0] > 200
    assert kept.getpixel((10, 35))[2] > 200
    assert not kept.getexif()
    assert b"my home" not in image.data
    assert b"Camera" not in image.data


def test_text_and_profiles_of_a_png_are_dropped(images: ImageStore) -> None:
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Author", "someone")
    image = images.add(saved(PIL.Image.new("RGB", (2, 2)), "PNG", pnginfo=told, icc_profile=b"profile", dpi=(300, 300)))
    assert decoded(image.data).info == {}


def grey16() -> PIL.Image.Image:
    picture = PIL.Image.new("I;16", (2, 1))
    picture.putpixel((0, 0), 0x8000)
    picture.putpixel((1, 0), 0xFFFF)
    return picture


def test_sixteen_bits_are_scaled_and_not_clipped(images: ImageStore) -> None:
    kept = decoded(images.add(saved(grey16(), "PNG")).data)
    assert kept.mode == "L"
    assert [kept.getpixel((x, 0)) for x in (0, 1)] == pytest.approx([128, 255], abs=1)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_the_brightest_of_wider_numbers_is_white(images: ImageStore, mode: str) -> None:
    picture = PIL.Image.new(mode, (2, 1), 500)
    picture.putpixel((1, 0), 1000)
    kept = decoded(images.add(saved(picture, "TIFF")).data)
    assert [kept.getpixel((x, 0)) for x in (0, 1)] == pytest.approx([127, 255], abs=1)


def test_ink_becomes_light(images: ImageStore) -> None:
    image = images.add(saved(PIL.Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG"))
    kept = decoded(image.data)
    assert (kept.mode, image.mime) == ("RGB", "image/jpeg")
    assert kept.getpixel((4, 4)) == pytest.approx((0, 255, 255), abs=6)


def test_a_transparent_palette_keeps_its_transparency(images: ImageStore) -> None:
    picture = PIL.Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((1, 0), 1)
    kept = decoded(images.add(saved(picture, "PNG", transparency=1)).data)
    assert (kept.mode, kept.getpixel((0, 0)), kept.getpixel((1, 0))) == ("RGBA", (255, 0, 0, 255), (0, 255, 0, 0))


@pytest.mark.parametrize(
    ("mode", "kept"), [("1", "RGB"), ("L", "L"), ("LA", "RGBA"), ("P", "RGB"), ("RGB", "RGB"), ("RGBA", "RGBA")]
)
def test_every_mode_becomes_one_that_servers_read(images: ImageStore, mode: str, kept: str) -> None:
    assert decoded(images.add(png(mode)).data).mode == kept


@pytest.mark.parametrize("format", ["WEBP", "GIF", "BMP", "TIFF"])
def test_other_formats_become_png(images: ImageStore, format: str) -> None:
    assert images.add(saved(PIL.Image.new("RGB", (4, 3), "green"), format)).mime == "image/png"


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_moving_pictures_and_many_pages_are_refused(images: ImageStore, format: str) -> None:
    first, second = PIL.Image.new("RGB", (8, 8), "red"), PIL.Image.new("RGB", (8, 8), "blue")
    with pytest.raises(ImageError, match="still picture"):
        images.add(saved(first, format, save_all=True, append_images=[second]))


def test_a_photo_with_several_views_is_its_first(images: ImageStore) -> None:
    first, second = PIL.Image.new("RGB", (8, 8), "red"), PIL.Image.new("RGB", (8, 8), "blue")
    image = images.add(saved(first, "MPO", save_all=True, append_images=[second]))
    kept = decoded(image.data)
    assert (kept.format, image.mime) == ("JPEG", "image/jpeg")
    assert kept.getpixel((4, 4)) == pytest.approx((255, 0, 0), abs=6)


def broken() -> bytes:
    return saved(PIL.Image.effect_noise((200, 200), 90), "JPEG")[:2000]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: b"", "no image"),
        (lambda: b"just text", "no image"),
        (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no image"),
        (broken, "damaged or cut off"),
        (lambda: bytes(MAX_BYTES + 1), "at most 20"),
        (lambda: claiming(9000, 9000), "40 million pixels"),
        (lambda: claiming(20_000, 20_000), "40 million pixels"),
        (lambda: png()[:40], "damaged|no image"),
    ],
)
def test_what_can_not_be_taken_says_what_to_do(images: ImageStore, data: Callable[[], bytes], words: str) -> None:
    with pytest.raises(ImageError, match=words):
        images.add(data())


def test_a_bomb_is_small_and_never_decoded(images: ImageStore) -> None:
    import tracemalloc

    bomb = claiming(16_000, 16_000)
    assert len(bomb) < 40_000
    images.add(png())  # what only the first one brings to memory does not count
    tracemalloc.start()
    with pytest.raises(ImageError):
        images.add(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000  # decoded it would take 768 million


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "ab" * 31, "AB" * 32, "ab" * 32 + "\n", "ab" * 32])
def test_only_the_hash_of_a_kept_picture_leads_anywhere(images: ImageStore, name: str) -> None:
    with pytest.raises(KeyError):
        images.read(name)
    with pytest.raises(KeyError):
        images.get(name)
    images.delete(name)


def test_a_large_picture_is_reduced_to_what_models_look_at_unless_it_is_wanted_whole(images: ImageStore) -> None:
    large = png(size=(3000, 1500))
    reduced = images.add(large)
    assert (reduced.width, reduced.height) == decoded(reduced.data).size == (1540, 770)
    whole = images.add(large, longest=None)
    assert (whole.width, whole.height) == (3000, 1500)
    assert images.add(whole.data) == reduced  # known, and still too large
    assert images.add(whole.data, longest=None) == whole


def test_an_image_is_fitted_into_a_servers_limit_only_where_it_has_to_be(images: ImageStore) -> None:
    noise = images.add(saved(PIL.Image.effect_noise((900, 600), 90), "PNG"))
    assert images.fitted(noise, len(noise.data)) == noise
    fitted = images.fitted(noise, 130_000)
    assert len(fitted.data) <= 130_000
    assert fitted.mime == "image/jpeg"
    assert images.get(fitted.sha256) == fitted == images.fitted(noise, 130_000)
    assert decoded(fitted.data).size == (fitted.width, fitted.height)
    assert abs(fitted.width / fitted.height - 1.5) < 0.02


def test_an_image_is_scaled_down_into_a_servers_limit_of_pixels(images: ImageStore) -> None:
    wide = images.add(saved(PIL.Image.effect_noise((900, 60), 90), "PNG"), longest=None)
    assert images.fitted(wide, None, 900) == images.fitted(wide, None) == wide
    fitted = images.fitted(wide, None, 300)
    assert (fitted.width, fitted.height) == decoded(fitted.data).size == (300, 20)
    both = images.fitted(wide, 2_000, 300)
    assert len(both.data) <= 2_000 < len(fitted.data)


def test_a_fitted_image_has_white_where_nothing_was(images: ImageStore) -> None:
    clear = PIL.Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    clear.paste(PIL.Image.effect_noise((300, 300), 90).convert("RGBA"), (0, 0))
    fitted = images.fitted(images.add(saved(clear, "PNG")), 20_000)
    corner = decoded(fitted.data).getpixel((fitted.width - 1, fitted.height - 1))
    assert min(corner) > 240


def test_no_limit_is_too_small_to_end(images: ImageStore) -> None:
    image = images.fitted(images.add(png(size=(300, 2))), 10)
    assert (image.width, image.height) == (1, 1)
