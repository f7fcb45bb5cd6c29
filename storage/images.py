"""Pictures as files named by their content: checked, turned upright, rid of metadata, stored once."""

import os
import re
import uuid
import warnings
from hashlib import sha256 as digest
from io import BytesIO
from pathlib import Path
from typing import cast

import PIL.Image
from PIL import ImageOps

from backends.prompt import Image
from backends.tokens import LONGEST_SIDE
from storage.errors import ImageError, StorageError

MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
QUALITIES = (90, 75, 60)

# An allow-list: some of Pillow's other decoders run programs or are seldom looked at.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_MIMES = {".png": "image/png", ".jpg": "image/jpeg"}

PIL.Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)


class ImageStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, data: bytes, longest: int | None = LONGEST_SIDE) -> Image:
        """Checks, re-encodes and stores an upload, its longer side reduced to `longest` pixels: models look at no more.

        Blocking: call it in a thread. Raises ImageError, StorageError.
        """
        if len(data) <= MAX_BYTES and (known := digest(data).hexdigest()) and self._find(known):
            image = self.get(known)
            if longest is None or max(image.width, image.height) <= longest:
                return image
        picture, suffix = _upright(data)
        if longest is not None:
            picture.thumbnail((longest, longest), PIL.Image.Resampling.LANCZOS)
        return self._keep(picture.size, _encode(picture, suffix), suffix)

    def fitted(self, image: Image, most: int | None, longest: int | None = None) -> Image:
        """The image in at most so many bytes, its longer side of at most so many pixels, for a server that takes no
        more: as it is, or as a stored JPEG.

        For the bytes, first the quality goes down, then the size. Blocking. Raises StorageError.
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
                    return self._keep(picture.size, encoded, ".jpg")
            picture.thumbnail((max(1, picture.width * 4 // 5), max(1, picture.height * 4 // 5)))

    def _keep(self, size: tuple[int, int], encoded: bytes, suffix: str) -> Image:
        name = digest(encoded).hexdigest()
        self._save(name, suffix, encoded)
        return Image(name, _MIMES[suffix], *size, encoded)

    def _save(self, name: str, suffix: str, encoded: bytes) -> None:
        if self._find(name):
            return
        try:
            _write(self._folder / name[:2] / f"{name}{suffix}", encoded)
        except OSError as error:
            raise StorageError(
                f"The image can't be stored in {self._folder} ({error.strerror}): check its rights and room."
            ) from error

    def restore(self, sha256: str, mime: str, data: bytes) -> None:
        """Puts an image back as an export has it, to the byte. Blocking. Raises StorageError."""
        suffix = next((each for each, known in _MIMES.items() if known == mime), None)
        if suffix is None or digest(data).hexdigest() != sha256:
            raise StorageError(f"The image {sha256} is not what its name says: export it again.")
        self._save(sha256, suffix, data)

    def get(self, sha256: str) -> Image:
        """Raises KeyError where there is none."""
        path = self.path(sha256)
        data = path.read_bytes()
        with PIL.Image.open(BytesIO(data)) as picture:
            return Image(sha256, _MIMES[path.suffix], *picture.size, data)

    def path(self, sha256: str) -> Path:
        """The file to serve. Raises KeyError where there is none, whatever the text is."""
        if path := self._find(sha256):
            return path
        raise KeyError(sha256)

    def _find(self, sha256: str) -> Path | None:
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            return None
        files = (self._folder / sha256[:2] / f"{sha256}{suffix}" for suffix in _MIMES)
        return next((file for file in files if file.is_file()), None)


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


def _write(path: Path, data: bytes) -> None:
    """The whole file or none of it, also when the power goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{uuid.uuid4().hex}.tmp")
    with open(unfinished, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
