"""What an embedder promises, as a suite. Knows the protocol and pytest, and no implementation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from am_agent.embedders.protocol import Embedder, Vectors

try:
    import pytest
except ImportError as error:
    raise ImportError("am_agent.testing needs pytest. Install it with: pip install pytest") from error

_TOLERANCE = 1e-5

_SHORT = (
    "Ana's dog is called Rex.",
    "The invoice of March is still unpaid.",
    "Rex",
    "Two trains leave the station at noon, one to the north and one to the south; neither arrives on time.",
    "Nobody has watered the tomatoes since Sunday.",
)

_UNICODE = (
    "Grüße aus Köln, señor!",
    "これは日本語の文章です。",
    "Привет, как дела?",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "안녕하세요 세계",
    "e\u0301 is é in two characters",
    "👩‍👩‍👧 and 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "🙂",
    "?!",
    "one line\nand another\twith a tab",
    "a zero\u200bwidth space, a soft\u00adhyphen, a no-break\u00a0space",
)

_FILLER = (
    "The committee met on Tuesday and talked about the budget for the coming year.",
    "Heavy rain is expected along the coast, with strong winds in the evening.",
    "She opened the shop at eight, swept the floor and put fresh bread in the window.",
    "Prices of wheat rose again, while those of coffee and sugar stayed where they were.",
    "The second lecture explains how glaciers move and what they leave behind.",
    "After dinner the children played cards until their grandfather fell asleep.",
    "Our bus was late, so we walked along the river and crossed at the old mill.",
)

_UNIQUE = "Photons tunnelled backwards through frozen helium crystals."

_each_method = pytest.mark.parametrize("method", ["documents", "queries"])


class EmbedderContract:
    """What an `Embedder` promises, as tests: inherit it in a class Test... and override the fixture `embedder`.

    Override `another`, too, with a second instance made with the same arguments, and the suite compares the two. Where
    an encoder reads more than some 1,100 words in one window, override `long_text` with a text that is longer.

    Example:
        >>> from am_agent.embedders import DeterministicEmbedder
        >>> class TestMyEmbedder(EmbedderContract):
        ...     @pytest.fixture
        ...     def embedder(self) -> Embedder:
        ...         return DeterministicEmbedder()
    """

    @pytest.fixture
    def embedder(self) -> Embedder:
        """The embedder under test; an expensive one may come from a fixture of a wider scope."""
        raise NotImplementedError(f"override the fixture 'embedder' in {type(self).__name__}")

    @pytest.fixture
    def another(self, embedder: Embedder) -> Embedder:
        """A second instance of the same embedder; the same one again, unless this is overridden."""
        return embedder

    @pytest.fixture
    def long_text(self) -> str:
        """A text that is longer than the encoder's window."""
        return " ".join(_FILLER[place % len(_FILLER)] for place in range(84))

    def test_it_satisfies_the_protocol(self, embedder: Embedder) -> None:
        """It has every property and method of the protocol."""
        assert isinstance(embedder, Embedder), f"{type(embedder).__name__} lacks a property or a method of Embedder"

    def test_its_identity_says_something(self, embedder: Embedder) -> None:
        """Name and fingerprint are non-empty strings, and the dimension is a positive whole number."""
        assert isinstance(embedder.name, str)
        assert embedder.name.strip(), "the name is blank"
        assert isinstance(embedder.fingerprint, str)
        assert embedder.fingerprint.strip(), "the fingerprint is blank"
        assert isinstance(embedder.dimension, int)
        assert embedder.dimension > 0, f"the dimension is {embedder.dimension}"

    def test_its_identity_is_stable(self, embedder: Embedder, another: Embedder) -> None:
        """A second instance has the same name, dimension and fingerprint, and gives the same vectors."""
        before = (embedder.name, embedder.dimension, embedder.fingerprint)
        for left, right in zip(embedder.documents(_SHORT), another.documents(_SHORT), strict=True):
            _assert_same(left, right, "two instances give the same text different rows")
        assert (another.name, another.dimension, another.fingerprint) == before
        assert (embedder.name, embedder.dimension, embedder.fingerprint) == before

    @_each_method
    def test_it_gives_one_array_of_unit_rows_per_text(self, embedder: Embedder, method: str, long_text: str) -> None:
        """Each text becomes a float32 array [windows, dimension] with at least one row, each of length one."""
        texts = [*_SHORT, long_text]
        arrays = _embed(embedder, method)(texts)
        assert len(arrays) == len(texts), f"{len(arrays)} arrays for {len(texts)} texts"
        for text, rows in zip(texts, arrays, strict=True):
            _assert_unit_rows(rows, embedder.dimension, text)

    @_each_method
    def test_no_texts_give_no_arrays(self, embedder: Embedder, method: str) -> None:
        """An empty list of texts gives an empty list."""
        arrays = _embed(embedder, method)([])
        assert len(arrays) == 0, f"{len(arrays)} arrays for no text"

    @_each_method
    def test_a_text_gives_the_same_rows_in_any_company(self, embedder: Embedder, method: str, long_text: str) -> None:
        """Alone, in a batch, and in the batch reversed, a text gives the same rows, in the order of the texts."""
        embed = _embed(embedder, method)
        texts = [*_SHORT[:2], long_text, *_SHORT[2:], _SHORT[0]]
        together, reversed_ = embed(texts), embed(texts[::-1])[::-1]
        for text, in_batch, in_reverse in zip(texts, together, reversed_, strict=True):
            (alone,) = embed([text])
            _assert_same(alone, in_batch, f"{text[:40]!r} has other rows in a batch than alone")
            _assert_same(alone, in_reverse, f"{text[:40]!r} has other rows in the batch reversed than alone")

    @_each_method
    def test_different_texts_have_different_vectors(self, embedder: Embedder, method: str) -> None:
        """Texts that share nothing do not end up in one point."""
        firsts = np.stack([rows[0] for rows in _embed(embedder, method)(_SHORT)])
        cosines = firsts @ firsts.T
        closest = float((cosines - 2 * np.eye(len(_SHORT))).max())
        assert closest < 1 - 1e-3, f"two different texts have the cosine {closest}"

    def test_a_long_text_becomes_several_windows(self, embedder: Embedder, long_text: str) -> None:
        """A text that is longer than the encoder's window has more than one row, and a short one has one."""
        short, long = embedder.documents([_SHORT[0], long_text])
        assert len(short) == 1, f"a text of five words has {len(short)} windows"
        assert len(long) > 1, f"a text of {len(long_text.split())} words has {len(long)} window"

    @pytest.mark.parametrize("place", [0.0, 0.31, 0.5, 0.77, 1.0])
    def test_every_part_of_a_long_text_can_be_found(self, embedder: Embedder, long_text: str, place: float) -> None:
        """A sentence said once, anywhere in a long text, is matched by a window of that text; nothing is cut off."""
        words = long_text.split()
        at = round(place * len(words))
        told = " ".join([*words[:at], _UNIQUE, *words[at:]])
        (cue,) = embedder.queries([_UNIQUE])
        without, with_it = (float((rows @ cue.T).max()) for rows in embedder.documents([long_text, told]))
        assert with_it > without + 0.01, (
            f"a sentence after {at} of {len(words)} words is matched with {with_it:.4f}, and with {without:.4f} when "
            "it was never said"
        )

    @_each_method
    def test_unicode_is_text_like_any_other(self, embedder: Embedder, method: str) -> None:
        """Every script, combining characters, emoji and bare punctuation give unit rows, the same alone as together."""
        embed = _embed(embedder, method)
        for text, in_batch in zip(_UNICODE, embed(_UNICODE), strict=True):
            _assert_unit_rows(in_batch, embedder.dimension, text)
            (alone,) = embed([text])
            _assert_same(alone, in_batch, f"{text!r} has other rows in a batch than alone")

    @_each_method
    def test_it_is_safe_from_several_threads(self, embedder: Embedder, method: str, long_text: str) -> None:
        """Calls that run at the same time give the rows that they give one after the other."""
        embed = _embed(embedder, method)
        calls = [[_SHORT[(first + step) % len(_SHORT)] for step in range(3)] for first in range(len(_SHORT))] * 4
        calls[2::9] = [[long_text]] * len(calls[2::9])  # cut into windows, which may set up the tokenizer otherwise
        expected = [embed(call) for call in calls]
        with ThreadPoolExecutor(max_workers=8) as pool:
            for call, once, again in zip(calls, expected, pool.map(embed, calls), strict=True):
                for text, left, right in zip(call, once, again, strict=True):
                    _assert_same(left, right, f"{text[:40]!r} has other rows when other threads embed, too")


def _embed(embedder: Embedder, method: str) -> Callable[[Sequence[str]], list[Vectors]]:
    return embedder.queries if method == "queries" else embedder.documents


def _assert_unit_rows(rows: Vectors, dimension: int, text: str) -> None:
    assert isinstance(rows, np.ndarray), f"a {type(rows).__name__} for {text[:40]!r}, not an array"
    assert rows.dtype == np.float32, f"rows of {rows.dtype} for {text[:40]!r}, not of float32"
    assert rows.ndim == 2, f"an array of shape {rows.shape} for {text[:40]!r}, not [windows, dimension]"
    assert rows.shape[1] == dimension, f"rows of {rows.shape[1]} for {text[:40]!r}; the dimension is {dimension}"
    assert len(rows) > 0, f"no row for {text[:40]!r}"
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    worst = float(np.abs(lengths - 1).max())
    assert worst <= _TOLERANCE, f"a row for {text[:40]!r} has a length that differs from one by {worst}"


def _assert_same(left: Vectors, right: Vectors, problem: str) -> None:
    assert left.shape == right.shape, f"{problem}: shapes {left.shape} and {right.shape}"
    worst = float(np.abs(left - right).max())
    assert worst <= _TOLERANCE, f"{problem}: they differ by {worst}"
