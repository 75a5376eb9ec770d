"""Scores of fields on one scale."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.hopfield.fusion import DEFAULT_WEIGHTS, FIELDS, attention, content_query, default_weights, deviation, norm
from am_agent.hopfield.metric import Moments, metric, scale

SEEDS = st.integers(0, 2**32)


def _store(seed: int, count: int, dimension: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Unit patterns that share some directions more than others, as those of an encoder do, and a cue like them."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count + 1, dimension)) * np.linspace(0.2, 2.0, dimension) + 0.5
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return rows[1:], rows[0].astype(np.float64)


@pytest.mark.parametrize("identity", [False, True])
@given(seed=SEEDS)
def test_content_has_the_deviation_of_one_over_a_large_set(identity: bool, seed: int) -> None:
    """But for the 20 patterns that are thought of beside them."""
    rows, cue = _store(seed, 5_000)
    moments = Moments.of(rows)
    query = content_query(cue, metric(moments), moments, identity=identity)
    assert scale(query, moments) == pytest.approx(1.0)
    assert np.std(rows.astype(np.float64) @ query) == pytest.approx(1.0, abs=0.01)


@given(seed=SEEDS, count=st.integers(0, 50))
def test_content_is_the_metric_readout_and_half_the_cosine(seed: int, count: int) -> None:
    """Each in standard deviations of its own; for a cue that asks for its own pattern, the readout alone."""
    rows, cue = _store(seed, count)
    moments = Moments.of(rows)
    own = metric(moments)
    readout, cosine = own @ cue, cue
    whole = content_query(cue, own, moments)
    mixture = readout / scale(readout, moments) + 0.5 * cosine / scale(cosine, moments)
    np.testing.assert_allclose(whole, mixture / scale(mixture, moments))
    alone = content_query(cue, own, moments, identity=True)
    np.testing.assert_allclose(alone, readout / scale(readout, moments))


def test_of_no_patterns_the_content_is_the_cosine() -> None:
    """In units of what cosines vary by."""
    cue, none = np.array([0.6, 0.8]), Moments.none(2)
    np.testing.assert_allclose(content_query(cue, metric(none), none), cue / 0.1)


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ((), 1.0),
        (("actor", "time", "links"), 1.0),
        (("content",), 3.0),
        (("words", "links"), 4.0),
        (("words", "content"), 5.0),
        (FIELDS, 5.0),
    ],
)
def test_graded_fields_share_a_norm(present: tuple[str, ...], expected: float) -> None:
    """Those of the cue; the fields that are all or nothing have none."""
    assert norm(np.array([3.0, 4.0, 9.0, 9.0, 9.0]), present) == expected


def test_weights_of_nothing_have_the_norm_of_one() -> None:
    assert norm(np.zeros(5), FIELDS) == 1.0


def test_every_field_has_a_default_weight() -> None:
    assert tuple(DEFAULT_WEIGHTS) == FIELDS
    assert default_weights().tolist() == list(DEFAULT_WEIGHTS.values())
    assert (default_weights() > 0).all()


@given(st.lists(st.floats(0, 50), max_size=60))
def test_a_deviation_is_that_of_the_scores_and_twenty_more(scores: list[float]) -> None:
    found = deviation(len(scores), math.fsum(scores), math.fsum(score**2 for score in scores))
    variance = float(np.var(scores)) if scores else 0.0
    assert found == pytest.approx(math.sqrt((len(scores) * variance + 20 * 0.25) / (len(scores) + 20)))


def test_the_deviation_of_many_scores_is_their_own() -> None:
    scores = np.random.default_rng(0).exponential(2.0, 100_000)
    assert deviation(len(scores), float(scores.sum()), float((scores**2).sum())) == pytest.approx(
        scores.std(), rel=1e-3
    )


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.floats(-1, 1), st.floats(0.1, 50))
def test_attention_is_a_softmax(familiarity: list[float], shift: float, beta: float) -> None:
    """It sums to 1, heeds the order, and does not see a shift."""
    cosines = np.array(familiarity)
    shares = attention(cosines, beta)
    assert shares.sum() == pytest.approx(1.0)
    assert shares == pytest.approx(np.exp(beta * cosines) / np.exp(beta * cosines).sum())
    assert shares == pytest.approx(attention(cosines + shift, beta), rel=1e-9)
    assert (np.diff(shares[np.argsort(cosines)]) >= 0).all()


def test_attention_to_one_part_is_whole() -> None:
    assert attention(np.array([-0.3])).tolist() == [1.0]
    assert attention(np.array([0.4, 0.4])).tolist() == [0.5, 0.5]
