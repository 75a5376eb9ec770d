"""Laws of the learner: loss, region, regret, bytes; what learning brings, and what random feedback costs."""

import math
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from am_agent.hopfield.learning import SCALES, AnotherVersion, Learner, fresh, loss_and_gradient, reinforced

law = settings(deadline=None, max_examples=100)
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)

BETA = 2.0  # nats per standard deviation of a sum by weights of length 1
LOGGED = 50
DEFAULT = np.array([0.70, 0.50, 0.40, 0.25, 0.20, 0.10]) / math.sqrt(1.0125)
TRUTH = np.array([0.50, 0.41, 0.66, 0.21, 0.40, 0.20])  # a cosine of 0.92 to the default


def defaults(rng, fields):
    """Non-negative weights of any scale, some of them zero, never all."""
    weights = rng.uniform(0.0, 1.0, fields) * rng.choice([1e-3, 1.0, 1e3])
    weights[1:][rng.random(fields - 1) < 0.3] = 0.0
    weights[0] += 1e-3
    return weights


def feedback(rng, fields):
    """One recall's features, the rows that were used, and a beta."""
    n = rng.integers(1, 40)
    features = rng.standard_normal((n, fields)) * rng.choice([0.1, 1.0, 30.0])
    used = rng.choice(n, size=rng.integers(1, min(n, 4) + 1), replace=False)
    return features, used, rng.uniform(0.1, 20.0)


def trained(rng, fields=4, rounds=8):
    """A learner after some random feedback at a beta that fits its scale, and that feedback."""
    learner = fresh(defaults(rng, fields))
    log = [feedback(rng, fields) for _ in range(rounds)]
    log = [(features, used, beta / np.linalg.norm(learner.default)) for features, used, beta in log]
    for features, used, beta in log:
        learner = reinforced(learner, features, used, beta)
    return learner, log


def naive_loss(features, used, beta, weights):
    """The definition."""
    logits = beta * features @ weights
    return np.logaddexp.reduce(logits) - np.mean(logits[used])


def feasible(rng, default):
    """A point of the region: random, at half or at twice the default, field by field."""
    shares = np.where(rng.random(len(default)) < 0.5, rng.uniform(0.5, 2.0, len(default)), 0.5)
    return default * np.where(rng.random(len(default)) < 0.25, 2.0, shares)


class TestLoss:
    """loss_and_gradient."""

    @law
    @given(generators, st.integers(1, 6))
    def test_is_its_definition_and_convex(self, rng, fields):
        """It equals the definition, and at the middle of two weights it is at most the mean of their losses."""
        features, used, _ = feedback(rng, fields)
        one, other = rng.standard_normal((2, fields)) * 3
        losses = [loss_and_gradient(features, used, w)[0] for w in (one, other, (one + other) / 2)]
        assert_allclose(losses[0], naive_loss(features, used, 1.0, one), rtol=1e-12, atol=1e-12)
        assert losses[2] <= (losses[0] + losses[1]) / 2 + 1e-12 * (1 + abs(losses[0]) + abs(losses[1]))

    @law
    @given(generators, st.integers(1, 6))
    def test_has_the_gradient_of_finite_differences(self, rng, fields):
        """Central differences agree in every direction."""
        features, used, _ = feedback(rng, fields)
        features /= np.abs(features).max()
        weights, step = rng.standard_normal(fields), 1e-5
        numeric = [
            (naive_loss(features, used, 1.0, weights + e) - naive_loss(features, used, 1.0, weights - e)) / (2 * step)
            for e in step * np.eye(fields)
        ]
        assert_allclose(loss_and_gradient(features, used, weights)[1], numeric, atol=1e-9)

    @pytest.mark.parametrize("size", [1e3, 1e30, 1e90])
    def test_is_stable_for_huge_logits(self, size):
        """The best row used costs nothing, the worst its gap, whatever the size."""
        features = np.array([[size], [-size]])
        assert loss_and_gradient(features, np.array([0]), np.ones(1))[0] == 0.0
        loss, gradient = loss_and_gradient(features, np.array([1]), np.ones(1))
        assert (loss, gradient.tolist()) == (2 * size, [2 * size])


class TestReinforced:
    """fresh, reinforced and active."""

    @law
    @given(generators, st.integers(1, 6))
    def test_never_leaves_the_region(self, rng, fields):
        """Each weight is at least half and at most twice its default, to the last bit; no array can be written to."""
        learner, _ = trained(rng, fields)
        assert (learner.weights >= learner.default / 2).all()
        assert (learner.weights <= learner.default * 2).all()
        for array in (learner.weights, learner.default, learner.scaled_losses):
            assert not array.flags.writeable

    @law
    @given(generators)
    def test_steps_down_the_gradient_in_units_of_the_defaults(self, rng):
        """The first step is 2 / sqrt(1000 + |g|^2) times the gradient g of finite differences, cut to the region."""
        default = defaults(rng, 4)
        features, used, beta = feedback(rng, 4)
        features /= np.abs(features).max()
        beta /= np.linalg.norm(default)
        after, step = reinforced(fresh(default), features, used, beta), 1e-5
        changes = step * np.eye(4)
        above, below = (
            np.array([naive_loss(features, used, beta, default * (1 + sign * e)) for e in changes]) for sign in (1, -1)
        )
        gradient = (above - below) / (2 * step)
        square = gradient @ gradient
        expected = default * np.clip(1 - 2 / math.sqrt(1000 + square) * gradient, 0.5, 2.0)
        assert_allclose(after.weights, expected, rtol=1e-6)
        assert_allclose(after.gradient_square, square, rtol=1e-5, atol=1e-6)

    @law
    @given(generators)
    def test_counts_each_loss_before_the_step(self, rng):
        """The sums are those of weights that had not seen the feedback they are judged by."""
        learner, log = trained(rng)
        current, losses = fresh(learner.default), np.zeros(len(SCALES) + 1)
        for features, used, beta in log:
            for place, weights in enumerate([*(scale * current.default for scale in SCALES), current.weights]):
                losses[place] += naive_loss(features, used, beta, weights)
            current = reinforced(current, features, used, beta)
        assert learner.rounds == len(log)
        assert_allclose([*learner.scaled_losses, learner.learned_loss], losses, rtol=1e-9)
        assert learner.default_loss == learner.scaled_losses.min() <= learner.scaled_losses[SCALES.index(1.0)]

    @law
    @given(generators)
    def test_does_not_see_the_order_of_the_rows(self, rng):
        """Candidates in any order, and a used row named twice, teach the same."""
        learner, log = trained(rng)
        features, used, beta = log[0]
        order = rng.permutation(len(features))
        places = np.flatnonzero(np.isin(order, used))
        one = reinforced(learner, features, used, beta)
        other = reinforced(learner, features[order], np.concatenate([places, places[:1]]), beta)
        assert_allclose(other.weights, one.weights, rtol=1e-12, atol=1e-12 * np.linalg.norm(one.weights))
        assert_allclose(other.learned_loss, one.learned_loss, rtol=1e-12)
        assert other.ahead == one.ahead

    @law
    @given(generators, st.sampled_from([2.0**-20, 0.5, 8.0, 2.0**30]))
    def test_does_not_see_the_scale_of_the_weights(self, rng, scale):
        """Weights c times as large at a c-th of beta are the same logits, and learn the same, c times as large."""
        learner, log = trained(rng)
        scaled = fresh(scale * learner.default)
        for features, used, beta in log:
            scaled = reinforced(scaled, features, used, beta / scale)
        size = np.linalg.norm(learner.weights)
        assert_allclose(scaled.weights / scale, learner.weights, rtol=1e-9, atol=1e-9 * size)
        assert_allclose(scaled.learned_loss, learner.learned_loss, rtol=1e-9)

    @law
    @given(generators, st.integers(1, 30))
    def test_regret_is_within_the_bound(self, rng, rounds):
        """No fixed weights of the region do better by more than (D^2 / 4 + 2) sqrt(P + sum of squared gradients)."""
        learner, log = trained(rng, rounds=rounds)
        bound = (1.5**2 * len(learner.default) / 4 + 2) * math.sqrt(1000 + learner.gradient_square)
        candidates = [feasible(rng, learner.default) for _ in range(20)]
        for weights in [learner.default, learner.weights, *candidates]:
            fixed = sum(naive_loss(features, used, beta, weights) for features, used, beta in log)
            assert learner.learned_loss - fixed <= bound + 1e-9

    @law
    @given(generators, st.integers(1, 30))
    def test_the_mixture_of_all_loses_at_most_ln_14_more_than_the_best(self, rng, rounds):
        """Averaging all rivals' predictions by exp(-loss so far) costs ln 14 nats in all, however long it runs."""
        learner, log = trained(rng, rounds=rounds)
        current, mixture = fresh(learner.default), 0.0
        before = np.zeros(len(SCALES) + 1)
        for features, used, beta in log:
            shares = np.exp(-before - np.logaddexp.reduce(-before))
            current = reinforced(current, features, used[:1], beta)
            now = np.array([*current.scaled_losses, current.learned_loss])
            # a share may have vanished to 0; its logarithm would warn
            mixture -= np.logaddexp.reduce(np.log(np.maximum(shares, 1e-300)) - (now - before))
            before = now
        better = min(current.default_loss, current.learned_loss)
        assert mixture <= better + math.log(len(before)) + 1e-9 * (1 + abs(better))

    def test_recall_ranks_by_the_learned_weights_only_after_a_lead_and_until_it_is_lost(self):
        """The lead needed is ln 1000 nats over the default at every temperature; at 0 the default ranks again."""
        features, used = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0])
        start = replace(fresh(np.array([1.0, 1.0])), weights=np.array([1.2, 0.8]), learned_loss=-6.9)
        after = reinforced(start, features, used, beta=0.001)
        assert 6.8 < after.default_loss - after.learned_loss < math.log(1000)
        assert (after.ahead, after.active.tolist()) == (False, [1.0, 1.0])
        after = reinforced(replace(start, learned_loss=-7.0), features, used, beta=0.001)
        assert (after.ahead, after.active is after.weights) == (True, True)
        assert reinforced(replace(start, ahead=True, learned_loss=-0.1), features, used, beta=0.001).ahead
        assert not reinforced(replace(start, ahead=True, learned_loss=0.1), features, used, beta=0.001).ahead
        for better in -0.2 * np.eye(len(SCALES)):
            rival = replace(start, scaled_losses=better, learned_loss=-7.0)
            assert not reinforced(rival, features, used, beta=0.001).ahead

    def test_a_default_of_0_stays_0(self):
        """However well its field would predict."""
        learner = fresh(np.array([1.0, 0.0]))
        for _ in range(50):
            learner = reinforced(learner, np.array([[1.0, 0.0], [0.0, 9.0]]), np.array([1]), beta=1.0)
        assert learner.weights.tolist() == [0.5, 0.0]

    def test_equal_scores_teach_nothing(self):
        """One candidate, or equal ones, say nothing about the weights."""
        learner = fresh(np.array([0.6, 0.8]))
        for features in (np.ones((1, 2)), np.ones((5, 2))):
            after = reinforced(learner, features, np.array([0]), beta=5.0)
            assert_array_equal(after.weights, learner.default)
            assert after.default_loss == pytest.approx(math.log(len(features)))
            assert (after.learned_loss, after.gradient_square) == (after.default_loss, 0.0)


class TestBytes:
    """to_bytes and from_bytes."""

    @law
    @given(generators)
    def test_round_trip(self, rng):
        """Read back, a learner has the same bytes, and learns the same."""
        learner, log = trained(rng)
        copy = Learner.from_bytes(learner.to_bytes())
        assert copy.to_bytes() == learner.to_bytes()
        assert reinforced(copy, *log[0]).to_bytes() == reinforced(learner, *log[0]).to_bytes()

    def test_after_a_reset_are_those_of_the_default(self):
        """A fresh learner with the default's weights has the bytes it had at first, and signs of zeros do not count."""
        learner, _ = trained(np.random.default_rng(0))
        first = fresh(learner.default).to_bytes()
        assert learner.to_bytes() != first
        assert fresh(learner.default).to_bytes() == first
        assert fresh(np.array([1.0, -0.0])).to_bytes() == fresh(np.array([1.0, 0.0])).to_bytes()

    def test_are_little_endian_behind_a_versioned_header(self):
        """Magic, version, ahead, fields, rounds, gradient, learned loss, those of SCALES, then default and weights."""
        learner = replace(fresh(np.array([1.0, 0.5])), rounds=3, gradient_square=2.0, learned_loss=-1.5, ahead=True)
        learner = replace(learner, scaled_losses=np.arange(13.0))
        sums = 2.0, -1.5, *range(13)
        expected = b"AMFW" + struct.pack("<HBBIQ19d", 2, 1, 0, 2, 3, *sums, 1.0, 0.5, 1.0, 0.5)
        assert learner.to_bytes() == expected

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda data: b"", "0 bytes that do not begin a learner"),
            (lambda data: b"nope" + data[4:], "do not begin a learner"),
            (lambda data: data[:50], "cut off after 50 bytes"),
            (lambda data: data[:-1], "2 fields has 172 bytes, got 171"),
            (lambda data: data + b"\x00", "2 fields has 172 bytes, got 173"),
            (lambda data: data[:6] + b"\x07" + data[7:], "cannot be"),
            (lambda data: data[:-8] + struct.pack("<d", math.nan), "cannot be"),
            (lambda data: data[:-8] + struct.pack("<d", 0.249), "cannot be"),
            (lambda data: data[:-8] + struct.pack("<d", 1.001), "cannot be"),
            (lambda data: data[:20] + struct.pack("<d", -1.0) + data[28:], "cannot be"),
            (lambda data: data[:28] + struct.pack("<d", math.inf) + data[36:], "cannot be"),
            (lambda data: data[:140] + struct.pack("<d", -1.0) + data[148:], "default weights must be"),
        ],
    )
    def test_that_are_no_learner_are_refused(self, change, message):
        """Damage is told apart, with the cure."""
        with pytest.raises(ValueError, match=message):
            Learner.from_bytes(change(fresh(np.array([1.0, 0.5])).to_bytes()))

    @pytest.mark.parametrize("rest", [0, 12, 500])
    def test_of_another_version_are_told_apart(self, rest):
        """Whatever follows their version, and however much of it."""
        with pytest.raises(AnotherVersion, match="version 1, this is 2; start again"):
            Learner.from_bytes(b"AMFW\x01\x00" + bytes(rest))


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ([], "length between"),
        ([0.0, 0.0], "length between"),
        ([1e200], "length between"),
        ([1.0, -0.5], "finite number >= 0"),
        ([1.0, math.nan], "finite number >= 0"),
        ([[1.0]], "finite number >= 0"),
    ],
)
def test_impossible_defaults_are_refused(default, message):
    """A default needs a direction, and no negative weight."""
    with pytest.raises(ValueError, match=message):
        fresh(np.array(default))


@pytest.mark.parametrize(
    ("features", "used", "beta", "message"),
    [
        ([[1.0, math.nan], [math.inf, 0.0]], [0], 1.0, "2 of 4 features are not finite, the first is nan in row 0"),
        ([[1.0], [2.0]], [0], 1.0, r"must be \[n, 2\] with n >= 1, got \[2, 1\]"),
        ([1.0, 2.0], [0], 1.0, r"must be \[n, 2\]"),
        (np.zeros((0, 2)), [0], 1.0, r"got \[0, 2\]"),
        ([[1e300, 0.0]], [0], 1.0, "logits up to 1e[+]300 overflow; divide"),
        ([[1.0, 0.0]], [], 1.0, "nothing used is no feedback"),
        ([[1.0, 0.0]], [[0]], 1.0, "at least one row"),
        ([[1.0, 0.0]], [1], 1.0, "rows 1 to 1 of 1 candidates"),
        ([[1.0, 0.0]], [-1], 1.0, "rows -1 to -1 of 1"),
        ([[1.0, 0.0]], [True], 1.0, r"got bool; pass np.flatnonzero\(mask\)"),
        ([[1.0, 0.0]], [0.0], 1.0, "got float64"),
        ([[1.0, 0.0]], [0], 0.0, "beta must be positive and finite, got 0.0"),
        ([[1.0, 0.0]], [0], math.nan, "beta must be positive and finite, got nan"),
    ],
)
def test_impossible_feedback_is_refused(features, used, beta, message):
    """Every refusal says what, the numbers, and the cure."""
    with pytest.raises(ValueError, match=message):
        reinforced(fresh(np.array([0.8, 0.6])), np.array(features), np.array(used), beta)


def cues(seed, count, truth):
    """Features of 500 rows for each cue, two fields correlated, and the row that is best in truth, with noise."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        features = rng.standard_normal((500, len(truth)))
        features[:, 1] = 0.6 * features[:, 0] + 0.8 * features[:, 1]
        yield features, int(np.argmax(features @ truth + 0.3 * rng.standard_normal(500)))


def recalled(seed, weights, truth, k, count=300):
    """The share of fresh cues whose best row is among the k best by the weights."""
    scored = ((features @ weights, best) for features, best in cues(seed, count, truth))
    ranks = [np.sum(scores > scores[best]) for scores, best in scored]
    return np.mean(np.array(ranks) < k)


def used_truth(seed, rounds=200):
    """A learner told the truly best row, whenever the default's best have it."""
    learner = fresh(DEFAULT)
    for features, best in cues(seed, rounds, TRUTH):
        logged = np.argsort(-(features @ DEFAULT))[:LOGGED]
        used = np.flatnonzero(logged == best)
        if len(used):
            learner = reinforced(learner, features[logged], used, BETA)
    return learner


def used_at_random(seed, among, beta, rounds=200):
    """A learner told a random row of the best that its own recall shows."""
    learner, rng = fresh(DEFAULT), np.random.default_rng(seed)
    for features, _ in cues(seed, rounds, DEFAULT):
        logged = np.argsort(-(features @ DEFAULT))[:LOGGED]
        shown = np.argsort(-(features[logged] @ learner.active))[:among]
        learner = reinforced(learner, features[logged], rng.choice(shown, 1), beta)
    return learner


def test_use_improves_recall():
    """With weights that the default misses, 200 feedbacks raise recall@1 by more than 10 points, recall@10 by 5."""
    for seed in range(3):
        learner = used_truth(seed)
        assert learner.ahead
        gains = [recalled(99, learner.active, TRUTH, k) - recalled(99, DEFAULT, TRUTH, k) for k in (1, 10)]
        assert gains[0] > 0.10
        assert gains[1] > 0.05


@pytest.mark.parametrize(
    ("among", "beta", "repeats"),
    [(10, 1.0, 8), (10, 1.5, 30), (10, 2.0, 8), (10, 2.5, 30), (LOGGED, 1.0, 8), (LOGGED, 2.0, 8)],
)
def test_random_feedback_never_ranks(among, beta, repeats):
    """Whatever the temperature that suits it best, the default is as good at it; it stays in every repeat."""
    for seed in range(repeats):
        assert not used_at_random(seed, among, beta).ahead


@pytest.mark.parametrize(("among", "beta"), [(10, 1.0), (LOGGED, 2.0)])
def test_random_feedback_would_have_won_against_one_temperature(among, beta):
    """The learned weights lead the default as it is by far, for no better reason than their length."""
    for seed in range(4):
        learner = used_at_random(seed, among, beta)
        assert learner.learned_loss < learner.scaled_losses[SCALES.index(1.0)] - math.log(1000)


def test_feedback_that_follows_the_default_keeps_it():
    """Rows drawn by the default's own softmax: it is left in at most one repeat of a thousand, so in none of these."""
    for seed in range(12):
        learner, rng = fresh(DEFAULT), np.random.default_rng(seed)
        for features, _ in cues(seed, 100, DEFAULT):
            logged = features[np.argsort(-(features @ DEFAULT))[:LOGGED]]
            logits = BETA * logged @ DEFAULT
            masses = np.exp(logits - logits.max())
            learner = reinforced(learner, logged, rng.choice(LOGGED, 1, p=masses / masses.sum()), BETA)
            assert not learner.ahead
