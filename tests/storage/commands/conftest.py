"""A database with something of everything in it, and the command line."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import PIL.Image
import pytest

from backends.events import Finished, Sent, TextDelta
from backends.prompt import Prompt, UserTurn
from storage.__main__ import main
from storage.plan import Plan
from storage.recorder import Recorder
from storage.store import Store
from tests.storage.made import ONE, SAID, THREE, TWO, asking, judged, long_talk, png, scripted

Command = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def command(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `python -m storage` on the test's database; its status, and the lines that it printed."""

    def run(name: str, *arguments: object, database: str = url, images: str = (tmp_path / "images").as_uri()):
        status, message = 0, list[str]()
        capsys.readouterr()
        try:
            main([name, "--database", database, "--images", images, *map(str, arguments)])
        except SystemExit as end:  # with a message, which Python would print
            status = end.code if isinstance(end.code, int) else 1
            message = [] if isinstance(end.code, int) else [str(end.code)]
        told = capsys.readouterr()
        return status, message + told.out.splitlines() + told.err.splitlines()

    return run


async def filled(store: Store) -> list[str]:
    """Comparisons with images, tools, samples, conversations, ratings that were changed, and flags; their ids."""
    store.ship()
    recorder = Recorder(store, scripted(*SAID))

    async def ask(prompt: Prompt, **rest: object) -> str:
        made = await recorder.compare(prompt, [(each, prompt) for each in (ONE, TWO, THREE)], **rest)
        await recorder.saved(made)
        return made

    first = await ask(long_talk("Naïve 🙂"), maker="maker")
    photo = BytesIO()
    PIL.Image.effect_noise((40, 30), 90).save(photo, "JPEG")
    pictures = tuple(map(store.images.add, (png(color=(9, 0, 0)), photo.getvalue())))
    second = await ask(Prompt("", (UserTurn("Which?", pictures),)), follows=first, plan=Plan(samples=2))
    third = await ask(asking("Again"), remakes=first)
    quiet = Recorder(store, scripted(Sent("{}"), TextDelta(""), Finished("length")))
    prompt = asking("Nothing")
    fourth = await quiet.compare(prompt, [(ONE, prompt), (TWO, prompt)])
    await quiet.saved(fourth)
    await store.rate(first, "Ann", judged([1], [0, 2], tags=("short", "kind"), comment="Good."))
    await store.rate(first, "Ann", judged([0], [1], [2], tags=("kind",)))
    await store.rate(first, "Ben", judged([2], [1], [0]))
    await store.rate(second, "Ann", judged(skipped=store.rubric.skips[0]))
    await store.rate(third, "Zoë", judged(all_bad=True))
    await store.enqueue([first, second], 2)
    await store.next_item("somebody", "Eve")
    await store.keep_preset("Mine", [{"backend": "one"}])
    return [first, second, third, fourth]


def says(lines: list[str], pattern: str) -> bool:
    return any(re.search(pattern, line) for line in lines)
