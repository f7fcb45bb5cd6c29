"""Records what the project ships: a few comparisons of the embedded model's two efforts, asked as the page asks them.

python -m docs.recordings
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from backends import registry
from backends.registry import Registry
from storage import exports, shipped
from storage.recorder import Recorder
from storage.store import Store
from ui import asking, toolbox
from ui.examples import PICTURES, SYSTEM, WEATHER_TOOL

MOST = 100_000  # bytes of all of them

# what there is to see; the name becomes the comparison's id
ASKED: tuple[tuple[str, str, tuple[Path, ...], toolbox.Fields], ...] = (
    ("shipped-code", "Write a Python function that adds two numbers.", (), toolbox.Fields()),
    ("shipped-text", "How does a rainbow form?", (), toolbox.Fields()),
    ("shipped-image", "What colour is this? Answer with one word.", (PICTURES / "red.png",), toolbox.Fields()),
    ("shipped-tool", "What is the weather in Paris?", (), WEATHER_TOOL),
)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with recording(Path(folder)) as (found, store, recorder):
            lanes = asking.lanes(found, asking.usual(found))
            # the first one is lost: it waits for the model to be loaded
            for _, text, images, tools in (ASKED[0], *ASKED):
                pictures = asking.images(store.images, [str(path) for path in images], asking.REDUCED)
                prompt = asking.prompt(SYSTEM, text, pictures, tools)
                await recorder.saved(await recorder.compare(prompt, [(lane, prompt) for lane in lanes]))
            _, *lines = list(exports.export(exports.VIEWS["jsonl"], store.engine, files=store.images))
    named = [renamed(orjson.loads(line), name) for line, (name, *_) in zip(lines, ASKED, strict=True)]
    written = b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in named)
    if len(written) > MOST:
        raise SystemExit(f"{len(written):,} bytes are too many to ship.")
    shipped.FILE.write_bytes(written)
    print(f"{shipped.FILE.name}: {len(written):,} bytes")
    for each in named:
        print(
            "",
            each["title"],
            *(f"  {lane['effort']}: {lane['state']}, {lane['text']!r}" for lane in each["lanes"]),
            sep="\n",
        )


@asynccontextmanager
async def recording(folder: Path) -> AsyncIterator[tuple[Registry, Store, Recorder]]:
    """Only the embedded model, and a database of its own."""
    found, store = registry.load(folder / "none.toml", {}), Store.open(f"sqlite:///{folder}/recordings.db")
    recorder = Recorder(store, found.stream)
    yield found, store, recorder
    await recorder.aclose()
    await found.aclose()
    store.close()


def renamed(kept: dict[str, Any], name: str) -> dict[str, Any]:
    """The same comparison under a name that is the same everywhere, and as the project's own."""
    lanes = [lane | {"id": f"{name}-{lane['position']}", "comparison_id": name} for lane in kept["lanes"]]
    return kept | {"id": name, "origin": shipped.ORIGIN, "lanes": lanes}


if __name__ == "__main__":
    asyncio.run(main())
