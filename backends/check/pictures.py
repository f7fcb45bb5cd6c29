"""Small pictures to ask about: one colour each, or two colours and a word."""

from functools import cache
from hashlib import sha256
from io import BytesIO

import PIL.Image
from PIL import ImageDraw, ImageFont

from backends.prompt import Image

SIDE = 224
WORD = "LYNX"


@cache
def plain(colour: str) -> Image:
    return _image(PIL.Image.new("RGB", (SIDE, SIDE), colour))


@cache
def drawn(left: str, right: str, word: str = WORD) -> Image:
    """Two halves, and the word in black on a white band."""
    picture = PIL.Image.new("RGB", (2 * SIDE, 2 * SIDE), left)
    picture.paste(right, (SIDE, 0, 2 * SIDE, 2 * SIDE))
    picture.paste("white", (0, 150, 2 * SIDE, 300))
    middle = (SIDE, 225)
    ImageDraw.Draw(picture).text(middle, word, "black", ImageFont.load_default(size=110), anchor="mm")
    return _image(picture)


def _image(picture: PIL.Image.Image) -> Image:
    written = BytesIO()
    picture.save(written, "PNG")
    data = written.getvalue()
    return Image(sha256(data).hexdigest(), "image/png", *picture.size, data)
