"""Familiarity, reliability and verdict as functions of evidence, and the fit that they come from."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from am_agent.confidence import (
    AMBIGUOUS,
    SHIPPED,
    UNKNOWN,
    Calibration,
    features,
    fitted,
    hit,
    judged,
    log_odds,
    logit,
    sigmoid,
)
from am_agent.episode import Evidence

PLAIN = Calibration()
SHARES = st.floats(0, 1)
EVIDENCE = st.builds(
    Evidence,
    nearness=st.floats(-1, 3),
    coherence=st.floats(-1, 1),
    coverage=st.none() | SHARES,
    mass=SHARES,
    first=SHARES,
    k=st.integers(1, 50),
    episodes=st.integers(2, 10**6),
)
KNOWN = Evidence(1.1, 0.5, 0.9, mass=0.9, first=0.8, k=5, episodes=9)


# ---------------------------------------------------------------------------------------------------------- the fit


def _sample(seed: int, count: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, columns)) * rng.uniform(0.01, 50, columns) + rng.uniform(-9, 9, columns)
    tell = (rows - rows.mean(axis=0)) / rows.std(axis=0) @ rng.standard_normal(columns)
    labels = tell + rng.logistic(size=count) > 0
    labels[:2] = True, False
    return rows, labels, rng.uniform(0.1, 2, count)


@given(seed=st.integers(0, 2**32), count=st.integers(8, 120), columns=st.integers(1, 3))
def test_a_fit_is_that_of_scikit_learn(seed: int, count: int, columns: int) -> None:
    """On standardised columns, with the same ridge per unit of mass: the same probability of every row."""
    rows, labels, mass = _sample(seed, count, columns)
    share = mass / mass.sum()
    centre = share @ rows
    scaled = (rows - centre) / np.sqrt(share @ (rows - centre) ** 2)
    # Its loss is C times the sum over the rows plus half the square of the coefficients.
    other = LogisticRegression(C=1 / 0.0003, tol=1e-10, max_iter=10_000, solver="newton-cholesky")
    other.fit(scaled, labels, sample_weight=share)
    intercept, *slopes = fitted(rows, labels, mass)
    expected = other.predict_proba(scaled)[:, 1]
    assert 1 / (1 + np.exp(-(intercept + rows @ slopes))) == pytest.approx(expected, abs=1e-5)


@given(seed=st.integers(0, 2**32), scale=st.floats(0.01, 100))
def test_a_fit_depends_on_no_unit(seed: int, scale: float) -> None:
    """Columns in other units, and masses of another sum, tell the same."""
    rows, labels, mass = _sample(seed, 40, 2)
    intercept, one, other = fitted(rows, labels, mass)
    assert fitted(rows * [scale, 1] + [0, 3], labels, scale * mass) == pytest.approx(
        (intercept - 3 * other, one / scale, other), rel=1e-5, abs=1e-6
    )


def test_what_is_told_apart_perfectly_has_finite_numbers() -> None:
    """The ridge holds them; the first of each kind is on its side, and by a lot."""
    rows = np.arange(10.0)[:, None]
    intercept, slope = fitted(rows, np.arange(10) >= 5, np.ones(10))
    assert math.isfinite(slope)
    assert intercept + 4 * slope < -0.9 < 0.9 < intercept + 5 * slope


def test_a_column_that_tells_nothing_counts_nothing() -> None:
    """Neither a constant one, nor one that is the same for both kinds."""
    rows = np.array([[7.0, 1.0], [7.0, 2.0], [7.0, 1.0], [7.0, 2.0]])
    assert fitted(rows, np.array([True, True, False, False]), np.ones(4)) == pytest.approx((0, 0, 0), abs=1e-9)


def test_masses_set_the_odds() -> None:
    """Of two kinds with nothing to tell them apart, as probable as they are heavy."""
    intercept, slope = fitted(np.ones((2, 1)), np.array([True, False]), np.array([3.0, 1.0]))
    assert (sigmoid(intercept + slope), slope) == (pytest.approx(0.75), 0)


@given(value=st.floats(-6.9, 6.9))
def test_a_logit_is_the_log_odds_of_a_share(value: float) -> None:
    """Within the edges that a softmax is trusted to; beyond, and for no number at all, it is finite."""
    assert logit(sigmoid(value)) == pytest.approx(value, abs=1e-9)
    assert (logit(0), logit(1)) == pytest.approx((math.log(0.001 / 0.999), math.log(999)))
    assert (sigmoid(-math.inf), sigmoid(math.inf), sigmoid(1e300)) == (0, 1, 1)


# ------------------------------------------------------------------------------------------------------ the judgement


def test_all_that_is_shipped_points_the_right_way() -> None:
    """Nearer, more alike, more of the words, more of the mass: more familiar."""
    for coefficients in (SHIPPED.whole, SHIPPED.content, SHIPPED.words, SHIPPED.hit):
        assert all(each > 0 for each in coefficients[1:])


@given(shown=EVIDENCE, more=st.floats(0, 1), name=st.sampled_from(["nearness", "coherence", "coverage", "mass"]))
def test_more_evidence_makes_no_less_sure(shown: Evidence, more: float, name: str) -> None:
    """Each piece by itself; the mass moves the reliability alone."""
    before = getattr(shown, name)
    assume(before is not None)
    raised = replace(shown, **{name: min(before + more, 1.0) if name in ("coverage", "mass") else before + more})
    one, other = judged(shown, SHIPPED, PLAIN), judged(raised, SHIPPED, PLAIN)
    assert other.familiarity >= one.familiarity
    assert other.reliability >= one.reliability
    if name == "mass":
        assert (other.familiarity, other.verdict) == (one.familiarity, one.verdict)


@given(shown=EVIDENCE, slope=st.floats(0.1, 3), shift=st.floats(-4, 4), threshold=st.floats(-5, 5))
def test_a_verdict_follows_from_the_numbers(shown: Evidence, slope: float, shift: float, threshold: float) -> None:
    """Both are probabilities; unknown below the threshold, and only there."""
    found = judged(shown, SHIPPED, Calibration(slope, shift, threshold))
    odds = slope * log_odds(shown, SHIPPED) + shift
    assert found.familiarity == sigmoid(odds)
    assert 0 <= found.familiarity <= 1
    assert found.reliability == hit(shown.mass, min(shown.k, shown.episodes), SHIPPED)
    assert (found.verdict == "unknown") == (odds < threshold)
    if found.verdict != "unknown":
        sure = found.familiarity >= UNKNOWN and hit(shown.first, 1, SHIPPED) >= AMBIGUOUS
        assert found.verdict == ("known" if sure else "ambiguous")


@given(shown=EVIDENCE)
def test_even_odds_are_the_default_threshold(shown: Evidence) -> None:
    """Unknown is what is more likely absent than present."""
    found = judged(shown, SHIPPED, PLAIN)
    assert (found.verdict == "unknown") == (log_odds(shown, SHIPPED) < 0)


@given(shown=EVIDENCE)
def test_what_a_cue_does_not_have_does_not_count(shown: Evidence) -> None:
    """Without a vector the words alone are asked, without words the content alone, each by coefficients of its own."""
    assume(shown.coverage is not None)
    wordless, blind = replace(shown, coverage=None), replace(shown, nearness=None)
    a, b, c = SHIPPED.content
    assert log_odds(wordless, SHIPPED) == pytest.approx(a + b * (shown.nearness or 0) + c * (shown.coherence or 0))
    assert features(blind) == (None, None, shown.coverage)
    a, b = SHIPPED.words
    assert log_odds(blind, SHIPPED) == a + b * (shown.coverage or 0)


@pytest.mark.parametrize(("matched", "verdict"), [(True, "known"), (False, "unknown")])
def test_a_cue_of_who_and_when_is_known_if_something_fits(matched: bool, verdict: str) -> None:
    """There is nothing else to go by."""
    shown = Evidence(None, None, None, mass=0.9, first=0.8, k=5, episodes=9, matched=matched)
    found = judged(shown, SHIPPED, PLAIN)
    assert found.verdict == verdict
    assert found.familiarity == pytest.approx(0.9933 if matched else 0.0067, abs=1e-4)


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize(("episodes", "reason"), [(0, "there is no episode that"), (1, "there is one episode only")])
def test_of_none_or_one_nothing_can_be_said(episodes: int, reason: str, silent: bool) -> None:
    """Unknown, with the reason, however near it is, and whatever the calibration."""
    shown = replace(KNOWN, episodes=episodes, silent=silent)
    for calibration in (PLAIN, Calibration(threshold=-math.inf)):
        found = judged(shown, SHIPPED, calibration)
        assert (found.familiarity, found.reliability, found.verdict) == (0, 0, "unknown")
        assert found.reason.startswith(reason)


def test_a_cue_that_asks_for_nothing_is_ambiguous() -> None:
    """As likely as not, and among those shown as far as these are all there is."""
    found = judged(replace(KNOWN, silent=True, mass=0.4), SHIPPED, PLAIN)
    assert (found.familiarity, found.reliability, found.verdict) == (0.5, 0.4, "ambiguous")
    assert found.reason == "the cue asks for nothing in particular"


def test_several_that_fit_as_well_are_ambiguous() -> None:
    """Where the mass is spread; the same familiarity is known where it is on one."""
    found = judged(replace(KNOWN, first=0.02), SHIPPED, PLAIN)
    assert (found.verdict, found.reason) == (
        "ambiguous",
        "what is asked seems to be here, but several episodes fit about as well",
    )
    assert judged(KNOWN, SHIPPED, PLAIN).familiarity == found.familiarity
    assert judged(KNOWN, SHIPPED, PLAIN).verdict == "known"


def test_where_nothing_is_rejected_what_is_unlikely_is_not_called_known() -> None:
    """A threshold below even odds keeps a cue from being rejected; it does not make it any likelier."""
    far = replace(KNOWN, nearness=0.4, coverage=0.1)
    assert judged(far, SHIPPED, PLAIN).verdict == "unknown"
    found = judged(far, SHIPPED, Calibration(threshold=-math.inf))
    assert (found.verdict, found.reason) == ("ambiguous", "what is asked may be here, but more likely it is not")
    assert found.familiarity < 0.05
