"""Vectors of two spaces are never mixed: every way in which they could be is a named error with its cure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from am_agent.draft import Vectors, unit_vectors
from am_agent.embedders import DEFAULT_MODEL, DeterministicEmbedder
from am_agent.encoding import Encoder
from am_agent.errors import DimensionMismatch, EmbedderMismatch, InvalidVector
from am_agent.store.space import FOREIGN, Space


class Renamed(DeterministicEmbedder):
    """The toy under another name."""

    @property
    def name(self) -> str:
        return "tests/renamed"


class Retrained(DeterministicEmbedder):
    """The toy with the same name and other vectors."""

    @property
    def fingerprint(self) -> str:
        return "retrained"


class Counting(DeterministicEmbedder):
    """The toy, which remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        self.asked.append(list(texts))
        return super().documents(texts)


class Faulty(DeterministicEmbedder):
    """The toy with rows that are not what its dimension says, or no numbers at all."""

    def __init__(self, row: list[float]) -> None:
        super().__init__()
        self.row = row

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        return [np.array([self.row], dtype=np.float32) for _ in texts]


class Unloadable(DeterministicEmbedder):
    """The toy as a model that is expensive to load: all but its name is out of bounds."""

    def documents(self, texts: Sequence[str]) -> list[Vectors]:
        raise AssertionError("the model was loaded")

    @property
    def dimension(self) -> int:
        raise AssertionError("the model was loaded")

    @property
    def fingerprint(self) -> str:
        raise AssertionError("the model was loaded")


def _space(embedder: DeterministicEmbedder) -> Space:
    return Space(embedder.name, embedder.dimension, embedder.fingerprint)


TOY = _space(DeterministicEmbedder())
GIVEN = Space(FOREIGN, 3, "")


# ---------------------------------------------------------------------------------------------------- opening a file


@pytest.mark.parametrize("found", [None, TOY, Space(TOY.name, 7, "another fingerprint")])
def test_a_file_of_the_same_name_is_opened_without_loading_the_model(found: Space | None) -> None:
    """At opening only names are compared, and a file without vectors belongs to nobody yet."""
    Encoder(Unloadable()).check_name(found)


def test_a_file_of_another_embedder_is_an_embedder_mismatch() -> None:
    """The error names both embedders and says how to change over."""
    message = (
        r"^the file was made with the embedder 'am_agent/deterministic-64', not with 'tests/renamed', "
        r"and their vectors cannot be compared\. Open it with the first, "
        r"or move it to the second with: am reembed$"
    )
    with pytest.raises(EmbedderMismatch, match=message):
        Encoder(Renamed()).check_name(TOY)


def test_another_dimension_is_another_embedder() -> None:
    """The toy's name says its dimension, so the mismatch is found at opening."""
    with pytest.raises(EmbedderMismatch, match=r"made with the embedder 'am_agent/deterministic-64', not with .*-128'"):
        Encoder(DeterministicEmbedder(128)).check_name(TOY)


def test_the_default_embedder_gives_way_to_vectors_of_the_callers() -> None:
    """A file of given vectors opens without naming an embedder, and not with one that was named."""
    Encoder(None).check_name(GIVEN)
    with pytest.raises(EmbedderMismatch, match=f"made with the embedder '{FOREIGN}', not with '{TOY.name}'"):
        Encoder(DeterministicEmbedder()).check_name(GIVEN)


def test_the_default_embedder_is_the_packaged_model() -> None:
    """Where none is given, files of that model open and others do not."""
    Encoder(None).check_name(Space(DEFAULT_MODEL, 384, "sha256:0"))
    with pytest.raises(EmbedderMismatch, match=f"not with '{DEFAULT_MODEL}'"):
        Encoder(None).check_name(TOY)


# ----------------------------------------------------------------------------------------------------------- embedding


@pytest.mark.parametrize("found", [None, TOY])
def test_each_text_is_embedded_once(found: Space | None) -> None:
    """Repeated texts are asked for once, in their order, and every text has its rows."""
    embedder = Counting()
    rows = Encoder(embedder).documents(iter(["b", "a", "b", "a a"]), found)
    assert embedder.asked == [["b", "a", "a a"]]
    assert list(rows) == ["b", "a", "a a"]
    for text, each in rows.items():
        np.testing.assert_allclose(each, DeterministicEmbedder().documents([text])[0], atol=1e-6)


def test_no_texts_need_no_embedder() -> None:
    """With nothing to embed, no model is loaded and no space is compared."""
    assert Encoder(Unloadable()).documents([], GIVEN) == {}


def test_a_cue_has_a_row_for_each_of_its_windows() -> None:
    """A long cue is not cut off."""
    cue = " ".join(f"word{number}" for number in range(100))
    rows = Encoder(DeterministicEmbedder()).cue(cue, TOY)
    assert rows.shape == (2, 64)
    np.testing.assert_allclose(rows, DeterministicEmbedder().queries([cue])[0], atol=1e-6)


def test_a_changed_fingerprint_is_an_embedder_mismatch() -> None:
    """The same name with other weights is noticed before the first text is embedded, with both fingerprints."""
    message = (
        r"^the embedder 'am_agent/deterministic-64' has changed since the file was made: its vectors had 64 dimensions "
        r"and the fingerprint blake2b-signs-1:64:64, now 64 and retrained\. Bring the old one back, or .* am reembed$"
    )
    with pytest.raises(EmbedderMismatch, match=message):
        Encoder(Retrained()).documents(["x"], TOY)
    with pytest.raises(EmbedderMismatch, match=message):
        Encoder(Retrained()).cue("x", TOY)


def test_a_renamed_embedder_embeds_nothing_for_the_file() -> None:
    """Names are compared again before embedding, so that no vector of another space is ever made for a file."""
    with pytest.raises(EmbedderMismatch, match="not with 'tests/renamed'"):
        Encoder(Renamed()).documents(["x"], TOY)
    with pytest.raises(EmbedderMismatch, match="not with 'tests/renamed'"):
        Encoder(Renamed()).cue("x", TOY)


@pytest.mark.parametrize("embedder", [None, Unloadable()])
def test_a_text_cannot_be_compared_with_given_vectors(embedder: DeterministicEmbedder | None) -> None:
    """In a file of the caller's vectors, a text without one is an error that says to give it, and loads no model."""
    message = (
        r"^this memory holds vectors of dimension 3 that its caller gave, .*; give vector=\.\.\., too, or .*reembed"
    )
    with pytest.raises(EmbedderMismatch, match=message):
        Encoder(embedder).documents(["x"], GIVEN)
    with pytest.raises(EmbedderMismatch, match=message):
        Encoder(embedder).cue("x", GIVEN)


def test_spaces_are_compared_before_a_text_is_embedded() -> None:
    """A file of another embedder is noticed without embedding anything for it, whether text or cue."""
    embedder = Counting()
    for found in (GIVEN, Space(TOY.name, 64, "another fingerprint"), Space("another", 64, "")):
        with pytest.raises(EmbedderMismatch):
            Encoder(embedder).documents(["x"], found)
        with pytest.raises(EmbedderMismatch):
            Encoder(embedder).cue("x", found)
    assert embedder.asked == []


def test_an_embedder_that_contradicts_its_dimension_is_a_dimension_mismatch() -> None:
    """Rows of another dimension than the embedder states are not taken."""
    with pytest.raises(DimensionMismatch, match="the vector has 2 dimensions and the memory's have 64"):
        Encoder(Faulty([0.6, 0.8])).documents(["x"], None)


@pytest.mark.parametrize(("filling", "message"), [(float("nan"), "NaN or infinity in 64 of 64"), (0.0, "all zero")])
def test_an_embedder_that_gives_no_directions_is_an_invalid_vector(filling: float, message: str) -> None:
    """NaN and zero vectors are stopped here, whoever made them."""
    with pytest.raises(InvalidVector, match=message):
        Encoder(Faulty([filling] * 64)).documents(["x"], None)


def test_rows_are_made_unit() -> None:
    """An embedder that forgets to normalise does no harm."""
    rows = Encoder(Faulty([2.0] * 64)).documents(["x"], None)
    np.testing.assert_allclose(rows["x"], np.full((1, 64), 0.125), atol=1e-7)


# --------------------------------------------------------------------------------------------------------------- spaces


def _rows(dimension: int) -> Vectors:
    return unit_vectors(np.ones(dimension))


def test_the_first_vectors_decide_the_space() -> None:
    """A new file takes the embedder's space, or a space of its own when the caller gives every vector and no model."""
    assert Encoder(DeterministicEmbedder()).space(None, [], embedded=True) == TOY
    assert Encoder(DeterministicEmbedder()).space(None, [], embedded=False) == TOY
    assert Encoder(DeterministicEmbedder()).space(None, [_rows(64)], embedded=False) == TOY
    assert Encoder(None).space(None, [_rows(3)], embedded=False) == GIVEN


def test_given_vectors_may_join_any_space_of_their_dimension() -> None:
    """The caller vouches for them; the space stays what it was, and no model is loaded."""
    assert Encoder(Unloadable()).space(TOY, [_rows(64)], embedded=False) == TOY
    assert Encoder(None).space(GIVEN, [_rows(3), _rows(3)], embedded=False) == GIVEN
    assert Encoder(DeterministicEmbedder()).space(TOY, [_rows(64)], embedded=True) == TOY


@pytest.mark.parametrize(
    ("embedder", "found", "given_", "embedded", "message"),
    [
        (DeterministicEmbedder(), TOY, [_rows(3)], False, "has 3 dimensions, and those of this memory .* have 64;"),
        (DeterministicEmbedder(), None, [_rows(3)], False, "has 3 dimensions, and those of this memory .* have 64;"),
        (DeterministicEmbedder(), None, [_rows(64), _rows(3)], True, "has 3 dimensions, and those of this memory"),
        (None, GIVEN, [_rows(4)], False, rf"has 4 dimensions, and those of this memory \({FOREIGN}\) have 3; use the"),
        (None, None, [_rows(3), _rows(4)], False, rf"has 4 dimensions, and those of this memory \({FOREIGN}\) have 3"),
    ],
)
def test_a_given_vector_of_another_dimension_is_a_dimension_mismatch(
    embedder: DeterministicEmbedder | None, found: Space | None, given_: list[Vectors], embedded: bool, message: str
) -> None:
    """Against the file's space, the embedder's, or its own neighbours, the error says both dimensions and whose."""
    with pytest.raises(DimensionMismatch, match=message):
        Encoder(embedder).space(found, given_, embedded=embedded)


@pytest.mark.parametrize(
    ("embedder", "found", "message"),
    [
        (Renamed(), TOY, "not with 'tests/renamed'"),
        (Retrained(), TOY, "has changed since the file was made"),
        (DeterministicEmbedder(), GIVEN, r"give vector=\.\.\., too"),
    ],
)
def test_embedded_texts_do_not_join_another_space(embedder: DeterministicEmbedder, found: Space, message: str) -> None:
    """A batch with vectors of the embedder's goes into a file of the same embedder's only."""
    with pytest.raises(EmbedderMismatch, match=message):
        Encoder(embedder).space(found, [], embedded=True)


@pytest.mark.parametrize(
    ("embedder", "origin", "found", "accepted"),
    [
        (DeterministicEmbedder(), TOY, TOY, True),
        (DeterministicEmbedder(), TOY, None, True),
        (DeterministicEmbedder(), _space(Retrained()), TOY, False),
        (DeterministicEmbedder(), _space(Retrained()), None, False),
        (DeterministicEmbedder(), _space(Renamed()), None, False),
        (DeterministicEmbedder(), GIVEN, TOY, False),
        (DeterministicEmbedder(), GIVEN, None, False),
        (None, GIVEN, None, True),
        (None, GIVEN, GIVEN, True),
        (None, Space(FOREIGN, 4, ""), GIVEN, False),
        (None, TOY, None, False),
        (None, TOY, GIVEN, False),
    ],
)
def test_an_export_brings_its_vectors_only_into_the_same_space(
    embedder: DeterministicEmbedder | None, origin: Space, found: Space | None, accepted: bool
) -> None:
    """Vectors are taken as they are where name, dimension and fingerprint agree, and otherwise made anew."""
    assert Encoder(embedder).accepts(origin, found) is accepted
