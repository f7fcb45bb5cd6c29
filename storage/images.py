"""Pictures named by their content: checked, turned upright, rid of metadata, stored once, in a folder or a bucket."""

import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256 as digest
from io import BytesIO
from pathlib import Path
from typing import cast

import PIL.Image
from PIL import ImageOps

from backends.prompt import Image
from backends.tokens import LONGEST_SIDE
from storage import shelf
from storage.errors import ImageError, StorageError

MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
QUALITIES = (90, 75, 60)

# An allow-list: some of Pillow's other decoders run programs or are seldom looked at.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
_KEY = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.(?:png|jpg)")

PIL.Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)


class ImageStore:
    """Blocking: call it in a thread. Everything raises StorageError where the folder or the bucket can't be used."""

    def __init__(self, place: str | Path) -> None:
        """In this folder, or at this address: file:///folder or s3://bucket/prefix."""
        self._shelf = shelf.at(place) if isinstance(place, str) else shelf.Folder(place)

    def add(self, data: bytes, longest: int | None = LONGEST_SIDE) -> Image:
        """Checks, re-encodes and stores an upload, its longer side reduced to `longest` pixels: models look at no more.

        Raises ImageError.
        """
        if len(data) <= MAX_BYTES and self._shelf.has(_key(known := digest(data).hexdigest(), mime(data))):
            image = _described(known, data)
            if longest is None or max(image.width, image.height) <= longest:
                return image
        picture, suffix = _upright(data)
        if longest is not None:
            picture.thumbnail((longest, longest), PIL.Image.Resampling.LANCZOS)
        return self._keep(picture.size, _encode(picture, suffix))

    def fitted(self, image: Image, most: int | None, longest: int | None = None) -> Image:
        """The image in at most so many bytes, its longer side of at most so many pixels, for a server that takes no
        more: as it is, or as a stored JPEG.

        For the bytes, first the quality goes down, then the size.
        """
        small = longest is None or max(image.width, image.height) <= longest
        if small and (most is None or len(image.data) <= most):
            return image
        with PIL.Image.open(BytesIO(image.data)) as opened:
            picture = _on_white(opened)
        if longest is not None:
            picture.thumbnail((longest, longest), PIL.Image.Resampling.LANCZOS)
        while True:
            for quality in QUALITIES:
                encoded = _encode(picture, ".jpg", quality)
                if most is None or len(encoded) <= most or max(picture.size) == 1:
                    return self._keep(picture.size, encoded)
            picture.thumbnail((max(1, picture.width * 4 // 5), max(1, picture.height * 4 // 5)))

    def restore(self, sha256: str, kind: str, data: bytes) -> None:
        """Puts an image back as an export has it, to the byte."""
        if kind != mime(data) or digest(data).hexdigest() != sha256:
            raise StorageError(f"The image {sha256} is not what its name says: export it again.")
        self._save(sha256, data)

    def get(self, sha256: str) -> Image:
        """Raises KeyError where there is none."""
        return _described(sha256, self.read(sha256))

    def read(self, sha256: str) -> bytes:
        """Raises KeyError where there is none, whatever the text is."""
        for key in _keys(sha256):
            with suppress(KeyError):
                return self._shelf.read(key)
        raise KeyError(sha256)

    def has(self, sha256: str) -> bool:
        """Is it there, to the byte?"""
        try:
            return digest(self.read(sha256)).hexdigest() == sha256
        except KeyError:
            return False

    def delete(self, sha256: str) -> None:
        """Does nothing where there is none."""
        for key in _keys(sha256):
            self._shelf.delete(key)

    def names(self) -> Iterator[str]:
        """The hash of each stored image, in any order."""
        return (found[2] for key in self._shelf.listing() if (found := _KEY.fullmatch(key)))

    def _keep(self, size: tuple[int, int], encoded: bytes) -> Image:
        name = digest(encoded).hexdigest()
        self._save(name, encoded)
        return Image(name, mime(encoded), *size, encoded)

    def _save(self, name: str, data: bytes) -> None:
        key = _key(name, mime(data))
        if not self._shelf.has(key):
            self._shelf.write(key, data)


def mime(data: bytes) -> str:
    """Of a stored image's bytes: there are but two kinds."""
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"


def _key(name: str, kind: str) -> str:
    return f"{name[:2]}/{name}{_SUFFIXES[kind]}"


def _keys(sha256: str) -> list[str]:
    """Where an image with this hash may lie; nowhere if it is no hash."""
    return [_key(sha256, kind) for kind in _SUFFIXES] if re.fullmatch(r"[0-9a-f]{64}", sha256) else []


def _described(sha256: str, data: bytes) -> Image:
    with PIL.Image.open(BytesIO(data)) as picture:
        return Image(sha256, mime(data), *picture.size, data)


def _upright(data: bytes) -> tuple[PIL.Image.Image, str]:
    """The decoded picture as people see it, in 8-bit colours, and the suffix to keep it under."""
    if len(data) > MAX_BYTES:
        raise ImageError(f"The image has {len(data) / 1e6:.0f} MB, at most {MAX_BYTES / 1e6:.0f} are taken: shrink it.")
    PIL.Image.init()  # `open` does not look for more decoders when it is told formats
    try:
        picture = PIL.Image.open(BytesIO(data), formats=_FORMATS)
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except Exception as error:  # decoders raise nearly anything
        raise ImageError("This is no image that can be read here: send a PNG, JPEG, WebP, GIF, BMP or TIFF.") from error
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_large()
    try:
        # a phone's MPO is a JPEG with more views of the same scene: the first one is the picture
        if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1:
            raise ImageError("The image moves or has several pages: send the frame you mean as a still picture.")
        suffix = ".jpg" if picture.format in ("JPEG", "MPO") else ".png"
        return _eight_bit(ImageOps.exif_transpose(picture)), suffix
    except ImageError:
        raise
    except Exception as error:
        raise ImageError("The image is damaged or cut off: save it again, or take another.") from error


def _too_large() -> ImageError:
    return ImageError(f"The image has over {MAX_PIXELS / 1e6:.0f} million pixels: shrink it to at most that.")


def _eight_bit(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode.startswith("I;16"):
        picture = picture.convert("I").point(lambda value: value * (255 / 65535)).convert("L")
    elif picture.mode in ("I", "F"):
        _, white = cast(tuple[float, float], picture.getextrema())  # nothing says what white is: take the brightest
        scale = 255 / white if white > 0 else 1
        picture = picture.point(lambda value: value * scale).convert("L")
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def _on_white(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Without transparency, which a JPEG can't hold."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    white = PIL.Image.new("RGBA", picture.size, "white")
    return PIL.Image.alpha_composite(white, picture).convert("RGB")


def _encode(picture: PIL.Image.Image, suffix: str, quality: int = 95) -> bytes:
    picture.info = {}  # comments, profiles and the like would be written again
    out = BytesIO()
    if suffix == ".jpg":
        picture.save(out, "JPEG", quality=quality)
    else:
        picture.save(out, "PNG")
    return out.getvalue()
