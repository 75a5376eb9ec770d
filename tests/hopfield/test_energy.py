"""Laws of the energies, readouts and updates, and the equality of numpy with torch."""

import math
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from am_agent.hopfield.energy import (
    clipped_log_prior,
    critical_beta,
    entmax,
    entmax15,
    flat_step,
    log_partition,
    retrieval_energy,
    similarities,
    softmax,
    sparsemax,
    state_energy,
    update,
    weights,
)

law = settings(deadline=None, max_examples=100)
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)
betas = st.floats(0.05, 50.0)
sizes = st.integers(1, 12)

ACTIVATIONS = {
    "softmax": softmax,
    "sparsemax": sparsemax,
    "entmax15": entmax15,
    "entmax1.25": partial(entmax, alpha=1.25),
    "entmax3": partial(entmax, alpha=3.0),
}
activations = pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS.keys())
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def psd(rng, d):
    """A random metric of random rank, sometimes singular and sometimes far from the identity."""
    factor = rng.standard_normal((d, rng.integers(1, d + 1)))
    return factor @ factor.T * rng.choice([0.01, 1.0, 10.0])


def log_priors(rng, n):
    """A random log-prior that hides some patterns, but never the first."""
    prior = 3.0 * rng.standard_normal(n)
    prior[1:][rng.random(n - 1) < 0.2] = -np.inf
    return prior


class TestLogPartition:
    """log_partition and retrieval_energy."""

    @law
    @given(generators, sizes, betas)
    def test_is_the_logarithm_of_the_sum(self, rng, n, beta):
        """For moderate scores the stable form equals the definition."""
        scores, prior = rng.uniform(-1, 1, (3, n)), log_priors(rng, n)
        expected = np.log(np.exp(beta * scores + prior).sum(axis=1))
        assert_allclose(log_partition(scores, beta, prior), expected, rtol=1e-12, atol=1e-12)
        assert_allclose(retrieval_energy(scores, beta, prior), -expected / beta, rtol=1e-12, atol=1e-11)

    @pytest.mark.parametrize("score", [-1e30, -1e4, 1e4, 1e30])
    def test_is_stable_for_huge_scores(self, score):
        """Four equal scores of any size give that score plus ln 4."""
        assert_allclose(log_partition(np.full((1, 4), score), 1.0), [score + math.log(4)], rtol=1e-15)

    def test_of_no_patterns_is_minus_infinity(self):
        """An empty store has log-partition -inf, energy +inf and no weights."""
        scores = np.zeros((2, 0), dtype=np.float32)
        assert_array_equal(log_partition(scores, 1.0), np.float32([-np.inf, -np.inf]))
        assert_array_equal(retrieval_energy(scores, 1.0), [np.inf, np.inf])
        assert weights(scores, 1.0).shape == (2, 0)
        assert_array_equal(update(np.ones((2, 3)), np.zeros((0, 3)), 1.0), np.zeros((2, 3)))

    def test_of_hidden_patterns_is_minus_infinity(self):
        """A row whose patterns are all hidden has log-partition -inf and weights 0; its neighbours do not."""
        scores, prior = np.zeros((2, 3)), np.array([[-np.inf] * 3, [0.0, -np.inf, 0.0]])
        assert_allclose(log_partition(scores, 1.0, prior), [-np.inf, math.log(2)])
        for activation in ACTIVATIONS.values():
            found = weights(scores, 1.0, prior, activation=activation)
            assert_allclose(found, [[0, 0, 0], [0.5, 0, 0.5]], atol=1e-12)

    @law
    @given(generators, sizes, betas)
    def test_has_beta_times_the_weights_as_gradient(self, rng, n, beta):
        """Autograd of log_partition by the scores equals beta * weights, hidden patterns included."""
        scores = torch.tensor(rng.standard_normal((3, n)), requires_grad=True)
        prior = torch.tensor(log_priors(rng, n))
        (gradient,) = torch.autograd.grad(log_partition(scores, beta, prior).sum(), scores)
        expected = beta * weights(scores, beta, prior).detach()
        assert_allclose(gradient.numpy(), expected.numpy(), rtol=1e-9, atol=1e-9 * beta)


class TestWeights:
    """The weights, and log-priors in them."""

    @law
    @given(generators, sizes, betas)
    def test_are_the_exponentials_over_their_sum(self, rng, n, beta):
        """The weight of a pattern is exp(beta s + b - log_partition)."""
        scores, prior = rng.standard_normal((3, n)), log_priors(rng, n)
        expected = np.exp(beta * scores + prior - log_partition(scores, beta, prior)[:, None])
        assert_allclose(weights(scores, beta, prior), expected, rtol=1e-9, atol=1e-12)

    @law
    @given(generators, st.integers(2, 12), betas)
    def test_do_not_depend_on_the_order_of_the_patterns(self, rng, n, beta):
        """Shuffling the patterns shuffles the weights and leaves energy and update alone."""
        patterns, states, prior = rng.standard_normal((n, 5)), rng.standard_normal((3, 5)), log_priors(rng, n)
        order = rng.permutation(n)
        scores = similarities(states, patterns)
        shuffled = weights(scores[:, order], beta, prior[order])
        assert_allclose(shuffled, weights(scores, beta, prior)[:, order], rtol=1e-9, atol=1e-12)
        for function in (state_energy, update):
            expected = function(states, patterns, beta, prior)
            assert_allclose(function(states, patterns[order], beta, prior[order]), expected, rtol=1e-8, atol=1e-9)

    @law
    @given(generators, sizes, betas)
    def test_of_a_duplicate_equal_ln_2_in_the_log_prior(self, rng, n, beta):
        """Storing a pattern twice is the same as adding ln 2 to its log-prior."""
        scores, prior = rng.standard_normal((3, n)), 3.0 * rng.standard_normal(n)
        twice = weights(np.c_[scores, scores[:, 0]], beta, np.r_[prior, prior[0]])
        energy = retrieval_energy(np.c_[scores, scores[:, 0]], beta, np.r_[prior, prior[0]])
        prior[0] += math.log(2)
        once = weights(scores, beta, prior)
        assert_allclose(energy, retrieval_energy(scores, beta, prior), rtol=1e-11, atol=1e-11)
        assert_allclose(twice[:, 0] + twice[:, -1], once[:, 0], rtol=1e-9, atol=1e-12)
        assert_allclose(twice[:, 1:-1], once[:, 1:], rtol=1e-9, atol=1e-12)

    @law
    @given(generators, st.integers(2, 12), betas)
    @activations
    def test_of_a_hidden_pattern_equal_those_without_it(self, activation, rng, n, beta):
        """A log-prior of -inf hides a pattern as if it had never been stored."""
        scores, prior = rng.standard_normal((3, n)), 3.0 * rng.standard_normal(n)
        without = weights(scores[:, 1:], beta, prior[1:], activation=activation)
        prior[0] = -np.inf
        hidden = weights(scores, beta, prior, activation=activation)
        assert_array_equal(hidden[:, 0], np.zeros(3))
        assert_allclose(hidden[:, 1:], without, rtol=1e-9, atol=1e-12)

    @law
    @given(generators, betas, st.floats(0.01, 5.0))
    def test_follow_the_score_beyond_the_reach_of_a_clipped_prior(self, rng, beta, limit):
        """A log-prior clipped to R overturns no gap above 2R/beta, and can overturn every gap below."""
        reach = 2.0 * limit / beta
        for gap, overturned in ((1.001 * reach, False), (0.999 * reach, True)):
            scores = np.array([[gap, 0.0]]) + rng.standard_normal()
            against = clipped_log_prior(np.array([-1e9, 1e9]), limit)
            first, second = weights(scores, beta, against)[0]
            assert (first < second) == overturned
            first, second = weights(scores, beta, clipped_log_prior(10 * rng.standard_normal(2), limit))[0]
            assert overturned or first > second

    def test_take_a_log_prior_per_cue(self):
        """A log-prior [batch, n] acts row by row."""
        prior = np.array([[0.0, math.log(3)], [math.log(3), 0.0]])
        assert_allclose(weights(np.zeros((2, 2)), 1.0, prior), [[0.25, 0.75], [0.75, 0.25]])


class TestStateEnergy:
    """state_energy along update."""

    @law
    @given(generators, sizes, st.integers(1, 8), betas, st.booleans(), st.booleans())
    def test_never_rises_along_the_update(self, rng, n, d, beta, with_prior, with_metric):
        """Ten steps never raise the energy, for any positive semi-definite metric and any log-prior."""
        patterns, states = rng.standard_normal((n, d)), 3.0 * rng.standard_normal((4, d))
        prior = log_priors(rng, n) if with_prior else None
        metric = psd(rng, d) if with_metric else None
        before = state_energy(states, patterns, beta, prior, metric)
        for _ in range(10):
            states = update(states, patterns, beta, prior, metric)
            after = state_energy(states, patterns, beta, prior, metric)
            assert (after <= before + 1e-10 * (1.0 + abs(before))).all()
            before = after

    @law
    @given(generators, sizes, st.integers(1, 8), betas)
    def test_lies_between_zero_and_twice_the_squared_norm(self, rng, n, d, beta):
        """With Ramsauer's constants 0 <= E <= 2 M^2 holds for states in the patterns' hull."""
        patterns = rng.standard_normal((n, d))
        states = rng.dirichlet(np.full(n, 0.3), size=5) @ patterns
        largest = (patterns**2).sum(axis=1).max()
        energy = state_energy(states, patterns, beta) + math.log(n) / beta + largest / 2
        assert (energy >= -1e-10 * largest).all()
        assert (energy <= 2 * largest * (1 + 1e-10)).all()

    @law
    @given(generators, sizes, st.integers(1, 6), betas, st.booleans())
    def test_has_the_step_of_the_update_as_negative_gradient(self, rng, n, d, beta, with_metric):
        """Autograd of the energy is M (xi - update(xi)), so the fixed points are the stationary ones."""
        patterns = torch.tensor(rng.standard_normal((n, d)))
        prior = torch.tensor(log_priors(rng, n))
        metric = torch.tensor(psd(rng, d)) if with_metric else None
        states = torch.tensor(rng.standard_normal((3, d)), requires_grad=True)
        (gradient,) = torch.autograd.grad(state_energy(states, patterns, beta, prior, metric).sum(), states)
        step = (states - update(states, patterns, beta, prior, metric)).detach()
        expected = step if metric is None else step @ metric
        assert_allclose(gradient.numpy(), expected.numpy(), rtol=1e-8, atol=1e-8)

    def test_takes_other_fields_through_the_log_prior(self):
        """A fixed score g of another field enters as beta * g, as if x had one more dimension."""
        patterns, g = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0.7, -0.2])
        states, beta = np.array([[0.3, 0.4]]), 3.0
        wide = state_energy(np.c_[states, 1.0], np.c_[patterns, g], beta) - 0.5
        assert_allclose(state_energy(states, patterns, beta, beta * g), wide)


class TestUpdate:
    """Limits and variants of update."""

    @law
    @given(generators, sizes)
    @activations
    def test_finds_the_nearest_pattern_for_large_beta(self, activation, rng, n):
        """As beta grows, the update is the pattern of the highest score and the energy minus that score."""
        patterns, states = rng.standard_normal((n, 4)), rng.standard_normal((1, 4))
        scores = similarities(states, patterns)
        gap = np.diff(np.sort(scores[0])[-2:]).sum() if n > 1 else 1.0
        assume(gap > 1e-3)
        beta = 60.0 / gap
        best = int(scores[0].argmax())
        assert_allclose(update(states, patterns, beta, activation=activation)[0], patterns[best], atol=1e-12)
        assert_allclose(retrieval_energy(scores, beta), [-scores[0, best]], atol=1e-12)

    @law
    @given(generators, sizes)
    @activations
    def test_finds_the_mean_for_small_beta(self, activation, rng, n):
        """As beta vanishes, the update is the mean of all patterns."""
        patterns, states = rng.standard_normal((n, 4)), rng.standard_normal((3, 4))
        found = update(states, patterns, 1e-11, activation=activation)
        assert_allclose(found, np.tile(patterns.mean(axis=0), (3, 1)), atol=1e-6)

    @law
    @given(generators, sizes, betas)
    @activations
    def test_treats_every_row_of_a_batch_alone(self, activation, rng, n, beta):
        """A batch gives what its rows give one by one."""
        patterns, states = rng.standard_normal((n, 4)), rng.standard_normal((5, 4))
        together = update(states, patterns, beta, activation=activation)
        alone = [update(states[i : i + 1], patterns, beta, activation=activation)[0] for i in range(5)]
        assert_allclose(together, alone, rtol=1e-9, atol=1e-9)

    def test_retrieves_exactly_with_a_sparse_activation(self):
        """Softmax leaves a trace of the wrong pattern, sparsemax and entmax leave none."""
        patterns, states = np.eye(3), np.array([[0.9, 0.2, 0.1]])
        assert update(states, patterns, 10.0)[0, 0] < 1.0
        for activation in (sparsemax, entmax15, partial(entmax, alpha=1.25)):
            assert_array_equal(update(states, patterns, 10.0, activation=activation), [[1.0, 0.0, 0.0]])

    def test_is_the_metric_applied_to_the_state(self):
        """A metric that sees one direction only retrieves by that direction."""
        patterns, states = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.4, 0.6]])
        blind = np.diag([1.0, 0.0])
        assert update(states, patterns, 100.0)[0, 1] > 0.99
        assert update(states, patterns, 100.0, metric=blind)[0, 0] > 0.99


class TestActivations:
    """softmax, sparsemax, entmax15 and entmax."""

    @law
    @given(generators, sizes, st.floats(0.01, 30.0))
    @activations
    def test_are_distributions(self, activation, rng, n, scale):
        """Weights are non-negative, sum to one and are ordered like the logits."""
        logits = scale * rng.standard_normal((4, n))
        found = activation(logits)
        assert (found >= 0).all()
        assert_allclose(found.sum(axis=1), np.ones(4), rtol=1e-12)
        assert (np.diff(np.take_along_axis(found, logits.argsort(axis=1), axis=1), axis=1) >= -1e-14).all()

    @law
    @given(generators, sizes, st.floats(-1e3, 1e3))
    @activations
    def test_ignore_a_shift(self, activation, rng, n, shift):
        """Adding a constant to all logits of a row changes nothing."""
        logits = rng.standard_normal((3, n))
        assert_allclose(activation(logits + shift), activation(logits), atol=2e-6)

    @law
    @given(generators, sizes, st.floats(0.01, 30.0))
    def test_of_general_alpha_meet_the_exact_ones(self, rng, n, scale):
        """Bisection at alpha 2, 1.5 and towards 1 gives sparsemax, entmax15 and softmax."""
        logits = scale * rng.standard_normal((4, n))
        assert_allclose(entmax(logits, 2.0), sparsemax(logits), atol=1e-12)
        assert_allclose(entmax(logits, 1.5), entmax15(logits), atol=1e-7)
        assert_allclose(entmax(logits / scale, 1.0 + 1e-5), softmax(logits / scale), atol=1e-3)

    @law
    @given(generators, sizes, st.floats(0.01, 30.0))
    def test_of_sparsemax_project_onto_the_simplex(self, rng, n, scale):
        """Sparsemax is the projection: its optimality conditions hold, and no other point is nearer."""
        logits = scale * rng.standard_normal((1, n))
        found = sparsemax(logits)
        inside = found[0] > 0
        tau = (logits - found)[0][inside]
        assert_allclose(tau, np.full(tau.size, tau[0]), atol=1e-12 * (1 + scale))
        assert (logits[0][~inside] <= tau[0] + 1e-12 * (1 + scale)).all()
        others = rng.dirichlet(np.full(n, 0.5), size=50)
        assert (((others - logits) ** 2).sum(axis=1) >= ((found - logits) ** 2).sum() * (1 - 1e-12)).all()

    @law
    @given(generators, st.integers(2, 12), st.floats(1.1, 4.0))
    def test_of_alpha_meet_their_optimality_conditions(self, rng, n, alpha):
        """(alpha - 1) z - p^(alpha - 1) is one constant on the support, (alpha - 1) z not above it off it."""
        logits = 3.0 * rng.standard_normal((1, n))
        found, scaled = entmax(logits, alpha)[0], (alpha - 1.0) * logits[0]
        inside = found > 1e-9
        tau = scaled[inside] - found[inside] ** (alpha - 1.0)
        assert_allclose(tau, np.full(tau.size, tau[0]), atol=1e-6)
        assert (scaled[found == 0] <= tau[0] + 1e-6).all()

    @pytest.mark.parametrize("activation", [sparsemax, entmax15])
    def test_keep_their_support_in_a_crowd_of_float32(self, activation):
        """With 10^5 patterns just below the best one, float32 finds the weights of float64."""
        logits = np.full((1, 100_000), -0.9) + 1e-5 * np.random.default_rng(0).standard_normal(100_000)
        logits[0, 0] = 0.0
        logits = logits.astype(np.float32)
        narrow, wide = activation(logits), activation(logits.astype(np.float64))
        assert narrow.dtype == np.float32
        assert abs(narrow.astype(np.float64) - wide).sum() < 0.01

    @pytest.mark.parametrize("activation", [sparsemax, entmax15])
    def test_are_differentiable_where_exact(self, activation):
        """Autograd of the exact variants agrees with finite differences."""
        logits = torch.tensor([[0.3, 0.1, -0.2, -3.0]], dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(activation, (logits,))


class TestFlatStep:
    """The step of the log-sum-ReLU energy."""

    @law
    @given(generators, sizes, st.floats(0.05, 5.0))
    def test_is_the_mean_of_the_ball(self, rng, n, beta):
        """The step is the mean of the patterns within sqrt(2/beta), or the state itself if there are none."""
        patterns, states = rng.standard_normal((n, 3)), 2.0 * rng.standard_normal((6, 3))
        for state, found in zip(states, flat_step(states, patterns, beta), strict=True):
            distances = np.linalg.norm(patterns - state, axis=1)
            assume((abs(distances - math.sqrt(2 / beta)) > 1e-9).all())
            ball = patterns[distances < math.sqrt(2 / beta)]
            assert_allclose(found, ball.mean(axis=0) if len(ball) else state, atol=1e-12)

    def test_leaves_a_state_with_an_empty_ball(self):
        """A state that sees no pattern stays, also in an empty store."""
        states = np.array([[5.0, 5.0]])
        assert_array_equal(flat_step(states, np.zeros((1, 2)), beta=2.0), states)
        assert_array_equal(flat_step(states, np.zeros((0, 2)), beta=2.0), states)

    def test_leaves_out_the_boundary(self):
        """A pattern at exactly the radius has kernel value 0 and does not count."""
        patterns = np.array([[0.0, 0.0], [1.0, 0.0]])
        assert_array_equal(flat_step(np.zeros((1, 2)), patterns, beta=2.0), [[0.0, 0.0]])
        assert_array_equal(flat_step(np.zeros((1, 2)), patterns, beta=1.99), [[0.5, 0.0]])


class TestCriticalBeta:
    """The condensation point of a store."""

    def test_is_the_condensation_point(self):
        """Well below it the entropy is ln N - beta^2 spread^2 / 2, above it a handful of patterns remain."""
        spread, count = 0.1, 100_000
        scores = spread * np.random.default_rng(0).standard_normal((1, count))
        critical = critical_beta(count, spread)

        def entropy(beta):
            p = weights(scores, beta)
            return -(p * np.log(p)).sum()

        expected = math.log(count) - (critical / 3 * spread) ** 2 / 2
        assert entropy(critical / 3) == pytest.approx(expected, abs=0.05)
        assert entropy(3 * critical) < math.log(5)

    def test_is_finite_for_one_pattern(self):
        """One pattern gives sqrt(2 ln 2) / spread."""
        assert critical_beta(1, 0.5) == pytest.approx(2.354820, abs=1e-6)

    @pytest.mark.parametrize("spread", [0.0, -1.0, math.inf, math.nan])
    def test_needs_a_spread(self, spread):
        """A spread that is not positive and finite is refused with the value."""
        with pytest.raises(ValueError, match=f"spread must be positive and finite, got {spread}"):
            critical_beta(10, spread)

    def test_needs_a_pattern(self):
        """An empty store is refused."""
        with pytest.raises(ValueError, match="count must be at least 1, got 0"):
            critical_beta(0, 0.1)


ROWS, COLUMNS = np.zeros((2, 3)), np.zeros((4, 3))


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize(
    "function",
    [
        lambda beta: log_partition(ROWS, beta),
        lambda beta: retrieval_energy(ROWS, beta),
        lambda beta: weights(ROWS, beta),
        lambda beta: state_energy(ROWS, COLUMNS, beta),
        lambda beta: update(ROWS, COLUMNS, beta),
        lambda beta: flat_step(ROWS, COLUMNS, beta),
    ],
)
def test_beta_must_be_positive_and_finite(function, beta):
    """Every function of beta refuses a value that is not positive and finite, and says which."""
    with pytest.raises(ValueError, match=f"beta must be positive and finite, got {beta}"):
        function(beta)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: similarities(np.zeros(3), COLUMNS), r"cues must be 2-D.*\(3,\).*cues\[None, :\]"),
        (lambda: similarities(ROWS, np.zeros(3)), r"patterns must be 2-D.*\(3,\)"),
        (lambda: similarities(ROWS, np.zeros((4, 2))), "dimension 3, patterns 2.*one encoder"),
        (lambda: log_partition(np.zeros(3), 1.0), r"scores must be 2-D.*\(3,\)"),
        (lambda: weights(ROWS, 1.0, np.zeros(2)), r"log_prior must be \[3\] or \[2, 3\].*\[2\]"),
        (lambda: weights(ROWS, 1.0, np.zeros((1, 3))), r"log_prior must be \[3\] or \[2, 3\].*\[1, 3\]"),
        (lambda: update(np.zeros(3), COLUMNS, 1.0), r"states must be 2-D.*\(3,\)"),
        (lambda: state_energy(ROWS, COLUMNS, 1.0, metric=np.eye(2)), r"metric must be \[3, 3\].*\[2, 2\]"),
        (lambda: flat_step(ROWS, np.zeros((4, 2)), 1.0), "dimension 3, patterns 2"),
        (lambda: sparsemax(np.zeros(3)), r"logits must be 2-D.*\(3,\)"),
        (lambda: entmax(ROWS, 1.0), "alpha must be above 1 and finite, got 1.0; alpha = 1 is softmax"),
        (lambda: entmax(ROWS, math.nan), "alpha must be above 1 and finite, got nan"),
        (lambda: clipped_log_prior(np.zeros(3), -1.0), "limit must be >= 0 and finite, got -1.0"),
    ],
)
def test_bad_arguments_are_refused_with_their_numbers(call, message):
    """A wrong shape or constant raises a ValueError that names the argument, its value and the cure."""
    with pytest.raises(ValueError, match=message):
        call()


PATTERNS, STATES = (np.random.default_rng(1).standard_normal(shape) for shape in ((40, 16), (5, 16)))
PRIOR, METRIC = np.random.default_rng(2).standard_normal(40), psd(np.random.default_rng(3), 16)
SCORES, WITH_METRIC = similarities(STATES, PATTERNS), (STATES, PATTERNS, PRIOR, METRIC)
PUBLIC = {
    "similarities": (similarities, (STATES, PATTERNS)),
    "log_partition": (partial(log_partition, beta=2.0), (SCORES,)),
    "log_partition with prior": (lambda s, b: log_partition(s, 2.0, b), (SCORES, PRIOR)),
    "retrieval_energy": (lambda s, b: retrieval_energy(s, 2.0, b), (SCORES, PRIOR)),
    "weights": (lambda s, b: weights(s, 2.0, b), (SCORES, PRIOR)),
    "clipped_log_prior": (partial(clipped_log_prior, limit=0.5), (PRIOR,)),
    "state_energy": (partial(state_energy, beta=2.0), (STATES, PATTERNS)),
    "state_energy with metric": (
        lambda s, x, b, m: state_energy(s, x, 0.2, b, m),
        (STATES, PATTERNS, PRIOR, METRIC),
    ),
    "update": (partial(update, beta=2.0), (STATES, PATTERNS)),
    "update with metric": (lambda s, x, b, m: update(s, x, 0.2, b, m), WITH_METRIC),
    "flat_step": (partial(flat_step, beta=0.08), (STATES, PATTERNS)),
    **{
        f"update by {name}": (partial(update, beta=0.3, activation=f), (STATES, PATTERNS))
        for name, f in ACTIVATIONS.items()
    },
    **{name: (f, (SCORES,)) for name, f in ACTIVATIONS.items()},
}
public = pytest.mark.parametrize(("function", "arguments"), PUBLIC.values(), ids=PUBLIC.keys())


@pytest.fixture(params=DEVICES)
def device(request):
    """Every torch device of this machine."""
    return request.param


@public
def test_torch_agrees_with_numpy(function, arguments, device):
    """Every public function gives the same on numpy and torch, float32, within 1e-5, and on its device."""
    arguments = [a.astype(np.float32) for a in arguments]
    expected = function(*arguments)
    found = function(*(torch.tensor(a, device=device) for a in arguments))
    assert found.device.type == device
    assert found.dtype == torch.float32
    assert_allclose(found.cpu().numpy(), expected, rtol=1e-5, atol=1e-5)


@public
def test_the_dtype_follows_the_inputs(function, arguments):
    """float32 in gives float32 out, within float32's rounding of the float64 result."""
    exact = function(*arguments)
    found = function(*(a.astype(np.float32) for a in arguments))
    assert exact.dtype == np.float64
    assert found.dtype == np.float32
    assert_allclose(found, exact, rtol=1e-4, atol=1e-4)


def test_prior_and_metric_of_another_dtype_follow_the_states():
    """A float64 log-prior and metric do not turn float32 states into float64, in numpy nor in torch."""
    narrow = STATES.astype(np.float32), PATTERNS.astype(np.float32)
    found = update(*narrow, 0.2, PRIOR, METRIC)
    assert found.dtype == np.float32
    states, patterns = map(torch.tensor, narrow)
    same = update(states, patterns, 0.2, torch.tensor(PRIOR), torch.tensor(METRIC))
    assert_allclose(same.numpy(), found, rtol=1e-5, atol=1e-5)


def test_the_import_is_light():
    """Importing the module imports neither torch nor scipy."""
    code = "import sys, am_agent.hopfield.energy; print(sorted({'torch', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
