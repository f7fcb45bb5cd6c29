"""How the fake does what a prompt asks for, in the few words that it knows: it counts, echoes, adds, names colours and
calls tools. It understands nothing else.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from backends.check import pictures
from backends.local_eyes import CORNERS

Json = dict[str, Any]

CITIES = ("Paris", "Rome", "Oslo")


def reply(body: Json, show: str = "") -> str | None:
    """What is to be said; None where it knows no answer."""
    system, last = texts(body["messages"][0]), body["messages"][-1]
    asked = texts(last)
    if last["role"] == "tool":
        return f"The tool says: {asked}"
    if found := re.search(r"answer with the single word (\w+)", system):
        return found[1]
    if found := re.search(r"Count from 1 to (\d+)", asked):
        return ", ".join(map(str, range(1, int(found[1]) + 1)))
    if found := re.search(r"Repeat exactly.*?: (.*)", asked):
        return found[1]
    if found := re.search(r"How much is (\d+) \+ (\d+)", asked):
        return f"It is {int(found[1]) + int(found[2])}."
    if seen := [_said_of(image) for image in _images(last)]:
        return " and ".join(seen if show != "images_swapped" else reversed(seen))
    return None


def cities(body: Json) -> list[str]:
    """Those that the question names, in its order."""
    asked = texts(body["messages"][-1])
    return sorted((city for city in CITIES if city in asked), key=asked.index)


def no_calls(body: Json) -> bool:
    return "call no tool" in texts(body["messages"][-1])


def texts(message: Json) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _images(message: Json) -> Iterator[Image.Image]:
    parts = message.get("content")
    for part in parts if isinstance(parts, list) else ():
        if part.get("type") == "image_url":
            given = part["image_url"]
            address = given if isinstance(given, str) else given["url"]
            with (
                suppress(UnidentifiedImageError),
                Image.open(BytesIO(b64decode(address.partition(",")[2]))) as image,
            ):
                yield image.convert("RGB")


def _said_of(image: Image.Image) -> str:
    """Its mean colour. It can't read: of the one picture with a word, it knows by heart what is written there."""
    known = pictures.drawn("red", "green")
    with Image.open(BytesIO(known.data)) as by_heart:
        if image.tobytes() == by_heart.convert("RGB").tobytes():
            return f"red and green, with the word {pictures.WORD}"
    mean = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(mean, tuple)
    return min(
        CORNERS, key=lambda name: sum((m / 127.5 - 1 - c) ** 2 for m, c in zip(mean, CORNERS[name], strict=True))
    )
