"""An app made small, to be killed: `python endless.py DATABASE_URL` answers without end and says what it has done."""

import asyncio
import sys
from collections.abc import AsyncGenerator

from backends.events import Event, Sent, TextDelta
from backends.lane import Lane
from backends.prompt import Prompt
from storage.recorder import Recorder
from storage.store import Store
from tests.storage.made import ONE, TWO, asking, judged


async def words(_lane: Lane, _prompt: Prompt) -> AsyncGenerator[Event]:
    yield Sent("{}")
    number = 0
    while True:
        yield TextDelta(f"word{number} ")
        number += 1
        await asyncio.sleep(0.001)


async def main() -> None:
    store = Store.open(sys.argv[1])
    prompt = asking("Go on.")
    comparison_id = await Recorder(store, words).compare(prompt, [(ONE, prompt), (TWO, prompt)])
    print(comparison_id, flush=True)
    while True:
        print((await store.rate(comparison_id, "Ann", judged([0], [1]))).id, flush=True)


asyncio.run(main())
