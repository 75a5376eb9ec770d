"""The laws of cutting a text into windows, for any tokens and any width."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.embedders.windows import windows


class Tokenized(NamedTuple):
    """A text in which token i reads <i>, so that a window tells which tokens it holds."""

    text: str
    offsets: list[tuple[int, int]]
    starts_word: list[bool]


@st.composite
def _tokenized(draw: Callable[..., object], least: int = 0, most: int = 120) -> Tokenized:
    """Tokens with or without white space between them, and with white space or letters around them all."""
    gaps = draw(st.lists(st.sampled_from(["", "", " ", "  ", "\n", "-"]), min_size=least, max_size=most))
    assert isinstance(gaps, list)
    text, offsets = "", []
    for number, gap in enumerate(gaps):
        text += gap
        offsets.append((len(text), len(text) + len(f"<{number}>")))
        text += f"<{number}>"
    starts = [number == 0 or gap.isspace() for number, gap in enumerate(gaps)]
    return Tokenized(text + str(draw(st.sampled_from(["", " ", "."]))), offsets, starts)


def _held(window: str) -> list[int]:
    """The tokens in a window; each must be whole."""
    assert not re.sub(r"<\d+>|[\s\-]+", "", window), f"a token of {window!r} is cut"
    return [int(number) for number in re.findall(r"<(\d+)>", window)]


_widths = st.integers(1, 40)


@given(_tokenized(), _widths)
def test_a_text_of_no_more_than_the_width_is_not_cut(tokenized: Tokenized, width: int) -> None:
    """It is returned as it is, with whatever stands before and after its tokens; a longer one is cut."""
    cut = windows(tokenized.text, tokenized.offsets, width)
    assert (cut == [tokenized.text]) is (len(tokenized.offsets) <= width)


@given(_tokenized(least=42), _widths)
def test_every_window_is_a_run_of_at_most_width_tokens(tokenized: Tokenized, width: int) -> None:
    """A window holds neighbouring tokens, each whole, and no more than the encoder reads."""
    for window in windows(tokenized.text, tokenized.offsets, width):
        held = _held(window)
        assert 1 <= len(held) <= width
        assert held == list(range(held[0], held[-1] + 1))
        assert window == window.strip()


@given(_tokenized(least=42), _widths)
def test_every_token_is_covered(tokenized: Tokenized, width: int) -> None:
    """From the first token to the last, each lies in some window."""
    held = [_held(window) for window in windows(tokenized.text, tokenized.offsets, width)]
    assert {token for run in held for token in run} == set(range(len(tokenized.offsets)))


@given(_tokenized(least=42), _widths)
def test_windows_come_in_the_order_of_the_text(tokenized: Tokenized, width: int) -> None:
    """Each window begins after the one before it begins and ends after that one ends, so none is idle."""
    held = [_held(window) for window in windows(tokenized.text, tokenized.offsets, width)]
    for before, after in itertools.pairwise(held):
        assert before[0] < after[0]
        assert before[-1] < after[-1]


@given(_tokenized(least=42), _widths)
def test_neighbours_share_an_eighth_of_a_window(tokenized: Tokenized, width: int) -> None:
    """At least width // 8 tokens of a window are in the next one, too."""
    held = [_held(window) for window in windows(tokenized.text, tokenized.offsets, width)]
    for before, after in itertools.pairwise(held):
        assert len(set(before) & set(after)) >= width // 8


@given(_tokenized(least=42), _widths)
def test_no_window_is_a_stub(tokenized: Tokenized, width: int) -> None:
    """Every window is at least three quarters full, and the last one is full unless it begins where a word does."""
    *others, last = [_held(window) for window in windows(tokenized.text, tokenized.offsets, width)]
    assert all(len(run) > width - max(width // 4, 1) for run in others)
    assert len(last) >= width - width // 4
    assert len(last) == width or tokenized.starts_word[last[0]]


@given(_tokenized(least=42), st.integers(8, 40))
def test_a_window_ends_where_a_word_does_if_one_does_nearby(tokenized: Tokenized, width: int) -> None:
    """Every window but the last ends before a word's start, unless the last quarter of the window has none."""
    cut = windows(tokenized.text, tokenized.offsets, width)
    for window in cut[:-1]:
        held = _held(window)
        after = held[-1] + 1
        room = range(held[0] + width - width // 4 + 1, held[0] + width + 1)
        assert tokenized.starts_word[after] or not any(tokenized.starts_word[token] for token in room)
        assert all(not tokenized.starts_word[token] for token in range(after + 1, held[0] + width + 1))


@pytest.mark.parametrize(
    ("count", "width", "expected"),
    [
        (0, 4, [""]),
        (4, 4, ["t0 t1 t2 t3"]),
        (5, 4, ["t0 t1 t2 t3", "t1 t2 t3 t4"]),
        (12, 8, ["t0 t1 t2 t3 t4 t5 t6 t7", "t4 t5 t6 t7 t8 t9 t10 t11"]),
        (3, 1, ["t0", "t1", "t2"]),
        (20, 8, ["t0 t1 t2 t3 t4 t5 t6 t7", "t7 t8 t9 t10 t11 t12 t13 t14", "t12 t13 t14 t15 t16 t17 t18 t19"]),
    ],
)
def test_words_are_cut_like_this(count: int, width: int, expected: list[str]) -> None:
    """Where every token is a word, windows are full, share an eighth, and the last one reaches back."""
    text = " ".join(f"t{number}" for number in range(count))
    offsets = [match.span() for match in re.finditer(r"\w+", text)]
    assert windows(text, offsets, width) == expected
