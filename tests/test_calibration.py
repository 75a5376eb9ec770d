"""What calibration makes of samples: its laws, the guarantee of the threshold, and the cues that are made."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from am_agent.calibration import _FLATTEST, calibrated, conformal_threshold, foreign_cues, own_cues
from am_agent.confidence import Calibration, sigmoid
from am_agent.store.calibrations import LABELLED, OWN, USED, Sample

ODDS = st.integers(-20_000, 20_000).map(lambda number: number / 1000)
SOME = st.lists(ODDS, min_size=1, max_size=30)
NONE = np.empty(0)


def _sample(present: list[float], absent: list[float], alpha: float = 0.0) -> Sample:
    return Sample(np.array(present), np.array(absent), alpha)


# ------------------------------------------------------------------------------------------------------- the threshold

FEW = st.integers(-3, 3).map(float)  # many ties


@given(values=st.lists(ODDS | FEW, min_size=1, max_size=40) | st.lists(FEW, min_size=1, max_size=40), data=st.data())
def test_of_cues_in_any_order_at_most_alpha_are_rejected(values: list[float], data: st.DataObject) -> None:
    """Each in turn is the next one, and the others the calibration: the share rejected is the probability."""
    alpha = data.draw(st.floats(0.001, 0.999) | st.sampled_from([1 / len(values), 0.05, 0.1, 0.25, 0.5]))
    alpha = min(alpha, 0.999)
    rejected = sum(
        value < conformal_threshold(np.array(values[:place] + values[place + 1 :]), alpha)
        for place, value in enumerate(values)
    )
    assert rejected <= alpha * len(values) + 1e-6


@given(count=st.integers(1, 200), alpha=st.floats(0.001, 0.999))
def test_no_more_is_accepted_than_has_to_be(count: int, alpha: float) -> None:
    """Of cues that all differ, one more would be too many."""
    values = np.arange(float(count))
    rejected = sum(value < conformal_threshold(np.delete(values, place), alpha) for place, value in enumerate(values))
    assert rejected == math.floor(alpha * count + 1e-9)


@pytest.mark.parametrize(
    ("count", "alpha", "rejects"),
    [(18, 0.05, False), (19, 0.05, True), (8, 0.1, False), (9, 0.1, True), (2, 0.25, False), (3, 0.25, True)],
)
def test_with_too_few_nothing_is_rejected(count: int, alpha: float, rejects: bool) -> None:
    """Fewer than 1/alpha - 1; with as many, the lowest is the threshold."""
    found = conformal_threshold(np.arange(float(count)), alpha)
    assert found == (0.0 if rejects else -math.inf)


@given(present=SOME, absent=SOME, used=st.lists(ODDS, max_size=9), alpha=st.floats(0.02, 0.98))
def test_a_threshold_rejects_the_same_cues_whatever_else_is_learned(
    present: list[float], absent: list[float], used: list[float], alpha: float
) -> None:
    """What is used moves slope and shift, and the threshold with them."""
    samples = {LABELLED: _sample(present, absent, alpha), USED: _sample(used, [])}
    least = conformal_threshold(np.array(present), alpha)
    for learned in (samples, {LABELLED: samples[LABELLED]}):
        found = calibrated(learned)
        assert found.threshold == (-math.inf if least == -math.inf else found.slope * least + found.shift)
        for value in present:
            assert (found.slope * value + found.shift < found.threshold) == (value < least)


# ---------------------------------------------------------------------------------------------------------- the fit


def test_without_samples_nothing_is_corrected() -> None:
    """Nor by samples of nothing, nor by absent cues alone."""
    for samples in ({}, {USED: Sample(NONE, NONE)}, {LABELLED: Sample(NONE, np.array([1.0]))}):
        assert calibrated(samples) == Calibration()


@given(present=SOME, absent=st.lists(ODDS, max_size=30), origin=st.sampled_from([LABELLED, OWN, USED]))
def test_more_evidence_stays_more_evidence(present: list[float], absent: list[float], origin: str) -> None:
    """The slope is positive and everything finite, also for labels that are the wrong way round."""
    found = calibrated({origin: _sample(present, absent)})
    assert found.slope >= _FLATTEST
    assert math.isfinite(found.shift)
    assert found.threshold == 0.0


@given(present=SOME, absent=SOME)
def test_a_fit_is_at_its_optimum(present: list[float], absent: list[float]) -> None:
    """No slope and shift nearby is more probable: labels by a logistic, both numbers by Gaussians around 1 and 0."""
    values = np.array([*present, *absent])
    labels = np.array([True] * len(present) + [False] * len(absent))
    mass = np.array([1.0] * len(present) + [len(present) / len(absent)] * len(absent))

    def loss(slope: float, shift: float) -> float:
        odds = np.where(labels, 1, -1) * (slope * values + shift)
        return float(mass @ np.logaddexp(0, -odds)) + (slope - 1) ** 2 / (2 * 0.5**2) + shift**2 / (2 * 1.5**2)

    found = calibrated({LABELLED: _sample(present, absent)})
    best = loss(found.slope, found.shift)
    for slope, shift in [(1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)]:
        if found.slope + slope >= _FLATTEST:
            assert loss(found.slope + slope, found.shift + shift) >= best - 1e-9


@pytest.mark.parametrize("off", [-4.0, 3.0])
def test_labels_correct_what_is_off_and_more_labels_more(off: float) -> None:
    """Log-odds that are too high by so many nats are brought down by as many, in the end; and the other way round."""
    present, absent = np.array([1.0, 2.0, 3.0]) + off, np.array([-3.0, -2.0, -1.0]) + off
    middles = []
    for times in (1, 3, 10, 100):
        found = calibrated({LABELLED: Sample(np.tile(present, times), np.tile(absent, times))})
        middles.append(abs(found.slope * off + found.shift))
    assert abs(off) > middles[0] > middles[1] > middles[2] > middles[3]
    assert middles[-1] < 0.25


def test_who_knew_the_answers_decides_what_they_count() -> None:
    """The same numbers from a caller, from use, and made: each corrects less than the one before."""
    values, absent = [-3.0] * 20, [-6.0] * 20
    labelled, used = (abs(calibrated({origin: _sample(values, absent)}).shift) for origin in (LABELLED, USED))
    # A part of an episode is easier to find than a question about it, so it has to score that much more.
    made = abs(calibrated({OWN: _sample([value + 3 for value in values], absent)}).shift)
    assert labelled > used > made > 0


def test_what_was_used_makes_its_like_more_familiar() -> None:
    """Without a single absent cue: the usual ones stand for them, so a memory that is always used does not know all."""
    before = sigmoid(-1.0)
    found = [calibrated({USED: _sample([-1.0] * times, [])}) for times in (1, 5, 50)]
    after = [sigmoid(each.slope * -1.0 + each.shift) for each in found]
    assert before < after[0] < after[1] < after[2]
    far = [sigmoid(each.slope * -6.0 + each.shift) for each in found]
    assert max(far) < 0.2


@given(present=SOME, absent=SOME)
def test_the_order_of_a_sample_says_nothing(present: list[float], absent: list[float]) -> None:
    """Nor does what was learned first."""
    one = calibrated({LABELLED: _sample(present, absent), USED: _sample([0.5], [])})
    other = calibrated({USED: _sample([0.5], []), LABELLED: _sample(present[::-1], absent[::-1])})
    assert (other.slope, other.shift) == pytest.approx((one.slope, one.shift), abs=1e-9)


# ---------------------------------------------------------------------------------------------------------- made cues


def test_foreign_cues_name_who_is_known() -> None:
    """All of them, where people are known, and by turns; no placeholder is left, and each is asked once."""
    named = foreign_cues(["Ana", "Ben"])
    assert [("Ana" in cue, "Ben" in cue) for cue in named] == [(n % 2 == 0, n % 2 == 1) for n in range(len(named))]
    anybody = foreign_cues([])
    assert len(anybody) == 64
    for cues in (named, anybody):
        assert len(set(cues)) == len(cues) > 30
        assert not any("{" in cue for cue in cues)


@given(st.lists(st.lists(st.sampled_from(["dog", "cat", "tea"]), max_size=60).map(" ".join), max_size=200))
def test_own_cues_are_parts_of_texts(texts: list[str]) -> None:
    """Of those of six words and more, at most 64, evenly spread; half of the words, and at most 24."""
    cues = own_cues(texts)
    long = [text for text in texts if len(text.split()) >= 6]
    assert len(cues) == min(len(long), 64)
    chosen = [long[place * len(long) // len(cues)] for place in range(len(cues))]
    for cue, text in zip(cues, chosen, strict=True):
        assert cue in text
        assert len(cue.split()) == min(len(text.split()) // 2, 24)
