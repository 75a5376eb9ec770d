"""Made-up vectors: the same for all, of length one, as alike as those of texts; sentences of one length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.material import DIMENSION, Clusters, read_rows, sentence, write_rows


@pytest.fixture(scope="module")
def clusters() -> Clusters:
    """The ones that are measured on."""
    return Clusters.of()


def test_a_row_is_the_same_whatever_is_drawn_beside_it(clusters: Clusters) -> None:
    """Across the border of a block, in a later draw, and in another object of the same seed."""
    rows = clusters.rows(8000, 400)
    np.testing.assert_array_equal(clusters.rows(8190, 4), rows[190:194])
    np.testing.assert_array_equal(Clusters.of().rows(8191, 1), rows[191:192])
    np.testing.assert_array_equal(np.concatenate(list(clusters.blocks(8000, 400))), rows)
    assert not np.array_equal(Clusters.of(1).rows(8191, 1), rows[191:192])
    assert clusters.rows(5, 0).shape == (0, DIMENSION)


def test_they_are_as_alike_as_texts_are(clusters: Clusters) -> None:
    """Length one; cosines with a mean of .11 and a deviation of .12, the best near .72, the tenth near .64."""
    rows, cues = clusters.rows(0, 10_000), clusters.cues(64)
    assert rows.dtype == cues.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(np.concatenate([rows, cues]), axis=1), 1, atol=1e-6)
    cosines = np.sort(cues @ rows.T, axis=1)
    assert cosines.mean() == pytest.approx(0.11, abs=0.02)
    assert cosines.std(axis=1).mean() == pytest.approx(0.12, abs=0.02)
    assert np.median(cosines[:, -1]) == pytest.approx(0.72, abs=0.04)
    assert np.median(cosines[:, -10]) == pytest.approx(0.64, abs=0.04)


def test_a_few_principal_directions_hold_most_of_the_variance(clusters: Clusters) -> None:
    """62 % in 64 of 384, and no coordinate has much more of it than another."""
    rows = clusters.rows(0, 5000)
    spectrum = np.linalg.eigvalsh(np.cov(rows.T))[::-1]
    assert spectrum[:64].sum() / spectrum.sum() == pytest.approx(0.62, abs=0.03)
    variances = rows.var(axis=0)
    assert variances.max() < 4 * variances.min()


def test_cues_are_not_among_the_rows(clusters: Clusters) -> None:
    """The nearest is near, and not the same."""
    assert (clusters.cues(64) @ clusters.rows(0, 10_000).T).max() < 0.99


def test_what_was_written_is_read(clusters: Clusters, tmp_path: Path) -> None:
    """Any stretch of it, and no more than there is."""
    path = tmp_path / "rows.f32"
    assert write_rows(clusters.blocks(0, 9000), path) == 9000
    assert path.stat().st_size == 9000 * DIMENSION * 4
    np.testing.assert_array_equal(read_rows(path, 8000, 500), clusters.rows(8000, 500))
    assert len(read_rows(path, 8990, 500)) == 10


def test_sentences_have_one_length_and_are_not_the_same() -> None:
    """15 words of five or six letters."""
    sentences = [sentence(number) for number in range(200)]
    assert {len(each) for each in sentences} == {89}
    assert {len(each.split()) for each in sentences} == {15}
    assert len(set(sentences)) == 200
