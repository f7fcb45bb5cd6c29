"""The app's load figures beside those of an independent generator, on the same fake server in turns."""

import asyncio
import os

from analysis.load import figures
from backends.lane import Backend, Lane
from backends.prompt import Prompt, UserTurn
from backends.registry import Registry
from benchmarks import independent
from benchmarks.figures import medians, table
from benchmarks.servers import serving
from suites.load import Asked, Load
from tests.fake.script import Script

SCRIPT = Script(tokens=120, rate=60, first=300)  # 300 ms, then two seconds
STEPS = (1, 4, 16)
EACH = 4  # requests of each worker
MODEL = "simulated"
NAMES = ("rate", "tokens_rate", "ttft_p50", "ttft_p95", "itl_p50", "e2e_p50", "e2e_p95")


async def ours(url: str, script: Script, at_once: int, requests: int) -> dict[str, float]:
    """What the Measure page would say of one step."""
    backend = Backend("fake", "vllm", url, MODEL)
    registry = Registry((backend,), (), os.environ)
    asked = Asked(Lane(backend, MODEL), (Prompt("", (UserTurn(str(script)),)),), (10,))
    load = Load(
        registry.stream,
        lambda backend: registry.client(backend).discover(),
        (asked,),
        ("fake",),
        (at_once,),
        requests,
        seconds=120,
        max_tokens=script.tokens,
        warm_up=1,
    )
    (found,) = figures([sample async for sample in load.samples()], draws=0)
    await registry.aclose()
    if found.answered < requests:
        raise RuntimeError(f"only {found.answered} of {requests} were answered: {found.errors}")
    return {name: found.values[name].value for name in NAMES}


def theirs(url: str, script: Script, at_once: int, requests: int) -> dict[str, float]:
    independent.load(url, MODEL, str(script), 1, 1)
    return independent.figures(independent.load(url, MODEL, str(script), at_once, requests))


def main(quick: bool) -> None:
    with serving("-m", "tests.fake") as fake:
        url = f"{fake.url}/vllm/v1"
        for at_once in STEPS:
            rounds = [
                (asyncio.run(ours(url, SCRIPT, at_once, EACH * at_once)), theirs(url, SCRIPT, at_once, EACH * at_once))
                for _ in range(1 if quick else 3)
            ]
            own, other = medians([each for each, _ in rounds]), medians([each for _, each in rounds])
            table(
                f"Load, {at_once} at once, {EACH * at_once} requests of {SCRIPT} (aim: ratios from 0.95 to 1.05)",
                NAMES,
                [
                    ["Measure page", *own.values()],
                    ["independent generator", *(other[name] for name in NAMES)],
                    ["ratio", *(own[name] / other[name] for name in NAMES)],
                ],
            )


if __name__ == "__main__":
    main(False)
