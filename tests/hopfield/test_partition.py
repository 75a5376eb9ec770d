"""The log-sum-exp over codes against that over the patterns themselves: its interval, and the weights it leads to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from am_agent.hopfield.energy import critical_beta, log_partition
from am_agent.hopfield.metric import spread
from am_agent.hopfield.partition import partition
from am_agent.hopfield.patterns import PatternSet
from am_agent.hopfield.roster import Roster
from am_agent.hopfield.scan import scan
from am_agent.hopfield.scope import Scope

DIMENSION = 96


def _clustered(rng: np.random.Generator, count: int, topics: int, tightness: float) -> np.ndarray:
    """Unit rows around a common direction and a few topics, as embeddings lie."""
    mean, centres = rng.standard_normal(DIMENSION), rng.standard_normal((topics, DIMENSION))
    chosen = centres[np.minimum(rng.geometric(min(1.0, 2 / topics), count) - 1, topics - 1)]
    rows = 0.3 * mean + tightness * chosen + rng.standard_normal((count, DIMENSION)) * 0.5
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _scope(rows: np.ndarray) -> tuple[Scope, PatternSet]:
    roster, patterns = Roster(), PatternSet(DIMENSION)
    roster.append(range(len(rows)))
    patterns.append(rows, np.ones(len(rows), dtype=np.int64))
    return Scope.of([(roster.view(), patterns.view())]), patterns


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    topics=st.sampled_from([1, 5, 200]),
    tightness=st.sampled_from([0.0, 0.5, 1.0]),
    noise=st.sampled_from([0.02, 0.1, 1.0]),
    colder=st.sampled_from([0.3, 1.0, 3.0]),
)
def test_no_weight_is_off_by_more_than_the_interval_says_nor_by_1e_4(
    seed: int, topics: int, tightness: float, noise: float, colder: float
) -> None:
    """At the default inverse temperature, at a lower and at a higher one; cues that are stored nearly so, or not."""
    rng = np.random.default_rng(seed)
    rows = _clustered(rng, 3000, topics, tightness)
    scope, patterns = _scope(rows)
    beta = colder * critical_beta(len(rows), spread(patterns.moments))
    cue = rows[rng.integers(len(rows))] + noise * rng.standard_normal(DIMENSION)
    cue /= np.linalg.norm(cue)
    exact = rows.astype(np.float64) @ cue
    matches = scan(scope, cue[None, :], 10)
    found = partition(scope, matches, beta)
    truth = float(log_partition(exact[None, :], beta)[0])
    assert found.lowest <= truth <= found.highest
    assert found.lowest <= found.log <= found.highest
    weights, told = np.exp(beta * exact - truth), np.exp(beta * matches.scores - found.log)
    assert np.abs(weights - told)[matches.candidates].max() < 1e-4


def test_a_cue_that_is_its_own_code_is_as_precise() -> None:
    """Nothing is left of it, and the codes of the patterns are off all the same."""
    rng = np.random.default_rng(2)
    cue = rng.choice([-1.0, 1.0], DIMENSION) / np.sqrt(DIMENSION)
    rows = 0.6 * cue + rng.standard_normal((3000, DIMENSION)) / np.sqrt(DIMENSION)
    rows[0] = cue + 0.5 * rng.standard_normal(DIMENSION) / np.sqrt(DIMENSION)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    scope, _ = _scope(rows)
    exact = rows.astype(np.float64) @ cue
    for beta in (20.0, 25.0):
        matches = scan(scope, cue[None, :], 10)
        assert matches.asked.rest < 1e-12
        before = matches.scores.copy()
        found = partition(scope, matches, beta)
        truth = float(log_partition(exact[None, :], beta)[0])
        told = np.exp(beta * matches.scores - found.log)
        assert np.abs(np.exp(beta * exact - truth) - told)[matches.candidates].max() < 1e-4
        assert (matches.scores != before).sum() > 100  # scored exactly, for the weights alone


def test_what_is_refined_stays_below_the_ceiling() -> None:
    """The best and their order rest on the first pass; what the weights need besides changes nothing of it."""
    rng = np.random.default_rng(3)
    scope, _ = _scope(_clustered(rng, 3000, 5, 0.5))
    matches = scan(scope, _clustered(rng, 1, 5, 0.5).astype(np.float64), 10)
    before = matches.scores.copy()
    partition(scope, matches, 20.0)
    rest = np.setdiff1d(np.arange(3000), matches.candidates)
    assert (before[matches.candidates] == matches.scores[matches.candidates]).all()
    assert (before[rest] != matches.scores[rest]).sum() > 100
    assert matches.scores[rest].max() < matches.ceiling


def test_the_partition_of_nothing() -> None:
    """Minus infinity, and for certain."""
    scope, _ = _scope(np.empty((0, DIMENSION), dtype=np.float32))
    found = partition(scope, scan(scope, np.ones((1, DIMENSION)), 3), 1.0)
    assert found.log == found.lowest == found.highest == -np.inf


@pytest.mark.parametrize("beta", [1e-9, 1e6])
def test_no_temperature_is_too_high_or_too_low(beta: float) -> None:
    """Where all weigh the same, and where one weighs everything."""
    rng = np.random.default_rng(4)
    rows = _clustered(rng, 1000, 5, 0.5)
    scope, _ = _scope(rows)
    cue = rng.standard_normal(DIMENSION)
    found = partition(scope, scan(scope, cue[None, :], 5), beta)
    truth = float(log_partition((rows.astype(np.float64) @ cue)[None, :], beta)[0])
    assert found.lowest <= truth <= found.highest
    assert found.log == pytest.approx(truth, rel=1e-6)
