import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.lane import Backend, Lane
from backends.names import MARK, Masking, Names, in_play
from backends.prompt import Prompt, UserTurn

LANES = (
    Lane(Backend("spark-7", "vllm", model="mistralai/Mistral-Small-4-119B-2603-NVFP4"), artifact="NVFP4 + eagle"),
    Lane(Backend("local", "local"), "SmolLM2-135M-Instruct", "Q4_1", "high"),
    Lane(Backend("mistral", "mistral"), "mistral-small-latest", effort="none"),
)


def names(text: str = "Who are you?", *reported: str) -> Names:
    return in_play(LANES, Prompt("", (UserTurn(text),)), reported)


@pytest.mark.parametrize(
    "name",
    [
        *("Mistral", "MISTRAL AI", "mistralai", "Mistral-Small", "Mistral Small 4", "mistral_small_2603", "Mistral7B"),
        *("vLLM", "spark 7", "Spark7", "NVFP4", "nvfp4 + Eagle", "SmolLM", "smollm-2", "SmolLM2 135M", "Hugging Face"),
        *("Q4_1", "mistral-small-latest", "Mistral API"),
    ],
)
def test_a_name_is_masked_in_any_spelling(name: str) -> None:
    assert names().masked(f"I am {name}, made for you.") == f"I am {MARK}, made for you."


@pytest.mark.parametrize(
    "text",
    ["A local high eagle, small and large.", "the latest model", "In 2603, 4 or 7 of 135", "sparks fly", "Admistral"],
)
def test_what_any_answer_may_say_stays(text: str) -> None:
    assert names().masked(text) == text
    assert not names().found(text)


def test_names_that_the_prompt_uses_stay() -> None:
    said = names("Which winds are like the mistral?")
    assert said.masked("The Mistral, says Mistral AI.") == f"The Mistral, says {MARK}."


def test_the_model_that_a_server_reports_is_in_play() -> None:
    assert names("Hi", "qwen3-8b").masked("Qwen 3 by Alibaba Cloud") == f"{MARK} by {MARK}"


def test_names_are_told_as_they_are_written() -> None:
    assert names().found("I am mistral small. Mistral Small!") == ("mistral small", "Mistral Small")


def test_a_name_that_goes_on_is_held_back() -> None:
    parts = [
        names().masked(text, whole=False) for text in ("I'm Mis", "I'm Mistral", "I'm Mistral S", "I'm Mistral. So")
    ]
    assert parts == ["I'm ", "I'm ", "I'm ", f"I'm {MARK}. So"]


PIECES = st.lists(
    st.sampled_from(
        ["Mis", "tral", " ", "-", "Small", " 4", "smol", "LM", "2", "fo", "o ", "v", "LLM", "_", "▇▇▇", "ſ"]
    )
    | st.text(max_size=3),
    max_size=14,
)


@given(PIECES)
def test_masking_twice_changes_nothing_more(pieces: list[str]) -> None:
    once = names().masked("".join(pieces))
    assert names().masked(once) == once
    assert not names().found(once)


@given(PIECES)
def test_of_a_streamed_text_nothing_shows_that_its_end_masks(pieces: list[str]) -> None:
    whole = names().masked("".join(pieces))
    for count in range(len(pieces)):
        assert whole.startswith(names().masked("".join(pieces[:count]), whole=False))


@given(PIECES)
def test_a_text_that_grows_is_masked_as_it_would_be_at_once(pieces: list[str]) -> None:
    growing, whole = Masking(names()), names().masked("".join(pieces))
    for count in range(len(pieces)):
        assert whole.startswith(growing.masked("".join(pieces[:count]), whole=False))
    assert growing.masked("".join(pieces), whole=True) == whole


def test_what_was_masked_is_not_looked_at_again() -> None:
    class Counting(Names):
        looked = 0

        def masked(self, text: str, whole: bool = True) -> str:
            Counting.looked += len(text)
            return super().masked(text, whole)

    growing, text = Masking(Counting(["Mistral"])), "I am Mistral, and so on. " * 1000
    for end in range(0, len(text), 10):
        growing.masked(text[:end], whole=False)
    assert Counting.looked < 20 * len(text)
