"""An app made small, to be killed: it answers and is rated without end, and says what is stored."""

import asyncio
import random
from collections.abc import AsyncGenerator
from multiprocessing.connection import Connection

from backends.events import Event, Finished, Sent, TextDelta
from backends.lane import Lane
from backends.prompt import Prompt
from storage.recorder import Recorder
from storage.store import Store
from tests.storage.made import ONE, THREE, TWO, asking, judged

WORDS = 40  # of an answer that ends


async def words(_lane: Lane, prompt: Prompt) -> AsyncGenerator[Event]:
    yield Sent("{}")
    number = 0
    while number < WORDS or prompt == asking("Go on."):
        yield TextDelta(f"word{number} ")
        number += 1
        await asyncio.sleep(0.001)
    yield Finished("stop")


def run(url: str, says: Connection) -> None:
    asyncio.run(_run(url, says))


async def _run(url: str, says: Connection) -> None:
    store = Store.open(url)
    recorder = Recorder(store, words)
    made: list[str] = []

    async def compare(text: str, *lanes: Lane) -> str:
        comparison_id = await recorder.compare(asking(text), [(lane, asking(text)) for lane in lanes])
        made.append(comparison_id)
        says.send(("comparison", comparison_id))
        return comparison_id

    async def answer() -> None:
        while True:
            await recorder.saved(await compare("Be short.", ONE, TWO, THREE))

    async def rate(evaluator: str) -> None:
        while True:
            comparison_id = made[0] if evaluator == "Ann" else random.choice(made)
            lanes = range(2 if comparison_id == made[0] else 3)
            ranking = [[lane] for lane in random.sample(lanes, len(lanes))]
            rated = await store.rate(comparison_id, evaluator, judged(*ranking))
            says.send(("rating", rated.id))

    await compare("Go on.", ONE, TWO)
    await asyncio.gather(answer(), answer(), *(rate(name) for name in ("Ann", "Bob", "Cyd", "Dan")))
