"""The embedder of hashed words keeps the contract, and the contract catches embedders that do not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np
import pytest

from am_agent.embedders import DeterministicEmbedder, Embedder
from am_agent.embedders.protocol import Vectors
from am_agent.testing import EmbedderContract


class TestDeterministicEmbedder(EmbedderContract):
    """The toy under the whole contract."""

    @pytest.fixture
    def embedder(self, toy: DeterministicEmbedder) -> Embedder:
        return toy

    @pytest.fixture
    def another(self) -> Embedder:
        return DeterministicEmbedder()


class TestOtherArguments(EmbedderContract):
    """The toy with long vectors, made of several digests, and narrow windows."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        return DeterministicEmbedder(dimension=1100, width=9)

    @pytest.fixture
    def another(self) -> Embedder:
        return DeterministicEmbedder(dimension=1100, width=9)


# ------------------------------------------------------------ what the toy promises


def test_texts_resemble_each_other_by_the_words_they_share() -> None:
    """The cosine is about the share of common words, whatever their case, order and punctuation."""
    embedder = DeterministicEmbedder(dimension=4096)
    one, same, half, other = np.concatenate(
        embedder.documents(
            ["The quick brown fox", "fox, BROWN: the quick!", "the quick red hare", "a slow green turtle"]
        )
    )
    assert one @ same == pytest.approx(1.0, abs=1e-6)
    assert one @ half == pytest.approx(0.5, abs=0.06)
    assert one @ other == pytest.approx(0.0, abs=0.06)


def test_documents_and_queries_are_embedded_alike(toy: DeterministicEmbedder) -> None:
    """A text asks with the vector that it is remembered by."""
    np.testing.assert_array_equal(toy.documents(["Rex is a dog"])[0], toy.queries(["Rex is a dog"])[0])


def test_vectors_are_the_same_on_every_machine() -> None:
    """The signs are those of the published algorithm, BLAKE2b of the word, most significant bit first."""
    (rows,) = DeterministicEmbedder(dimension=8).documents(["rex"])
    np.testing.assert_array_equal(np.sign(rows), [[-1, 1, 1, 1, 1, 1, -1, -1]])  # b2b("rex") begins with 0x7c


def test_words_that_cancel_still_give_a_unit_vector() -> None:
    """In one dimension half of all pairs of words cancel, and no vector may be zero for it."""
    embedder = DeterministicEmbedder(dimension=1)
    rows = np.concatenate(embedder.documents([f"word{number} other" for number in range(50)]))
    np.testing.assert_array_equal(np.abs(rows), np.ones((50, 1), dtype=np.float32))


def test_every_argument_shows_in_the_fingerprint() -> None:
    """Another dimension or another width is another fingerprint, and another dimension is another name."""
    made = [DeterministicEmbedder(), DeterministicEmbedder(128), DeterministicEmbedder(width=32)]
    assert len({embedder.fingerprint for embedder in made}) == 3
    assert [embedder.name for embedder in made] == [
        "am_agent/deterministic-64",
        "am_agent/deterministic-128",
        "am_agent/deterministic-64",
    ]


# ------------------------------------------------------------ what the contract catches


class _Broken(DeterministicEmbedder):
    """An embedder with one fault, which is a function of the embedder, the texts and the right rows."""

    def __init__(self, fault: Callable[[_Broken, Sequence[str], list[Vectors]], Any]) -> None:
        super().__init__()
        self.fault = fault
        self.shared: Sequence[str] = ()

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        return self.fault(self, texts, super().documents(texts))

    def right(self, texts: Sequence[str]) -> list[Vectors]:
        return super().documents(texts)


def _racing(broken: _Broken, texts: Sequence[str], rows: list[Vectors]) -> list[Vectors]:
    broken.shared = texts
    time.sleep(0.001)
    return broken.right(broken.shared)[: len(texts)]


_FAULTS: dict[str, tuple[Callable[..., Any], str]] = {
    "it gives rows that are not unit": (
        lambda broken, texts, rows: [each * 1.01 for each in rows],
        "test_it_gives_one_array_of_unit_rows_per_text",
    ),
    "it gives float64": (
        lambda broken, texts, rows: [each.astype(np.float64) for each in rows],
        "test_it_gives_one_array_of_unit_rows_per_text",
    ),
    "it gives a vector instead of rows": (
        lambda broken, texts, rows: [each[0] for each in rows],
        "test_it_gives_one_array_of_unit_rows_per_text",
    ),
    "it gives no rows": (
        lambda broken, texts, rows: [each[:0] for each in rows],
        "test_it_gives_one_array_of_unit_rows_per_text",
    ),
    "it gives lists": (
        lambda broken, texts, rows: [each.tolist() for each in rows],
        "test_it_gives_one_array_of_unit_rows_per_text",
    ),
    "it gives another dimension": (
        lambda broken, texts, rows: [
            each[:, :32] / np.linalg.norm(each[:, :32], axis=1, keepdims=True) for each in rows
        ],
        "test_it_gives_one_array_of_unit_rows_per_text",
    ),
    "it loses a text": (
        lambda broken, texts, rows: rows[:-1],
        "test_it_gives_one_array_of_unit_rows_per_text",
    ),
    "it gives something for no texts": (
        lambda broken, texts, rows: rows or [np.zeros((1, 64), dtype=np.float32)],
        "test_no_texts_give_no_arrays",
    ),
    "it sorts the texts": (
        lambda broken, texts, rows: broken.right(sorted(texts)),
        "test_a_text_gives_the_same_rows_in_any_company",
    ),
    "it lets the batch show": (
        lambda broken, texts, rows: [np.roll(each, len(texts), axis=1) for each in rows],
        "test_a_text_gives_the_same_rows_in_any_company",
    ),
    "it knows one point only": (
        lambda broken, texts, rows: broken.right(["x"] * len(texts)),
        "test_different_texts_have_different_vectors",
    ),
    "it cuts long texts off": (
        lambda broken, texts, rows: [each[:1] for each in rows],
        "test_a_long_text_becomes_several_windows",
    ),
    "it gives an equal row for each window": (
        lambda broken, texts, rows: [np.repeat(each.mean(axis=0, keepdims=True), 2, axis=0) for each in rows],
        "test_a_long_text_becomes_several_windows",
    ),
    "it drops the last window": (
        lambda broken, texts, rows: [each[:-1] if len(each) > 1 else each for each in rows],
        "test_every_part_of_a_long_text_can_be_found",
    ),
    "it drops a window in the middle": (
        lambda broken, texts, rows: [np.delete(each, slice(12, 16), axis=0) for each in rows],
        "test_every_part_of_a_long_text_can_be_found",
    ),
    "it shares its state between threads": (_racing, "test_it_is_safe_from_several_threads"),
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_the_contract_catches_an_embedder_when(fault: str) -> None:
    """An embedder with one fault fails the test that is about it."""
    break_, name = _FAULTS[fault]
    with pytest.raises(AssertionError):
        _hold_to_contract(_Broken(break_), name)


@pytest.mark.parametrize("name", sorted({name for _, name in _FAULTS.values()}))
def test_the_contract_lets_a_sound_embedder_pass(name: str) -> None:
    """The same embedder without a fault passes each of these tests."""
    _hold_to_contract(_Broken(lambda broken, texts, rows: rows), name)


def _hold_to_contract(embedder: Embedder, name: str) -> None:
    """Call one test of the contract as pytest does, for documents, with all its places."""
    test = getattr(EmbedderContract(), name)
    long_text = " ".join(f"number {number} of a long list;" for number in range(280))
    known = {"embedder": embedder, "another": embedder, "long_text": long_text, "method": "documents"}
    wanted = {argument: known[argument] for argument in signature(test).parameters if argument in known}
    for place in (0.0, 0.5, 1.0) if "place" in signature(test).parameters else (None,):
        test(**wanted, **({} if place is None else {"place": place}))


def test_the_contract_is_about_the_users_own_embedder() -> None:
    """Whoever forgets to override the fixture is told so."""
    with pytest.raises(NotImplementedError, match="override the fixture 'embedder' in EmbedderContract"):
        EmbedderContract.embedder.__wrapped__(EmbedderContract())  # type: ignore[attr-defined]


def test_without_pytest_the_contract_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library runs without pytest; only its contract suites need it."""
    monkeypatch.delitem(sys.modules, "am_agent.testing.embedders")
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(ImportError, match=r"^am_agent\.testing needs pytest\. Install it with: pip install pytest$"):
        import_module("am_agent.testing.embedders")
