"""Recent vectors: each text is made once, within bounds, from several threads, and no text is kept."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent import DeterministicEmbedder, Memory
from am_agent.draft import Vectors
from am_agent.embedders import DEFAULT_MODEL
from am_agent.encoding import Encoder
from am_agent.recent import ROOM, Recent

TOY = DeterministicEmbedder(dimension=8, width=4)


class Maker:
    """Makes vectors, and remembers for what."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[Vectors]:
        self.made += texts
        return TOY.documents(texts)


class Packaged(DeterministicEmbedder):
    """The toy under the name of the packaged model, which remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    @property
    def name(self) -> str:
        return DEFAULT_MODEL

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        self.asked += texts
        return super().documents(texts)


_texts = st.text("ab ", min_size=1, max_size=12)


@given(st.lists(st.lists(_texts, max_size=6), max_size=12), st.integers(0, 12))
def test_whatever_is_kept_the_vectors_are_those_that_would_be_made(calls: list[list[str]], room: int) -> None:
    """In the order of the texts, repeated or not, and never more than there is room for."""
    recent, maker = Recent(room), Maker()
    for texts in calls:
        for own, made in zip(recent.vectors(texts, maker), TOY.documents(texts) if texts else [], strict=True):
            np.testing.assert_array_equal(own, made)
        assert len(recent) <= room


def test_each_text_is_made_once() -> None:
    """Within a call and across calls; only what is missing is made."""
    recent, maker = Recent(), Maker()
    recent.vectors(["a", "b", "a"], maker)
    recent.vectors(["b", "c"], maker)
    recent.vectors(["c", "a"], maker)
    assert maker.made == ["a", "b", "c"]


def test_the_ones_not_asked_for_the_longest_go_first() -> None:
    """And a text of many windows takes the room of many."""
    recent, maker = Recent(3), Maker()
    for text in ("a", "b", "c", "a", "d"):
        recent.vectors([text], maker)
    recent.vectors(["a", "c", "d"], maker)
    assert maker.made == ["a", "b", "c", "d"]
    recent.vectors(["one two three four five"], maker)  # two windows
    assert len(recent) == 3
    recent.vectors(["a b c d e f g h i j k l m n o p q"], maker)  # more than there is room for
    assert len(recent) == 0


def test_there_is_room_for_4096() -> None:
    """As many as the documentation says."""
    recent = Recent()
    recent.vectors([str(number) for number in range(ROOM + 7)], Maker())
    assert len(recent) == ROOM == 4096


def test_what_is_handed_out_cannot_be_written_to() -> None:
    """A caller that does would change what the next one gets."""
    (rows,) = Recent().vectors(["a"], Maker())
    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0] = 1


def test_no_text_is_kept() -> None:
    """Nothing that hangs on it is the text, or holds it."""
    recent = Recent()
    recent.vectors(["the secret is Rumpelstiltskin"], Maker())
    held, seen = [recent], []
    while held:
        each = held.pop()
        if not isinstance(each, type) and id(each) not in map(id, seen):
            seen.append(each)
            held += [one for one in gc.get_referents(each) if isinstance(one, str | bytes | dict | list | tuple)]
    assert any(isinstance(each, bytes) for each in seen)
    assert not any("Rumpelstiltskin" in repr(each) for each in seen)


def test_it_is_safe_from_several_threads() -> None:
    """Threads that ask for overlapping texts in little room get what each text is given."""
    recent, texts = Recent(5), [f"text {number}" for number in range(12)]
    expected = dict(zip(texts, TOY.documents(texts), strict=True))
    with ThreadPoolExecutor(8) as pool:
        calls = [[texts[(first + step) % 12] for step in range(4)] for first in range(12)] * 40
        for call, found in zip(calls, pool.map(lambda call: recent.vectors(call, TOY.documents), calls), strict=True):
            for text, rows in zip(call, found, strict=True):
                np.testing.assert_array_equal(rows, expected[text])
    assert len(recent) <= 5


# ------------------------------------------------------------ in a memory


def test_a_text_that_is_remembered_and_recalled_is_embedded_once() -> None:
    """By the packaged model, which reads a text that asks as it reads one that tells."""
    embedder = Packaged()
    with Memory(embedder=embedder) as memory:
        memory.recall("Rex is a dog")  # of an empty memory: nothing is embedded
        memory.remember("Rex is a dog")
        assert memory.recall("Rex is a dog")[0].similarity == pytest.approx(1)
        memory.remember("Rex is a dog", namespace=("elsewhere",))
    assert sorted(embedder.asked) == ["Rex dog", "Rex is a dog"]  # the first is a reading of the cue


def test_what_is_forgotten_or_expired_is_made_anew() -> None:
    """No vector of a text outlives it here."""
    embedder = Packaged()
    with Memory(embedder=embedder) as memory:
        memory.remember("Rex is a dog", id="rex")
        memory.forget(ids=["rex"])
        memory.remember("Rex is a dog", ttl=timedelta(microseconds=1))
        memory.remember("Tom is a cat")  # the first write after it expired
        memory.remember("Rex is a dog", namespace=("elsewhere",))
    assert embedder.asked.count("Rex is a dog") == 3


def test_another_embedder_begins_anew() -> None:
    """After a change of the embedder, no vector of the one before is found."""
    first, second = Packaged(), Packaged()
    encoder = Encoder(first)
    encoder.documents(["a"], None)
    encoder.replace(second)
    encoder.documents(["a"], None)
    assert (first.asked, second.asked) == (["a"], ["a"])
    encoder.replace(TOY)
    assert encoder.documents(["a"], None)["a"].shape == (1, 8)
