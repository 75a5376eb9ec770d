"""Measures of telling apart, against pairs and thresholds counted by hand, and the laws they obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.discrimination import BINS, auroc, calibration_error, fpr95

# Few values, so that ties are common; their cubes and halves are exact.
Scores = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=40)
Probabilities = st.lists(st.integers(0, 60).map(lambda each: each / 60), min_size=1, max_size=40)


@given(Scores, Scores)
def test_auroc_counts_pairs_and_halves_ties(positive: list[float], negative: list[float]) -> None:
    """The share of pairs in the right order."""
    pairs = [(high > low) + 0.5 * (high == low) for high in positive for low in negative]
    assert auroc(positive, negative) == pytest.approx(np.mean(pairs))


@given(Scores, Scores)
def test_negated_scores_tell_the_reverse(positive: list[float], negative: list[float]) -> None:
    """So do the kinds when they change places."""
    known = auroc(positive, negative)
    assert known is not None
    assert auroc([-each for each in positive], [-each for each in negative]) == pytest.approx(1 - known)
    assert auroc(negative, positive) == pytest.approx(1 - known)


@given(Scores, Scores)
def test_only_the_order_counts(positive: list[float], negative: list[float]) -> None:
    """A rising function of the scores changes neither measure."""
    risen = [[each**3 + each / 2 + 7 for each in scores] for scores in (positive, negative)]
    assert auroc(*risen) == auroc(positive, negative)
    assert fpr95(*risen) == fpr95(positive, negative)


@given(Scores, Scores)
def test_fpr95_is_the_best_of_all_thresholds(positive: list[float], negative: list[float]) -> None:
    """Of those that accept 19 of 20 positive ones, whatever they tie with."""
    accepted = [
        sum(each >= threshold for each in negative) / len(negative)
        for threshold in {*positive, *negative}
        if 20 * sum(each >= threshold for each in positive) >= 19 * len(positive)
    ]
    assert fpr95(positive, negative) == pytest.approx(min(accepted))


def test_fpr95_by_hand() -> None:
    """The twentieth positive one may be missed, and the nineteenth sets the threshold."""
    positive = [*range(2, 21), 0]
    assert fpr95(positive, [1, 1, 1, 1]) == 0.0
    assert fpr95(positive, [1, 2, 3, 1]) == 0.5
    assert fpr95([*range(2, 20), 0, 0], [1, 1, 1, -1]) == 0.75


@given(st.floats(0, 1), st.integers(1, 30), st.integers(1, 30))
def test_a_constant_tells_nothing(value: float, positive: int, negative: int) -> None:
    """All ties: half right, all accepted, and a probability is off by its distance from one half."""
    scores = [value] * positive, [value] * negative
    assert auroc(*scores) == 0.5
    assert fpr95(*scores) == 1.0
    assert calibration_error(*scores) == pytest.approx(abs(value - 0.5))


@given(Probabilities, Probabilities)
def test_kinds_weigh_the_same_however_many_there_are(positive: list[float], negative: list[float]) -> None:
    """Repeating all of one kind changes no calibration error."""
    known = calibration_error(positive, negative)
    assert known is not None
    assert 0 <= known <= 1
    assert calibration_error(positive * 3, negative) == pytest.approx(known)
    assert calibration_error(positive, negative * 5) == pytest.approx(known)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=20))
def test_probabilities_that_are_shares_have_no_error(shares: list[int]) -> None:
    """Each p stands on p and on its mirror's side in proportion, so that half of all mass is positive."""
    positive, negative = [], []
    for share in shares:
        for each in (share, 60 - share):
            positive += [each / 60] * each
            negative += [each / 60] * (60 - each)
    assert calibration_error(positive, negative) == pytest.approx(0, abs=1e-12)


def test_the_calibration_error_by_hand() -> None:
    """Two bins: in one all is positive at 0.8, in the other a third of the mass is, at 0.2."""
    error = calibration_error([0.8, 0.8, 0.2, 0.2], [0.2])
    assert error == pytest.approx(0.25 * (1 - 0.8) + abs(0.25 * (1 - 0.2) - 0.5 * 0.2))


def test_a_bin_is_as_wide_as_a_fifteenth() -> None:
    """Errors in one bin cancel, and in two they do not; certainty is in the last one."""
    inside, beyond = 0.5 / BINS, 1.5 / BINS
    assert calibration_error([inside], [1 - inside]) == pytest.approx(1 - inside)
    assert calibration_error([0.5], [0.5]) == pytest.approx(0.0)
    apart = calibration_error([inside, beyond], [inside, beyond])
    assert apart == pytest.approx(0.5 - (inside + beyond) / 2)
    assert calibration_error([1.0], [1.0]) == pytest.approx(0.5)


@pytest.mark.parametrize("measure", [auroc, fpr95, calibration_error])
def test_of_one_kind_alone_there_is_nothing_to_measure(measure: object) -> None:
    """Neither of none at all."""
    assert callable(measure)
    assert (measure([0.5], []), measure([], [0.5]), measure([], [])) == (None, None, None)
