"""What is flagged, and as important: what is not. Lanes that were asked the same are counted against one another."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.answer import Answer, Round, State
from backends.events import Failed, ToolResult, Usage
from backends.flags import TITLES, flagged
from backends.lane import Backend, Lane
from backends.model import agree, family
from backends.prompt import AssistantTurn, Image, Prompt, Tool, ToolCall, UserTurn
from backends.tokens import image_tokens

SMALL_4 = "mistralai/Mistral-Small-4-119B-2603"
COUNTED = Usage(20, 10)
WEATHER = Tool(
    "weather",
    "Looks outside",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
anything = st.text(st.characters(), max_size=20) | st.sampled_from(["weather", '{"city":1}', "[THINK]"])
counts = st.builds(Usage, st.none() | st.integers(-(2**63), 2**63), st.none() | st.integers(0, 99))
PICTURE = Image("a" * 64, "image/png", 1024, 768, b"")


def lane(kind: str = "vllm", model: str = "m", effort: str = "", **settings: object) -> Lane:
    name = str(settings.pop("name", kind))
    return Lane(Backend(name, kind), model, effort=effort, **settings)  # type: ignore[arg-type]


def asking(text: str = "What is 1+1?", *, images: int = 0, tools: tuple[Tool, ...] = ()) -> Prompt:
    return Prompt("Be brief.", (UserTurn(text, (PICTURE,) * images),), tools)


def said(
    text: str = "",
    reasoning: str = "",
    calls: Sequence[tuple[str, str]] = (),
    finish: str = "stop",
    usage: Usage = COUNTED,
    state: State = State.DONE,
    model: str = "",
    failure: str = "",
) -> Answer:
    made = tuple(ToolCall(f"c{number}", name, arguments) for number, (name, arguments) in enumerate(calls))
    one = Round(text=text, reasoning=reasoning, calls=made, usage=usage, finish_reason=finish)
    ended = Failed(failure, "It broke.") if failure else None
    return Answer(state=state, rounds=(one,), model=model, failure=ended)


def found(one: Lane, prompt: Prompt, answer: Answer) -> dict[str, str]:
    (flags,) = flagged([(one, prompt)], [answer])
    return {flag.code: flag.detail for flag in flags}


def counted(prompt: Prompt, *lanes: tuple[Lane, int]) -> list[dict[str, str]]:
    """The flags of lanes that were all asked `prompt`, and counted so many tokens."""
    answers = [said("2", usage=Usage(tokens, 10)) for _, tokens in lanes]
    flags = flagged([(one, prompt) for one, _ in lanes], answers)
    return [{flag.code: flag.detail for flag in each} for each in flags]


# what is fine


@pytest.mark.parametrize(
    ("one", "answer"),
    [
        (lane(effort="high"), said("2", "One and one.")),
        (lane(effort="high"), said("2", usage=Usage(20, 10, 5))),  # it reasoned, and keeps the words to itself
        (lane(effort="none"), said("2")),
        (lane(), said("2", "Hm.")),  # no effort asked for: it may do as it likes
        (lane(), said("see [docs](http://x) and a[0]")),
        (lane("sglang"), said("an open [ bracket, and no tools")),
        (lane(), said("Usage: tool [OPTIONS] [ARGS]\nUsage: tool [ARGS] {start|stop}")),
        (lane(effort="none"), said("2", "\n\n")),  # an empty thought
    ],
)
def test_a_good_answer_has_no_flags(one: Lane, answer: Answer) -> None:
    assert found(one, asking(), answer) == {}


@pytest.mark.parametrize("kind", ["connect", "auth", "rate_limit"])
def test_a_lane_that_failed_before_it_said_anything_has_no_flags(kind: str) -> None:
    answer = Answer(state=State.FAILED, failure=Failed(kind, "It is not there."))
    assert found(lane(effort="high"), asking(images=1, tools=(WEATHER,)), answer) == {}


def test_a_stopped_lane_is_flagged_only_for_what_it_said() -> None:
    stopped = said("Well, [THINK]", calls=[("weather", '{"ci')], finish="", usage=Usage(), state=State.STOPPED)
    assert list(found(lane(effort="high"), asking(tools=(WEATHER,)), stopped)) == ["marker_leak", "no_reasoning"]
    assert found(lane(effort="high"), asking(), Answer(state=State.STOPPED)) == {}


# markers


@pytest.mark.parametrize("marker", ["[THINK]", "[/THINK]", "[TOOL_CALLS]", "[ARGS]", "<think>", "</think>"])
def test_a_marker_in_the_text_is_flagged(marker: str) -> None:
    detail = found(lane(), asking(), said(f"One\ntwo {marker} {{}} three"))["marker_leak"]
    assert detail.startswith(f"{marker} in the answer's text, first in line 2:")
    assert ("tool-call parser" in detail) == (marker in ("[TOOL_CALLS]", "[ARGS]"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("So:\n```\n[THINK]\n```\n", "line 3 (in a code block)"),
        ("```\nx\n```\n[THINK]", "line 4:"),
        ("It is `[THINK]`.", "line 1 (quoted)"),
    ],
)
def test_a_marker_leak_says_where(text: str, place: str) -> None:
    assert place in found(lane(), asking(), said(text))["marker_leak"]


def test_a_marker_that_was_asked_about_or_came_from_a_tool_is_no_leak() -> None:
    assert found(lane(), asking("What does [THINK] mean?"), said("[THINK] begins a thought.")) == {}
    called = Round(
        calls=(ToolCall("c1", "weather", '{"city":"Rome"}'),),
        results=(ToolResult(0, "<think>", "canned"),),
        usage=COUNTED,
        finish_reason="tool_calls",
    )
    answer = Answer(
        state=State.DONE, rounds=(called, Round(text="It said <think>", usage=COUNTED, finish_reason="stop"))
    )
    assert found(lane(), asking(tools=(WEATHER,)), answer) == {}


def test_a_leak_in_an_earlier_answer_does_not_excuse_the_next() -> None:
    turns = (UserTurn("?"), AssistantTurn("[THINK] Hm."), UserTurn("And now?"))
    assert "marker_leak" in found(lane(), Prompt("", turns), said("[THINK] Hm."))


def test_markers_in_the_reasoning_are_no_leak() -> None:
    assert found(lane(), asking(), said("2", "a [THINK] in a thought")) == {}


# reasoning


def test_high_effort_without_reasoning_is_flagged() -> None:
    assert list(found(lane(effort="high"), asking(), said("2"))) == ["no_reasoning"]


@pytest.mark.parametrize("answer", [said("2", "Hm."), said("2", usage=Usage(20, 10, 5))])
def test_reasoning_at_effort_none_is_flagged(answer: Answer) -> None:
    assert list(found(lane(effort="none"), asking(), answer)) == ["unasked_reasoning"]


def test_an_answer_swallowed_by_the_reasoning_is_flagged() -> None:
    assert list(found(lane(), asking(), said(reasoning="So it is 2."))) == ["swallowed"]


def test_an_answer_without_a_word_is_flagged() -> None:
    told = "It finished with the reason 'stop', but with neither text nor a tool call."
    assert found(lane(), asking(), said()) == found(lane(), asking(), said(" \n", "Hm.")) == {"empty": told}
    assert list(found(lane(), asking(), said(finish="length"))) == ["out_of_tokens"]


def test_a_tool_call_after_reasoning_is_an_answer() -> None:
    called = said(reasoning="I must look.", calls=[("weather", '{"city":"Rome"}')], finish="tool_calls")
    assert found(lane(), asking(tools=(WEATHER,)), called) == {}


# ends


@pytest.mark.parametrize("finish", ["length", "model_length"])
def test_running_out_of_tokens_is_flagged_and_while_thinking_otherwise(finish: str) -> None:
    limited = lane(max_tokens=300)
    assert "300 tokens" in found(limited, asking(), said("One and", finish=finish))["out_of_tokens"]
    assert list(found(limited, asking(), said(reasoning="One and", finish=finish))) == ["thought_too_long"]
    assert "own limit" in found(lane(), asking(), said("One and", finish=finish))["out_of_tokens"]


@pytest.mark.parametrize("kind", ["truncated", "midstream"])
def test_a_stream_that_broke_off_is_flagged(kind: str) -> None:
    broken = said("One and", finish="", usage=Usage(), state=State.FAILED, failure=kind)
    assert list(found(lane(), asking(), broken)) == ["truncated"]


@pytest.mark.parametrize(
    ("reason", "words"), [("content_filter", "filter"), ("abort", "gave it up"), ("error", "failed"), ("x", "usually")]
)
def test_an_odd_finish_reason_is_flagged(reason: str, words: str) -> None:
    assert words in found(lane(), asking(), said("2", finish=reason))["odd_finish"]


@pytest.mark.parametrize("usage", [Usage(), Usage(20), Usage(completion=10)])
def test_missing_token_counts_are_flagged(usage: Usage) -> None:
    assert list(found(lane(), asking(), said("2", usage=usage))) == ["no_usage"]


# tools


def test_invalid_arguments_are_flagged_as_such_and_unknown_tools_as_unknown() -> None:
    calls = [("weather", '{"city":"Rome"}'), ("weather", "{"), ("weather", "{}"), ("stocks", "{")]
    flags = found(lane(), asking(tools=(WEATHER,)), said(calls=calls, finish="tool_calls"))
    assert list(flags) == ["bad_arguments", "unknown_tool"]
    assert "not valid JSON" in flags["bad_arguments"]
    assert "city" in flags["bad_arguments"]
    assert flags["unknown_tool"] == "It called 'stocks', but was given only weather."


def test_a_call_without_any_tools_is_flagged() -> None:
    flags = found(lane(), asking(), said(calls=[("stocks", "{}")], finish="tool_calls"))
    assert flags["unknown_tool"].endswith("was given no tools.")


def test_calls_of_an_answered_request_are_checked_though_the_next_one_failed() -> None:
    called = Round(calls=(ToolCall("c1", "stocks", "{}"),), usage=COUNTED, finish_reason="tool_calls")
    answer = Answer(state=State.STOPPED, rounds=(called, Round(calls=(ToolCall("c2", "weather", "{"),))))
    assert list(found(lane(), asking(tools=(WEATHER,)), answer)) == ["unknown_tool"]


def test_brackets_that_sglang_eats_beside_tools_are_flagged() -> None:
    eaten, tools = said("See [docs(http://x)."), asking(tools=(WEATHER,))
    assert list(found(lane("sglang"), tools, eaten)) == ["bracket_eaten"]
    assert found(lane("vllm"), tools, eaten) == {}
    assert found(lane("sglang"), tools, said("See [docs](http://x).")) == {}
    assert found(lane("sglang"), tools, said("x in [0, 1)")) == {}
    assert found(lane("sglang"), tools, said("From [0, 1) to a[0].")) == {}
    assert list(found(lane("sglang"), tools, said("a[0", finish="length"))) == ["out_of_tokens"]


# models


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("mistral-small-2603", "mistral-small-2603"),
        ("mistral-small-latest", "mistral-small-2603"),
        ("mistralai/Mistral-Small-4-119B-2603", "mistral-small-4-119b-2603"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("mistralai/mistral-small-2603:free", "mistralai/mistral-small-2603"),
        ("llama3.2", "llama3.2:latest"),
        ("SmolLM2-135M-Instruct", "/models/SmolLM2-135M-Instruct.Q4_1.gguf"),
        ("", "anything"),
        ("anything", ""),
    ],
)
def test_a_model_by_another_of_its_names_is_the_model(asked: str, told: str) -> None:
    assert found(lane(model=asked), asking(), said("2", model=told)) == {}
    assert not asked or not told or (agree(asked, told) and agree(told, asked))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("mistral-small-2603", "mistral-small-2506"),
        ("mistral-small-latest", "mistral-medium-2508"),
        ("gpt-4o", "gpt-4o-mini"),
        (f"{SMALL_4}-FP8", f"{SMALL_4}-NVFP4"),
        ("m", "another"),
    ],
)
def test_another_model_than_the_one_asked_is_flagged(asked: str, told: str) -> None:
    detail = found(lane(model=asked), asking(), said("2", model=told))["other_model"]
    assert asked in detail
    assert told in detail


@pytest.mark.parametrize(
    "name",
    [
        "mistral-small-2603",
        SMALL_4,
        f"{SMALL_4}-NVFP4",
        "mistralai/mistral-small-4-119b-2603",
        "unsloth/Mistral-Small-4-119B-2603-GGUF",
        "/srv/models/Mistral-Small-4-119B-2603-UD-Q4_K_XL-00001-of-00003.gguf",
        "Mistral-Small-4-119B-2603.i1-IQ3_XXS.gguf",
    ],
)
def test_all_names_of_small_4_are_one_family(name: str) -> None:
    assert family(name) == "mistral-small-2603"


def test_another_model_s_family_is_its_name_without_path_and_artifact() -> None:
    assert family("HuggingFaceTB/SmolLM2-135M-Instruct") == family("SmolLM2-135M-Instruct.Q4_1.gguf")
    assert family("Qwen/Qwen3-8B-FP8") == "qwen3-8b"
    assert family("") == ""


# images


def test_an_image_that_costs_nothing_is_flagged() -> None:
    mistral, prompt = lane(model=SMALL_4), asking(images=1)
    assert "0 image tokens" in found(lane(), prompt, said("2", usage=Usage(1500, 10, image=0)))["image_ignored"]
    assert "about 1064 more" in found(mistral, prompt, said("2", usage=Usage(20, 10)))["image_ignored"]
    assert "image_ignored" in found(lane(), prompt, said("2", usage=Usage(20, 10)))


@pytest.mark.parametrize(
    ("one", "text", "tokens"),
    [
        (lane(model=SMALL_4), "?", 20 + 1064),
        (lane(model=SMALL_4), "?", 20 + 600),  # scaled down by the server
        (lane(), "?", 64 + 10),  # some models look at few tokens
        (lane("local"), "Which colour is this?", 172),  # the demo's eyes: one token, in a template of 144
        (lane("local"), "Tell me in a few words what you see here please. " * 40, 653),
    ],
)
def test_an_image_that_may_have_been_seen_is_not_flagged(one: Lane, text: str, tokens: int) -> None:
    assert found(one, asking(text, images=1), said("2", usage=Usage(tokens, 10))) == {}


def test_a_tiny_image_takes_few_tokens() -> None:
    dot = Prompt("", (UserTurn("Which colour?", (Image("b" * 64, "image/png", 28, 28, b""),)),))
    assert found(lane(), dot, said("red", usage=Usage(14, 1))) == {}


# parity


def test_lanes_that_count_the_same_prompt_the_same_are_not_flagged() -> None:
    names = ("mistral-small-2603", SMALL_4, f"{SMALL_4}-NVFP4")
    assert counted(asking(), *((lane(model=name), 812) for name in names)) == [{}, {}, {}]


def test_lanes_of_other_models_or_other_prompts_are_not_compared() -> None:
    assert counted(asking(), (lane(model="m"), 812), (lane(model="n"), 700)) == [{}, {}]
    prompts = asking("one"), asking("two")
    answers = [said("2", usage=Usage(tokens, 10)) for tokens in (812, 700)]
    assert flagged([(lane(), prompt) for prompt in prompts], answers) == ((), ())


def test_efforts_are_compared_where_the_template_is_known() -> None:
    efforts = [(effort, tokens) for effort, tokens in (("none", 171), ("high", 283))]
    assert [
        list(flags) for flags in counted(asking(), *((lane(effort=effort), tokens) for effort, tokens in efforts))
    ] == [[], ["no_reasoning"]]
    high, none = counted(asking(), (lane(model=SMALL_4, effort="high"), 40), (lane(model=SMALL_4, effort="none"), 20))
    assert "writes the effort into the prompt" in none["prompt_differs"]
    assert "writes the effort into the prompt" in high["prompt_differs"]


def test_of_two_lanes_both_are_flagged_and_of_more_those_off_the_majority() -> None:
    one, two, odd = (lane(name=name, model=SMALL_4) for name in ("one", "two", "odd"))
    assert [list(flags) for flags in counted(asking(), (one, 20), (odd, 30))] == [["prompt_differs"]] * 2
    first, second, third = counted(asking(), (one, 20), (odd, 30), (two, 20))
    assert (first, third) == ({}, {})
    assert second["prompt_differs"].startswith(f"30 prompt tokens, 10 more than one · {SMALL_4} counts for the same.")


@pytest.mark.parametrize(
    ("prompt", "more", "cause"),
    [
        (asking(), 607, "the template of this lane adds a system prompt of its own"),
        (asking(), -607, "the template of other · mistral-small-2603 adds a system prompt of its own"),
        (asking(tools=(WEATHER,)), -40, "this lane does not pass on the tools"),
        (asking(), 7, "another version of the chat template"),
        (asking(), 100, "otherwise"),
        (asking(images=1), -1064, "this lane ignores an image"),
        (asking(images=1), 1064, "other · mistral-small-2603 ignores an image"),
    ],
)
def test_a_mismatch_names_its_likely_cause(prompt: Prompt, more: int, cause: str) -> None:
    other = lane(name="other", model="mistral-small-2603")
    _, flags = counted(prompt, (other, 2000), (lane(model=SMALL_4), 2000 + more))
    assert cause in flags["prompt_differs"]
    assert ("image_ignored" in flags) == (more == -1064)


def test_of_several_images_one_may_have_been_ignored() -> None:
    prompt = asking(images=3)
    seen = 20 + 3 * image_tokens(PICTURE.width, PICTURE.height)
    all_, two = counted(prompt, (lane(model=SMALL_4), seen), (lane(model=SMALL_4), seen - 1064))
    assert "image_ignored" in two
    assert "image_ignored" not in all_


# of the same picture: as it is, re-encoded in its size, and smaller
WHOLE, SAME_SIZE = PICTURE, Image("b" * 64, "image/jpeg", PICTURE.width, PICTURE.height, b"")
SMALLER = Image("c" * 64, "image/jpeg", 614, 460, b"")


def sized(model: str, *shown: tuple[Image, int]) -> list[dict[str, str]]:
    """The flags of lanes that were shown a picture so, with so many prompt tokens."""
    asked = [
        (lane(model=model, name=f"lane {place}"), Prompt("Be brief.", (UserTurn("What is it?", (image,)),)))
        for place, (image, _) in enumerate(shown)
    ]
    flags = flagged(asked, [said("2", usage=Usage(tokens, 10)) for _, tokens in shown])
    return [{flag.code: flag.detail for flag in each} for each in flags]


def cost(image: Image) -> int:
    return image_tokens(image.width, image.height)


def test_lanes_whose_images_were_re_encoded_are_compared_by_what_remains() -> None:
    fair = [(image, 20 + cost(image)) for image in (WHOLE, SAME_SIZE, SMALLER)]
    assert sized(SMALL_4, *fair) == [{}, {}, {}]
    *alike, odd = sized(SMALL_4, *fair[:2], (SMALLER, 627 + cost(SMALLER)))
    assert alike == [{}, {}]
    assert odd["prompt_differs"].startswith(
        f"{627 + cost(SMALLER)} prompt tokens, 607 more than lane 0 · {SMALL_4} counts for the same, less the images, "
        f"which have another size there (≈ {cost(SMALLER)} here, ≈ {cost(WHOLE)} there)."
    )
    assert "adds a system prompt of its own" in odd["prompt_differs"]


def test_a_lane_that_does_not_see_its_smaller_image_is_told_from_one_with_another_prompt() -> None:
    *alike, blind = sized(SMALL_4, *((image, 20 + cost(image)) for image in (WHOLE, SAME_SIZE)), (SMALLER, 40))
    assert alike == [{}, {}]
    assert "this lane ignores an image" in blind["prompt_differs"]
    assert "image_ignored" in blind


def test_what_another_size_costs_is_estimated_only_where_the_formula_is_known() -> None:
    assert sized("m", (WHOLE, 900), (SMALLER, 700)) == [{}, {}]
    assert all("prompt_differs" in flags for flags in sized("m", (WHOLE, 900), (SAME_SIZE, 700)))


def test_lanes_that_replay_their_reasoning_are_not_compared_with_those_that_do_not() -> None:
    turns = (UserTurn("?"), AssistantTurn("2", "Hm."), UserTurn("And now?"))
    lanes = ((lane(model=SMALL_4), 90), (lane(model=SMALL_4, replays=False), 80))
    assert counted(Prompt("", turns), *lanes) == [{}, {}]
    assert counted(asking(), *lanes) != [{}, {}]


def test_the_first_request_of_a_lane_is_the_one_compared() -> None:
    last = Round(text="2", usage=Usage(900, 10), finish_reason="stop")
    loop = Round(usage=Usage(812, 10), finish_reason="tool_calls")
    answers = [Answer(state=State.DONE, rounds=(loop, last)), said("2", usage=Usage(812, 10))]
    assert flagged([(lane(), asking()), (lane(), asking())], answers) == ((), ())


@given(st.builds(said, anything, anything, st.lists(st.tuples(anything, anything)), anything, counts), anything)
def test_whatever_is_said_each_code_comes_once_at_most(answer: Answer, text: str) -> None:
    prompt = asking(text, images=1, tools=(WEATHER, Tool(text, text)))
    for one in (lane("sglang", text, "high"), lane(model=SMALL_4, effort="none")):
        (flags, _) = flagged([(one, prompt), (one, prompt)], [answer, said(usage=Usage(9, 9))])
        codes = [flag.code for flag in flags]
        assert len(set(codes)) == len(codes)
        assert set(codes) <= set(TITLES)
        assert all(flag.detail for flag in flags)


def test_every_code_has_a_title_and_is_stable() -> None:
    """Codes are stored: a new one may come, none may change."""
    assert set(TITLES) == {
        "marker_leak",
        "no_reasoning",
        "unasked_reasoning",
        "swallowed",
        "empty",
        "thought_too_long",
        "out_of_tokens",
        "bad_arguments",
        "unknown_tool",
        "no_usage",
        "image_ignored",
        "bracket_eaten",
        "truncated",
        "other_model",
        "odd_finish",
        "prompt_differs",
        "names_itself",
        "imported",
    }
    assert all(len(title) <= 30 for title in TITLES.values())
