"""Preference pairs with images for TRL, as Parquet that has the images in it."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import orjson

from storage.exports import arrow, dpo, features, messages, verdicts
from storage.exports.items import Item, Scope
from storage.exports.messages import Shape
from storage.exports.view import Field, Left, View
from storage.images import ImageStore

OFFERED = "These functions can be called:"

_MESSAGES = "a message's content is a list of parts, an image's part stands where the image was"
_FIELDS = (
    Field("images", "list of images", "of the prompt, in its order; their bytes are in the file"),
    dpo.PROMPT._replace(meaning=f"{dpo.PROMPT.meaning}; {_MESSAGES}"),
    Field("chosen", "list of messages", "the better answer; with `reasoning_content` unless left out"),
    Field("rejected", "list of messages", "the worse one"),
    dpo.TOOLS._replace(meaning=f"{dpo.TOOLS.meaning}. TRL ignores it beside images: the system text has it too"),
    *dpo.ABOUT,
)


def write(batches: Iterable[list[Item]], scope: Scope, files: ImageStore | None, left: Left) -> Iterator[bytes]:
    return arrow.parts(features.schema(features.shapes(VIEW.fields)), _rows(batches, scope, files, left))


def _rows(
    batches: Iterable[list[Item]], scope: Scope, files: ImageStore | None, left: Left
) -> Iterator[tuple[dict[str, Any], int]]:
    shape = Shape(parts=True, thoughts=scope.reasoning)
    for each in verdicts.preferences(batches, scope, left):
        asked = messages.prompt(each.item, each.chosen.prompt_id)
        if not (shown := messages.images(asked)):
            left.out["pair: without images, so in `dpo` only"] += 1
            continue
        try:
            images = [_image(sha256, files) for sha256 in shown]
        except KeyError:
            left.out["pair: the file of an image is not here"] += 1
            continue
        offered = f"{OFFERED}\n{dpo.tools(asked)}" if asked.tools else ""
        if told := dpo.pair(each, shape, left, offered):
            text = {key: list(map(_json, told[key])) for key in ("prompt", "chosen", "rejected")}
            row = {"images": images} | told | text | dpo.about(each)
            words = chain.from_iterable(text.values())
            yield row, sum(len(image["bytes"]) for image in images) + sum(map(len, words))
            left.written["pairs"] += 1


def _image(sha256: str, files: ImageStore | None) -> dict[str, Any]:
    """Raises KeyError where it is not here."""
    if files is None:
        raise KeyError(sha256)
    return {"bytes": files.read(sha256), "path": sha256}


def _json(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()


VIEW = View(
    name="dpo_vision",
    suffix=".parquet",
    media_type="application/vnd.apache.parquet",
    about="Preference pairs with images for TRL's DPO trainer, the images in the file.",
    fields=_FIELDS,
    policy=dpo.POLICY,
    write=write,
    rounds=True,
)
