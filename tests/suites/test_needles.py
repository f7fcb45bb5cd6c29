"""Texts with a needle: of the wanted length, with the needle once where it was wanted, the same for the same seed."""

import re
import time
from functools import partial

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from backends.tokens import text_tokens
from suites.needles import DISTRACTORS, haystack

MISTRALS = partial(text_tokens, model="mistral-small")


@pytest.mark.parametrize("count", [MISTRALS, text_tokens])
@pytest.mark.parametrize("tokens", [1_000, 8_000, 64_000])
def test_a_text_is_as_long_as_was_wanted(tokens: int, count: partial[int]) -> None:
    assert count(haystack(tokens, 0.5, 1, count).prompt) == pytest.approx(tokens, rel=0.02)


@checked(max_examples=40)
@given(st.integers(500, 6_000), st.floats(0, 1), st.integers(0, 2**40))
def test_the_needle_stands_once_at_its_depth(tokens: int, depth: float, seed: int) -> None:
    hidden = haystack(tokens, depth, seed, text_tokens)
    text, needle = hidden.text, hidden.needle
    assert (text.count(needle.fact), hidden.prompt.count(needle.code), needle.code in needle.question) == (1, 1, False)
    at = text.index(needle.fact)
    longest = max(map(len, re.split(r"(?<=\.)\s+", text)))
    assert abs(at - depth * (len(text) - len(needle.fact))) <= longest / 2 + 2  # at the nearest place
    assert at == 0 or text[:at].endswith((". ", ".\n\n"))  # between two sentences
    assert hidden.depth == pytest.approx(depth, abs=(longest + 1) / len(text))


def test_it_is_first_or_last_where_that_was_wanted() -> None:
    first, last = (haystack(2_000, depth, 7, text_tokens) for depth in (0, 1))
    assert first.text.startswith(first.needle.fact)
    assert last.text.endswith(last.needle.fact)


def test_other_facts_differ_from_it_by_a_word() -> None:
    hidden = haystack(4_000, 0.5, 3, text_tokens)
    facts = re.findall(r"The code of [^.]+? is \S+\.", hidden.text)
    assert len(set(facts)) == len(facts) == 1 + DISTRACTORS
    assert len({fact.split()[-1] for fact in facts}) == len(facts)
    words = hidden.needle.fact.split()
    for fact in set(facts) - {hidden.needle.fact}:
        assert sum(one != other for one, other in zip(words, fact.split(), strict=True)) == 2  # and the code


def test_the_same_seed_gives_the_same_text_and_another_seed_another() -> None:
    one, same, other = (haystack(2_000, 0.3, seed, text_tokens) for seed in (5, 5, 6))
    assert one == same
    assert one.text != other.text


def test_it_is_no_repetition() -> None:
    sentences = re.split(r"(?<=\.)\s+", haystack(16_000, 0.5, 1, text_tokens).text)
    assert len(set(sentences)) > 0.97 * len(sentences)


def test_a_text_takes_time_in_proportion_to_its_length() -> None:
    haystack(1_000, 0.5, 1, MISTRALS)  # the vocabulary is read once

    def seconds(tokens: int) -> float:
        began = time.process_time()
        haystack(tokens, 0.5, 1, MISTRALS)
        return time.process_time() - began

    short, long = min(seconds(16_000) for _ in range(3)), seconds(256_000)
    assert long < 16 * short * 4  # were it quadratic, 16 times that
