"""Needles asked of the fake: lanes that find them, forget them, have no room for them, or fail."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from backends.answer import Answer, Round, State
from backends.events import Failed, Usage
from backends.lane import Backend, Lane
from backends.registry import Registry
from suites.context import Context, outcome
from tests.fake.serving import Fake

CODE = "KXD-4827"


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    made = Registry((), (), {})
    yield made
    await made.aclose()


def lane(fake: Fake, model: str, **settings: float) -> Lane:
    backend = Backend(model, "vllm", f"{fake.url}/vllm/v1", model, **settings)
    return Lane(backend, model, effort="none")


def said(text: str, finish: str = "stop", prompt: int | None = 8_000, reasoning: str = "") -> Answer:
    return Answer(State.DONE, (Round("", reasoning, text, usage=Usage(prompt, 9), finish_reason=finish),))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (said(f"The code is **{CODE}**."), "found"),
        (said(f"`{CODE}`"), "found"),
        (said("ABC-1234"), "missed"),
        (said(f"ABC-1234 or {CODE}"), "missed"),
        (said(CODE[:-1]), "missed"),
        (said("I can't say.", reasoning=f"It is {CODE}."), "missed"),
        (said("", finish="length", reasoning="Let me see"), "out of tokens"),
        (said("AB", finish="length"), "out of tokens"),
        (said(CODE, prompt=3_000), "too long"),
        (said(CODE, prompt=None), "found"),
        (Answer(State.FAILED, failure=Failed("context_overflow", "It is too long.")), "too long"),
        (Answer(State.FAILED, failure=Failed("connect", "Nobody there.")), "failed"),
    ],
)
def test_an_answer_is_found_only_with_the_code_and_no_other(answer: Answer, found: str) -> None:
    assert outcome(answer, CODE, 8_000)["outcome"] == found


async def test_lanes_get_the_same_texts_and_their_answers_are_told_apart(fake: Fake, registry: Registry) -> None:
    lanes = [lane(fake, "remembers"), lane(fake, "forgets"), lane(fake, "loading")]
    measured = Context(registry.stream, lanes, (8_000, 32_000, 128_000, 256_000), (10, 90), 1)
    samples = [sample async for sample in measured.samples()]
    found = {(each["lane"], each["length"], each["depth"]): each["outcome"] for each in samples}
    of = {
        name: [found[name, *cell] for cell in sorted(each[1:] for each in found if each[0] == name)]
        for name in (each.label for each in lanes)
    }
    assert of == {
        lanes[0].label: ["found"] * 8,
        lanes[1].label: ["found", "found", "found", "missed", *["too long"] * 4],
        lanes[2].label: ["failed"] * 8,
    }
    assert all(
        each["prompt_tokens"] == pytest.approx(each["length"], rel=0.02)
        for each in samples
        if each["outcome"] == "found"
    )
    sent: dict[str, set[str]] = {}
    for asked in fake.asked:
        sent.setdefault(asked.body["model"], set()).add(asked.body["messages"][-1]["content"])
    assert sent["remembers"] == sent["loading"] > sent["forgets"]
    refused = [each for each in samples if each["lane"] == lanes[1].label and each["outcome"] == "too long"]
    assert [each.get("what", "asked") for each in refused] == ["asked", "skipped", "skipped", "skipped"]


async def test_what_is_stopped_asks_no_more(fake: Fake, registry: Registry) -> None:
    measured = Context(registry.stream, [lane(fake, "remembers")], (1_000,), (0, 50, 100), 3)
    async with aclosing(measured.samples()) as samples:
        async for _ in samples:
            break
    assert len(fake.asked) in (1, 2)


async def test_a_budget_is_what_is_asked(fake: Fake, registry: Registry) -> None:
    priced = lane(fake, "remembers", price_in=1.0, price_out=2.0)
    measured = Context(registry.stream, [priced], (1_000, 2_000), (0, 100), 2)
    budget = measured.budget
    assert (budget.requests, budget.tokens, budget.cost) == (8, 12_000 + 8 * 64, (12_000 + 8 * 64 * 2) / 1e6)
    assert len([sample async for sample in measured.samples()]) == budget.requests == len(fake.asked)
    unpriced = Context(registry.stream, [lane(fake, "forgets")], (1_000,), (0,), 1)
    assert unpriced.budget.cost is None
