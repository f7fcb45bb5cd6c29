"""Writes an export and its data card as one file to download. It is only stored there, not packed: much is already."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from sqlalchemy import Engine

from storage.errors import TROUBLE, StorageError, explained
from storage.exports import export
from storage.exports.card import card
from storage.exports.items import Scope
from storage.exports.view import Left, View
from storage.images import ImageStore


def archive(
    view: View, engine: Engine, scope: Scope, files: ImageStore | None, path: Path, done: Callable[[int], None]
) -> Left:
    """`done` is told how many comparisons were read, and can stop it by raising. Raises StorageError."""
    left, unfinished = Left(), path.with_name(f"{path.name}.part")
    inside = ZipInfo(f"{view.name}{view.suffix}", time.localtime()[:6])
    try:
        with ZipFile(unfinished, "w") as zipped:
            with zipped.open(inside, "w", force_zip64=True) as file:
                for part in export(view, engine, scope, files, left, lambda _: done(left.read)):
                    file.write(part)
            zipped.writestr("README.md", card(view, scope, left, inside.filename))
        os.replace(unfinished, path)
    except TROUBLE as error:
        raise explained(error, engine.url.database) from error
    except OSError as error:
        raise StorageError(f"The export can't be written ({error.strerror}): make room and try again.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return left
